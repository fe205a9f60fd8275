internal import ResectBytes

/// What stands before the header: the magic number, the version and the header's length.
struct NumPyPrelude {
  static let magic: [UInt8] = [0x93] + Array("NUMPY".utf8)

  let headerOffset: UInt64
  let headerLength: Int

  init(_ file: InputFile) throws(ResectError) {
    let start = try file.read(at: 0, count: Int(min(file.size, 12)))
    guard start.starts(with: NumPyPrelude.magic) else {
      throw ResectError(.unknownFormat, "this is no NumPy array")
    }
    var reader = ByteReader(start, at: NumPyPrelude.magic.count)
    let (major, minor) = (try reader.byte(), try reader.byte())
    switch (major, minor) {
    case (1, 0): headerLength = Int(try reader.integer(UInt16.self))
    case (2, 0), (3, 0): headerLength = Int(try reader.integer(UInt32.self))
    default:
      throw ResectError(.unsupported, "version \(major).\(minor) of NumPy's format is not known", offset: 6)
    }
    headerOffset = UInt64(reader.position)
    guard headerLength <= Limits.numPyHeaderBytes else {
      throw ResectError(
        .limit, "the header claims \(headerLength) bytes, at most \(Limits.numPyHeaderBytes) are read",
        offset: 8)
    }
  }
}
