public import ResectBytes
internal import Synchronization

/// Bytes that tensors are views of.
public protocol TensorStorage: Sendable {
  /// How many bytes there are.
  var byteCount: UInt64 { get }

  /// Hands over the bytes of `range` in order. Every piece but the last has a multiple of 16 bytes.
  ///
  /// Throws where the bytes cannot be read or do not match their checksum; what was handed over before is then void.
  func stream(_ range: Range<UInt64>, _ piece: (RawSpan) throws(ResectError) -> Void)
    throws(ResectError)

  /// The bytes of `range`. What computes its bytes may do so on all cores.
  func bytes(_ range: Range<UInt64>) throws(ResectError) -> [UInt8]

  /// Hands over the bytes of `range` at once: where they lie, if they lie in memory.
  func withBytes(
    _ range: Range<UInt64>, _ body: (RawSpan) throws(ResectError) -> Void
  ) throws(ResectError)
}

extension TensorStorage {
  /// The bytes of `range`, gathered from their stream.
  public func bytes(_ range: Range<UInt64>) throws(ResectError) -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(Int(range.upperBound - range.lowerBound))
    try stream(range) { piece throws(ResectError) in
      unsafe piece.withUnsafeBytes { unsafe bytes.append(contentsOf: $0) }
    }
    return bytes
  }

  /// Hands over the bytes of `range`, gathered in memory.
  public func withBytes(
    _ range: Range<UInt64>, _ body: (RawSpan) throws(ResectError) -> Void
  ) throws(ResectError) {
    try bytes(range).withRawSpan(body)
  }
}

/// A stretch of a file, with its checksum where the file holds one.
public final class FileStorage: TensorStorage {
  /// Where the stretch begins in the file.
  public let offset: UInt64
  /// How many bytes it has.
  public let byteCount: UInt64
  private let file: InputFile
  private let checksum: UInt32?
  private let name: String
  private let isVerified: Atomic<Bool>

  /// The `byteCount` bytes of `file` at `offset`; `name` is the stretch's name in errors. The CRC-32 `checksum` is compared
  /// when the bytes are first read.
  public init(
    _ file: InputFile, offset: UInt64, byteCount: UInt64, checksum: UInt32? = nil, name: String
  ) throws(ResectError) {
    try file.check(offset, count: byteCount)
    self.file = file
    self.offset = offset
    self.byteCount = byteCount
    self.checksum = checksum
    self.name = name
    isVerified = Atomic(checksum == nil)
  }

  /// See ``TensorStorage/stream(_:_:)``.
  public func stream(
    _ range: Range<UInt64>, _ piece: (RawSpan) throws(ResectError) -> Void
  ) throws(ResectError) {
    precondition(range.upperBound <= byteCount, "views are checked against their storage")
    let count = range.upperBound - range.lowerBound
    guard let checksum, !isVerified.load(ordering: .relaxed) else {
      return try file.stream(at: offset + range.lowerBound, count: count, piece)
    }
    // A part cannot be verified alone. Padding at the end is read along; where more is left out, the whole is read first.
    guard range.lowerBound == 0, byteCount - count < 64 else {
      try stream(0..<byteCount) { _ throws(ResectError) in }
      return try stream(range, piece)
    }
    var left = Int(count)
    var crc = CRC32()
    try file.stream(at: offset, count: byteCount) { bytes throws(ResectError) in
      crc.update(bytes)
      let wanted = min(left, bytes.byteCount)
      left -= wanted
      if wanted > 0 { try piece(bytes.extracting(first: wanted)) }
    }
    guard crc.value == checksum else {
      throw ResectError(
        .checksum,
        "the bytes of \(name) are damaged: CRC-32 is \(crc.value.hexadecimal), recorded is \(checksum.hexadecimal)",
        advice: "fetch the file again", file: file.path, offset: offset)
    }
    isVerified.store(true, ordering: .relaxed)
  }
}
