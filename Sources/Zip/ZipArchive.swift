public import ResectBytes
internal import Synchronization

/// A zip archive that is open for reading, strictly: what two readers could understand differently is refused.
///
/// libzip judges the format. The archive's directory is read here too, and both readings must agree on every entry; no
/// two entries may share bytes or a name, and each entry's own header must say what the directory says. Opening reads
/// the directory and these headers, so its cost does not grow with the contents. Nothing is ever extracted: a name that
/// would be dangerous as a path is only a name. All methods may be called from several threads at once.
///
/// ```swift
/// let archive = try ZipArchive(InputFile(path: "resnet50.pth"))
/// let version = try archive["archive/version"].map { try archive.read($0, limit: 16) }
/// ```
///
/// Limits: one file, at most `Limits.archiveEntries` entries, stored or deflated, not encrypted.
public final class ZipArchive: Sendable {
  /// The file that is read.
  public let file: InputFile
  /// The entries, in the order of the directory.
  public let entries: [ZipEntry]

  private let places: [String: Int]
  /// libzip's handles that nobody uses: as many as there ever were deflated entries under way at once.
  private let idle = Mutex<[PooledHandle]>([])

  /// Opens `file`.
  ///
  /// Throws `ResectError.Code.truncated` where the end of the archive is missing, `ResectError.Code.unsupported` for
  /// encryption and for methods other than deflate, `ResectError.Code.limit` for counts and sizes that no checkpoint
  /// has, and `ResectError.Code.malformed` for all else that is wrong.
  public init(_ file: InputFile) throws(ResectError) {
    let directory = try Directory(parsing: file)
    self.file = file
    entries = directory.entries
    places = directory.places
  }

  /// The entry of that name, if there is one.
  public subscript(name: String) -> ZipEntry? {
    places[name].map { entries[$0] }
  }

  /// The whole contents of `entry`, which may be at most `limit` bytes: that is checked before memory is taken.
  ///
  /// Contents of another size or CRC-32 than recorded throw `ResectError.Code.malformed` or
  /// `ResectError.Code.checksum`.
  public func read(_ entry: ZipEntry, limit: Int) throws(ResectError) -> [UInt8] {
    guard entry.size <= UInt64(max(limit, 0)) else {
      throw file.refusal(
        .limit, "expected at most \(limit) bytes, found \(entry.size)", entry: entry.name,
        at: entry.payloadOffset)
    }
    var bytes: [UInt8] = []
    bytes.reserveCapacity(Int(entry.size))
    try stream(entry) { piece throws(ResectError) in
      unsafe piece.withUnsafeBytes { unsafe bytes.append(contentsOf: $0) }
    }
    return bytes
  }

  /// Hands the contents of `entry` over in order, in pieces of at most `InputFile.pieceBytes`.
  ///
  /// The CRC-32 is known only at the end: trust no piece until the call has returned. Throws as ``read(_:limit:)`` does,
  /// and what `piece` throws.
  public func stream(
    _ entry: ZipEntry, _ piece: (RawSpan) throws(ResectError) -> Void
  ) throws(ResectError) {
    var crc = CRC32()
    func checked(_ bytes: RawSpan) throws(ResectError) {
      crc.update(bytes)
      try piece(bytes)
    }
    if entry.isStored {
      try file.stream(at: entry.payloadOffset, count: entry.size, checked)
    } else {
      let handle = try takeHandle()
      try handle.libzip.inflate(entry, checked)
      // A handle that failed is not put back.
      idle.withLock { $0.append(handle) }
    }
    guard entry.crc32 == crc.value || entry.crc32 == 0 && entry.isStored else {
      throw file.refusal(
        .checksum, "expected CRC-32 \(entry.crc32.hexadecimal), found \(crc.value.hexadecimal)",
        entry: entry.name, at: entry.payloadOffset)
    }
  }

  /// A handle for one thread. The archive's consistency was checked when it was opened; the entry's CRC-32 tells if the
  /// file changed since.
  private func takeHandle() throws(ResectError) -> PooledHandle {
    if let handle = idle.withLock({ $0.popLast() }) { return handle }
    return PooledHandle(
      try LibzipHandle(LibzipSource(file), of: file, checkingConsistency: false))
  }
}
