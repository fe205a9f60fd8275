import ResectBytes
import Testing
import ResectTestSupport
import ResectZip

/// Archives that are written. The format's judge is libzip, which opens whatever `ZipArchive` opens.
@Suite struct ZipLayoutTests {
  private let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  /// Writes entries that hold noise.
  private func write(
    _ entries: [(name: String, count: Int, alignment: UInt64)], as name: String = "out.zip"
  ) throws -> String {
    let path = folder.file(name)
    let file = try OutputFile(path: path, overwrite: false)
    var layout = ZipLayout()
    for entry in entries {
      let place = try layout.append(
        entry.name, byteCount: UInt64(entry.count), alignment: entry.alignment)
      #expect(place % entry.alignment == 0)
      try file.write(noise(entry.count), at: place)
    }
    try layout.write(checksums: entries.map { CRC32.of(noise($0.count)) }, to: file)
    _ = try file.committed()
    return path
  }

  @Test func `the bytes are those of the specification`() throws {
    let path = folder.file("out.zip")
    let file = try OutputFile(path: path, overwrite: false)
    var layout = ZipLayout()
    #expect(try layout.append("a", byteCount: 3) == 31)
    #expect(try layout.append("b", byteCount: 2, alignment: 64) == 128)
    try file.write([1, 2, 3], at: 31)
    try file.write([4, 5], at: 128)
    try layout.write(checksums: [0x4433_2211, 0x8877_6655], to: file)
    #expect(try file.committed() == 246)
    // Version 2.0, UTF-8 names, stored, midnight of 1980-01-01.
    let common: [UInt8] = [20, 0, 0, 8, 0, 0, 0, 0, 33, 0]
    var expected: [UInt8] = [0x50, 0x4B, 3, 4] + common
    expected += [0x11, 0x22, 0x33, 0x44, 3, 0, 0, 0, 3, 0, 0, 0, 1, 0, 0, 0, 0x61, 1, 2, 3]
    expected += [0x50, 0x4B, 3, 4] + common
    expected += [0x55, 0x66, 0x77, 0x88, 2, 0, 0, 0, 2, 0, 0, 0, 1, 0, 63, 0, 0x62]
    expected += [0x46, 0x42, 59, 0] + [UInt8](repeating: 0x5A, count: 59) + [4, 5]
    let rest = [UInt8](repeating: 0, count: 10)
    expected += [0x50, 0x4B, 1, 2, 45, 0] + common
    expected += [0x11, 0x22, 0x33, 0x44, 3, 0, 0, 0, 3, 0, 0, 0, 1, 0, 0, 0] + rest + [0, 0, 0, 0, 0x61]
    expected += [0x50, 0x4B, 1, 2, 45, 0] + common
    expected += [0x55, 0x66, 0x77, 0x88, 2, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0] + rest + [34, 0, 0, 0, 0x62]
    expected += [0x50, 0x4B, 5, 6, 0, 0, 0, 0, 2, 0, 2, 0, 94, 0, 0, 0, 130, 0, 0, 0, 0, 0]
    #expect(try ResectTestSupport.contents(of: path) == expected)
  }

  @Test func `entries come back under their names, empty ones too`() throws {
    let path = try write([("é/weights", 1000, 64), ("empty", 0, 64), ("plain", 77, 1), ("last", 64, 4096)])
    #expect(
      try contents(of: path)
        == ["é/weights": noise(1000), "empty": [], "plain": noise(77), "last": noise(64)])
  }

  @Test func `an archive of nothing is one`() throws {
    #expect(try contents(of: try write([])).isEmpty)
  }

  @Test func `entries of four gibibytes and behind them have zip64 records`() throws {
    let path = folder.file("large.zip")
    let file = try OutputFile(path: path, overwrite: false)
    var layout = ZipLayout()
    let counts: [UInt64] = [0xFFFF_FFFE, 0xFFFF_FFFF, 5]
    var places: [UInt64] = []
    for (index, count) in counts.enumerated() {
      places.append(try layout.append("\(index)", byteCount: count, alignment: 64))
    }
    // Nothing is written but the last: the file has holes.
    try file.write(noise(5), at: places[2])
    try layout.write(checksums: [0, 0, CRC32.of(noise(5))], to: file)
    _ = try file.committed()
    let archive = try ZipArchive(InputFile(path: path))
    #expect(archive.entries.map(\.size) == counts)
    #expect(archive.entries.map(\.payloadOffset) == places)
    #expect(try archive.read(try #require(archive["2"]), limit: 5) == noise(5))
  }

  @Test func `more entries than 16 bits count are counted in zip64 records`() throws {
    let path = try write((0..<65_536).map { ("\($0)", 0, 1) })
    #expect(try ZipArchive(InputFile(path: path)).entries.count == 65_536)
  }

  @Test func `a name that is taken or too long is refused`() throws {
    var layout = ZipLayout()
    _ = try layout.append("a", byteCount: 0)
    for name in ["a", String(repeating: "a", count: 65_536)] {
      let error = #expect(throws: ResectError.self) { _ = try layout.append(name, byteCount: 0) }
      #expect(error?.code == .badArgument)
    }
  }
}
