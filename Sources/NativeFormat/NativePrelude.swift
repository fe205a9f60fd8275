internal import ResectBytes

/// The first 64 bytes of a `.resect` file. See `Docs/NativeFormat.md`.
struct NativePrelude {
  static let byteCount = 64
  /// Not text, not any other format's; the line ends show a transfer that changed them.
  static let magic: [UInt8] = [0x89, 0x52, 0x53, 0x43, 0x54, 0x0D, 0x0A, 0x1A]
  /// The version of files of ResNets and their halves.
  static let firstVersion: UInt32 = 1
  /// The version of files of graphs.
  static let graphVersion: UInt32 = 2
  /// Payloads and header begin at multiples of this.
  static let alignment: UInt64 = 64

  var version: UInt32
  var fileLength: UInt64
  var headerOffset: UInt64
  var headerLength: UInt64
  var headerChecksum: UInt32

  var bytes: [UInt8] {
    var bytes = NativePrelude.magic
    bytes.append(littleEndian: version)
    bytes.append(littleEndian: UInt32(0))
    bytes.append(littleEndian: fileLength)
    bytes.append(littleEndian: headerOffset)
    bytes.append(littleEndian: headerLength)
    bytes.append(littleEndian: headerChecksum)
    bytes += [UInt8](repeating: 0, count: 16)
    bytes.append(littleEndian: CRC32.of(bytes))
    return bytes
  }

  init(version: UInt32, fileLength: UInt64, headerOffset: UInt64, headerLength: UInt64, headerChecksum: UInt32) {
    self.version = version
    self.fileLength = fileLength
    self.headerOffset = headerOffset
    self.headerLength = headerLength
    self.headerChecksum = headerChecksum
  }

  init(parsing bytes: [UInt8], fileSize: UInt64) throws(ResectError) {
    var reader = ByteReader(bytes)
    guard try reader.take(8).elementsEqual(NativePrelude.magic) else {
      throw ResectError(.malformed, "this is no .resect file: the magic number is missing", offset: 0)
    }
    version = try reader.integer()
    guard NativePrelude.firstVersion...NativePrelude.graphVersion ~= version else {
      throw ResectError(
        .unsupported,
        "the file has version \(version) of the format, this program reads \(NativePrelude.firstVersion) and \(NativePrelude.graphVersion)",
        advice: "use a newer Resect", offset: 8)
    }
    let reserved = try reader.integer(UInt32.self)
    fileLength = try reader.integer()
    headerOffset = try reader.integer()
    headerLength = try reader.integer()
    headerChecksum = try reader.integer()
    let zeros = try reader.take(16)
    guard try reader.integer(UInt32.self) == CRC32.of(Array(bytes[..<60])) else {
      throw ResectError(
        .checksum, "the first 64 bytes are damaged", advice: "export the model again", offset: 0)
    }
    guard reserved == 0, zeros.allSatisfy({ $0 == 0 }) else {
      throw ResectError(.malformed, "reserved bytes are not zero", offset: 12)
    }
    guard fileLength == fileSize else {
      throw ResectError(
        .truncated, "the file should have \(fileLength) bytes, it has \(fileSize)",
        advice: "the file is cut short or something was appended: copy it again", offset: 16)
    }
    guard headerOffset % NativePrelude.alignment == 0, headerOffset >= 64,
      try headerOffset.adding(headerLength, "the header's end") == fileSize
    else {
      throw ResectError(.malformed, "the header is not at the end of the file", offset: 24)
    }
    guard headerLength <= UInt64(Limits.metadataBytes) else {
      throw ResectError(
        .limit, "the header claims \(headerLength) bytes, at most \(Limits.metadataBytes) are read",
        offset: 32)
    }
  }
}
