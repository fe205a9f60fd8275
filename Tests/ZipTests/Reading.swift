import ResectBytes
import Testing
import ResectZip

/// Every entry's contents by name, read whole and again as a stream, which must be the same.
func contents(of path: String) throws(ResectError) -> [String: [UInt8]] {
  let archive = try ZipArchive(InputFile(path: path))
  var contents: [String: [UInt8]] = [:]
  for entry in archive.entries {
    let whole = try archive.read(entry, limit: 1 << 24)
    contents[entry.name] = whole
    #expect(try streamed(entry, of: archive) == whole)
  }
  return contents
}

func contents(of builder: ZipBuilder) throws -> [String: [UInt8]] {
  let file = try ScratchFile(builder.bytes)
  return try contents(of: file.path)
}

func streamed(_ entry: ZipEntry, of archive: ZipArchive) throws(ResectError) -> [UInt8] {
  var bytes: [UInt8] = []
  try archive.stream(entry) { piece throws(ResectError) in
    #expect(piece.byteCount <= InputFile.pieceBytes)
    unsafe piece.withUnsafeBytes { unsafe bytes.append(contentsOf: $0) }
  }
  return bytes
}

/// Expects that opening or reading the archive is refused with `code`, and gives the error for closer looks.
@discardableResult
func expectRefusal(
  _ code: ResectError.Code, _ entries: [ZipBuilder.Entry],
  at location: SourceLocation = #_sourceLocation, _ change: (inout ZipBuilder) -> Void = { _ in }
) throws -> ResectError? {
  var builder = ZipBuilder(entries)
  change(&builder)
  return try expectRefusal(code, builder.bytes, at: location)
}

@discardableResult
func expectRefusal(
  _ code: ResectError.Code, _ bytes: [UInt8], at location: SourceLocation = #_sourceLocation
) throws -> ResectError? {
  let file = try ScratchFile(bytes)
  let error = #expect(throws: ResectError.self, sourceLocation: location) {
    try contents(of: file.path)
  }
  #expect(error?.code == code, "\(error.debugDescription)", sourceLocation: location)
  #expect(error?.file == file.path, sourceLocation: location)
  return error
}

/// Bytes without a pattern that deflate or a mistake could repeat.
func noise(_ count: Int, seed: UInt64 = 1) -> [UInt8] {
  var state = seed
  return (0..<count).map { _ in
    state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
    return UInt8(state >> 56)
  }
}
