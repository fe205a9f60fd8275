public import ResectBytes
internal import Synchronization

/// A stretch of a mapped file, used in place.
public final class MappedStorage: TensorStorage {
  /// How many bytes it has.
  public let byteCount: UInt64
  private let file: MappedFile
  private let range: Range<Int>
  private let checksum: UInt32
  private let name: String
  private let isVerified = Atomic(false)

  /// The bytes `range` of `file`; `name` is the stretch's name in errors. The CRC-32 `checksum` is compared when the bytes
  /// are first used.
  public init(_ file: MappedFile, range: Range<Int>, checksum: UInt32, name: String) {
    self.file = file
    self.range = range
    byteCount = UInt64(range.count)
    self.checksum = checksum
    self.name = name
  }

  /// See ``TensorStorage/stream(_:_:)``.
  public func stream(
    _ range: Range<UInt64>, _ piece: (RawSpan) throws(ResectError) -> Void
  ) throws(ResectError) {
    var start = Int(range.lowerBound)
    while start < Int(range.upperBound) {
      let end = min(start + InputFile.pieceBytes, Int(range.upperBound))
      try withBytes(start..<end, piece)
      start = end
    }
  }

  /// Hands over the bytes of `range` in place.
  public func withBytes(
    _ range: Range<UInt64>, _ body: (RawSpan) throws(ResectError) -> Void
  ) throws(ResectError) {
    try withBytes(Int(range.lowerBound)..<Int(range.upperBound), body)
  }

  func withBytes<Result>(
    _ part: Range<Int>, _ body: (RawSpan) throws(ResectError) -> Result
  ) throws(ResectError) -> Result {
    if !isVerified.load(ordering: .relaxed) {
      let value = file.withBytes(range) { bytes in
        var crc = CRC32()
        crc.update(bytes)
        return crc.value
      }
      guard value == checksum else {
        throw ResectError(
          .checksum,
          "the bytes of \(name) are damaged: CRC-32 is \(value.hexadecimal), recorded is \(checksum.hexadecimal)",
          advice: "export the model again", offset: UInt64(range.lowerBound))
      }
      isVerified.store(true, ordering: .relaxed)
    }
    return try file.withBytes(
      range.lowerBound + part.lowerBound..<range.lowerBound + part.upperBound, body)
  }
}

extension LazyTensor {
  /// Hands over all elements in row-major order, little-endian, in the tensor's own dtype: in place where the tensor lies
  /// whole in a mapped file, else from memory.
  public func withBytes<Result>(
    _ body: (RawSpan) throws(ResectError) -> Result
  ) throws(ResectError) -> Result {
    if let stored = source as? StoredTensor, let mapped = stored.storage as? MappedStorage,
      stored.liesInPlace
    {
      let start = stored.offset * dtype.byteCount
      return try mapped.withBytes(start..<start + byteCount, body)
    }
    return try bytes().withRawSpan(body)
  }
}
