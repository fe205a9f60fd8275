public import ResectBytes
internal import Synchronization
internal import ResectTensors

/// A part of a file that has a checksum as a whole, as an entry of an archive has. It is compared once, when the first of
/// the bytes is asked for.
public final class FileStretch: Sendable {
  private let file: InputFile
  private let range: Range<UInt64>
  private let checksum: UInt32
  private let result = Mutex<Result<Void, ResectError>?>(nil)

  /// The bytes `range` of `file`, whose CRC-32 should be `checksum`.
  public init(_ file: InputFile, range: Range<UInt64>, checksum: UInt32) {
    self.file = file
    self.range = range
    self.checksum = checksum
  }

  /// Reads all of it, if nobody did before, and throws where it is damaged.
  func verify() throws(ResectError) {
    let result = result.withLock { known in
      let result = known ?? Result { () throws(ResectError) in try compare() }
      known = result
      return result
    }
    try result.get()
  }

  private func compare() throws(ResectError) {
    var crc = CRC32()
    try file.stream(at: range.lowerBound, count: range.upperBound - range.lowerBound) {
      piece throws(ResectError) in crc.update(piece)
    }
    guard crc.value == checksum else {
      throw ResectError(
        .checksum, "expected CRC-32 \(checksum.hexadecimal), found \(crc.value.hexadecimal)",
        advice: "the file is damaged: fetch it again", file: file.path, offset: range.lowerBound)
    }
  }
}

/// A storage within a stretch, which is verified before.
struct VerifiedStorage: TensorStorage {
  let base: any TensorStorage
  let stretch: FileStretch

  var byteCount: UInt64 { base.byteCount }

  func stream(
    _ range: Range<UInt64>, _ piece: (RawSpan) throws(ResectError) -> Void
  ) throws(ResectError) {
    try stretch.verify()
    try base.stream(range, piece)
  }
}
