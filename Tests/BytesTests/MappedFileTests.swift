import ResectBytes
import ResectTestSupport
import Testing

@Suite struct MappedFileTests {
  private func copy(_ file: MappedFile, _ range: Range<Int>) -> [UInt8] {
    file.withBytes(range) { unsafe $0.withUnsafeBytes { unsafe Array($0) } }
  }

  @Test func `a mapped file shows the bytes of the file, also after that is closed`() throws {
    let folder = try TemporaryFolder()
    let path = try folder.write(Array(0..<200), as: "file")
    let mapped = try MappedFile(InputFile(path: path))
    #expect(mapped.byteCount == 200)
    #expect(copy(mapped, 0..<200) == Array(0..<200))
    #expect(copy(mapped, 10..<13) == [10, 11, 12])
  }

  @Test(arguments: [(-5..<2, [0, 1]), (3..<9, [3]), (4..<9, []), (100..<200, []), (2..<2, [])])
  func `a range outside the file holds only what is inside`(range: Range<Int>, bytes: [UInt8]) throws {
    let folder = try TemporaryFolder()
    let mapped = try MappedFile(InputFile(path: folder.write([0, 1, 2, 3], as: "file")))
    #expect(copy(mapped, range) == bytes)
  }

  @Test func `an empty file maps to nothing`() throws {
    let folder = try TemporaryFolder()
    let mapped = try MappedFile(InputFile(path: folder.write([], as: "file")))
    #expect(mapped.byteCount == 0)
    #expect(copy(mapped, 0..<1) == [])
  }
}
