import ResectBytes
import ResectTestSupport
import Testing

@testable import ResectNativeFormat

@Suite struct NativePreludeTests {
  private let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  private func open(_ assembly: HandAssembly) throws -> NativeFile {
    try NativeFile(InputFile(path: folder.write(assembly.bytes, as: "file.resect")))
  }

  /// The code by which `assembly` is refused.
  private func code(_ change: (inout HandAssembly) -> Void) throws -> ResectError.Code? {
    var assembly = HandAssembly.classes()
    change(&assembly)
    do {
      _ = try open(assembly)
      return nil
    } catch let error as ResectError {
      #expect(error.file == folder.file("file.resect"))
      return error.code
    }
  }

  @Test func `a sound prelude is accepted`() throws {
    #expect(try code { _ in } == nil)
  }

  @Test func `the fields lie where the specification says`() throws {
    let prelude = NativePrelude(
      version: 2, fileLength: 0x0102_0304_0506_0708, headerOffset: 0x1112_1314_1516_1718,
      headerLength: 0x2122_2324_2526_2728, headerChecksum: 0x3132_3334)
    var expected: [UInt8] = [0x89, 0x52, 0x53, 0x43, 0x54, 0x0D, 0x0A, 0x1A, 2, 0, 0, 0, 0, 0, 0, 0]
    expected += [8, 7, 6, 5, 4, 3, 2, 1, 0x18, 0x17, 0x16, 0x15, 0x14, 0x13, 0x12, 0x11]
    expected += [0x28, 0x27, 0x26, 0x25, 0x24, 0x23, 0x22, 0x21, 0x34, 0x33, 0x32, 0x31]
    expected += [UInt8](repeating: 0, count: 16)
    expected.append(littleEndian: HandAssembly.crc32(expected))
    #expect(prelude.bytes == expected)
    #expect(expected.count == 64)
  }

  @Test(arguments: 0..<8)
  func `a wrong magic number is refused`(index: Int) throws {
    #expect(try code { $0.magic[index] ^= 0x20 } == .malformed)
  }

  @Test func `a transfer that changed line ends is refused`() throws {
    #expect(try code { $0.magic = [0x89, 0x52, 0x53, 0x43, 0x54, 0x0A, 0x1A, 0x01] } == .malformed)
  }

  @Test(arguments: [0, 3, 4, 0x0100_0000, .max] as [UInt32])
  func `another version is refused as unsupported`(version: UInt32) throws {
    #expect(try code { $0.version = version } == .unsupported)
  }

  @Test func `version 2 without a graph is refused`() throws {
    #expect(try code { $0.version = 2 } == .malformed)
  }

  @Test func `a wrong checksum of the prelude is refused`() throws {
    #expect(try code { $0.preludeChecksum = 0 } == .checksum)
  }

  @Test(arguments: 0..<4)
  func `a reserved byte that is not zero is refused`(index: Int) throws {
    #expect(try code { $0.reserved = 1 << UInt32(index * 8) } == .malformed)
  }

  @Test(arguments: 0..<16)
  func `a byte of the reserved stretch that is not zero is refused`(index: Int) throws {
    #expect(try code { $0.zeros[index] = 1 } == .malformed)
  }

  @Test func `a file length other than the file's is refused`() throws {
    let length = UInt64(HandAssembly.classes().bytes.count)
    for wrong in [length - 1, length + 1, 0, .max] {
      #expect(try code { $0.fileLength = wrong } == .truncated)
    }
  }

  @Test func `a header that is not at the end of the file is refused`() throws {
    let assembly = HandAssembly.classes()
    let length = UInt64(assembly.header.utf8.count)
    let offset = UInt64(64 + assembly.payloads.count)
    for (wrongOffset, wrongLength) in [
      (offset, length - 1), (offset, length + 1), (offset - 64, length), (offset + 64, length),
      (offset, 0), (offset, .max), (0, length + offset), (.max - 63, length), (.max - 63, .max),
      (offset - 1, length + 1), (offset - 32, length + 32), (63, offset + length - 63),
    ] {
      let found = try code {
        $0.headerOffset = wrongOffset
        $0.headerLength = wrongLength
      }
      #expect(found == .malformed, "\(wrongOffset) \(wrongLength)")
    }
  }

  @Test func `a header over the limit is refused before it is read`() {
    let limit = UInt64(Limits.metadataBytes)
    for (length, code) in [(limit, nil), (limit + 1, .limit), (1 << 62, .limit)]
      as [(UInt64, ResectError.Code?)]
    {
      let prelude = NativePrelude(
        version: 1, fileLength: 64 + length, headerOffset: 64, headerLength: length, headerChecksum: 0)
      let found = refusal { () throws(ResectError) in
        try NativePrelude(parsing: prelude.bytes, fileSize: 64 + length)
      }
      #expect(found == code)
    }
  }

  @Test(arguments: [0, 1, 8, 63])
  func `a file shorter than the prelude is refused`(count: Int) throws {
    let path = try folder.write(Array(HandAssembly.classes().bytes[..<count]), as: "short")
    let file = try InputFile(path: path)
    #expect(refusal { () throws(ResectError) in try NativeFile(file) } == .truncated)
  }

  @Test func `a wrong checksum of the header is refused`() throws {
    #expect(try code { $0.headerChecksum = 0 } == .checksum)
  }
}
