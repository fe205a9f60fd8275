import ResectBytes
import Foundation
import ResectNativeFormat
import ResectResNets
import ResectTensors
import ResectTestSupport
import Testing

@Suite struct NativeReaderTests {
  private let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  private func open(
    _ bytes: [UInt8], access: NativeFile.Access = .mapped
  ) throws -> NativeFile {
    try NativeFile(InputFile(path: folder.write(bytes, as: "file.resect")), access: access)
  }

  private func error(_ assembly: HandAssembly, access: NativeFile.Access = .mapped) throws -> ResectError? {
    do {
      try open(assembly.bytes, access: access).readAll()
      return nil
    } catch let error as ResectError {
      return error
    }
  }

  @Test(arguments: [NativeFile.Access.mapped, .read])
  func `a file assembled by hand is read`(access: NativeFile.Access) throws {
    let file = try open(HandAssembly.classes().bytes, access: access)
    #expect(file.tensors.map(\.name) == ["classifier.weight", "classifier.bias"])
    #expect(file.tensors.map(\.tensor.shape.axes) == [[2, 3], [2]])
    #expect(file.tensors.map(\.tensor.dtype) == [.float32, .float32])
    #expect(try file.tensors[0].tensor.doubles() == [1, 2, 3, 4, 5, 6])
    #expect(try file.tensors[1].tensor.doubles() == [0.5, -0.5])
  }

  @Test func `a mapped tensor lies at a multiple of 64 bytes and is used in place`() throws {
    let file = try open(HandAssembly.classes().bytes)
    var addresses: [UInt] = []
    for (_, tensor) in file.tensors + file.tensors {
      addresses.append(
        try tensor.withBytes { bytes throws(ResectError) in
          unsafe bytes.withUnsafeBytes { UInt(bitPattern: $0.baseAddress) }
        })
    }
    #expect(addresses.allSatisfy { $0 % 64 == 0 })
    #expect(addresses[1] - addresses[0] == 64)
    #expect(addresses[2] == addresses[0])
  }

  @Test func `a tensor of no elements takes no bytes`() throws {
    let empty = HandAssembly.entry(name: "empty", shape: "[0,3]", length: 0, payload: [])
    let huge = HandAssembly.entry(
      name: "huge", shape: "[0,1099511627776,1099511627776]", length: 0, payload: [])
    let assembly = HandAssembly.tensors(
      empty, HandAssembly.weightEntry, HandAssembly.biasEntry,
      huge.replacingOccurrences(of: "\"offset\":64", with: "\"offset\":192"))
    let file = try open(assembly.bytes)
    try file.readAll()
    #expect(file.tensors.map(\.tensor.byteCount) == [0, 24, 8, 0])
  }

  @Test func `a file without tensors is read`() throws {
    #expect(try open(HandAssembly.tensors(payloads: []).bytes).tensors.isEmpty)
  }

  @Test func `nothing of the payloads is read at open`() throws {
    var bytes = HandAssembly.classes().bytes
    bytes[64] ^= 1
    let file = try open(bytes)
    #expect(
      refusal { () throws(ResectError) in try file.tensors[0].tensor.bytes() } == .checksum)
    #expect(try file.tensors[1].tensor.doubles() == [0.5, -0.5])
  }

  // MARK: Layout

  private static func weightAt(_ offset: Int64) -> String {
    HandAssembly.entry(
      name: "classifier.weight", shape: "[2,3]", offset: offset, length: 24, payload: HandAssembly.weight)
  }
  private static func biasAt(_ offset: Int64) -> String {
    HandAssembly.entry(
      name: "classifier.bias", shape: "[2]", offset: offset, length: 8, payload: HandAssembly.bias)
  }

  @Test(
    arguments: [
      ("overlapping", [weightAt(64), biasAt(64)]), ("overlapping by a part", [weightAt(64), biasAt(96)]),
      ("a gap", [weightAt(64), biasAt(192)]), ("not aligned", [weightAt(64), biasAt(88)]),
      ("in the prelude", [weightAt(0), biasAt(128)]), ("past the end", [weightAt(64), biasAt(1 << 40)]),
      ("in the wrong order", [biasAt(128), weightAt(64)]), ("bytes of no tensor", [weightAt(64)]),
      ("no tensors at all", []),
      ("the largest offset", [weightAt(64), biasAt(.max)]),
      (
        "running into the header",
        [
          weightAt(64), biasAt(128),
          HandAssembly.entry(name: "c", shape: "[1]", offset: 192, length: 4, payload: []),
        ]
      ),
      (
        "longer than the file",
        [
          HandAssembly.entry(
            name: "a", shape: "[576460752303423487]", length: 2_305_843_009_213_693_948, payload: [])
        ]
      ),
      ("the same twice", [weightAt(64), weightAt(128)]),
    ] as [(String, [String])])
  func `payloads that do not lie one after the other are refused`(
    name: String, entries: [String]
  ) throws {
    var assembly = HandAssembly.tensors()
    assembly.header = HandAssembly.classes(tensors: "[\(entries.joined(separator: ","))]").header
    #expect(try error(assembly)?.code == .malformed)
    #expect(try error(assembly, access: .read)?.code == .malformed)
  }

  @Test func `names that differ only in Unicode normalisation are refused`() throws {
    let one = HandAssembly.entry(
      name: "\u{E9}", shape: "[2,3]", length: 24, payload: HandAssembly.weight)
    let other = HandAssembly.entry(
      name: "e\u{301}", shape: "[2]", offset: 128, length: 8, payload: HandAssembly.bias)
    #expect(try error(.tensors(one, other))?.code == .malformed)
  }

  // MARK: Damage

  @Test(arguments: [NativeFile.Access.mapped, .read])
  func `a wrong checksum of a tensor is found when it is read, every time`(
    access: NativeFile.Access
  ) throws {
    let entry = HandAssembly.entry(
      name: "classifier.weight", shape: "[2,3]", length: 24, payload: [1])
    let file = try open(HandAssembly.tensors(entry, HandAssembly.biasEntry).bytes, access: access)
    for _ in 0..<2 {
      let error = #expect(throws: ResectError.self) { try file.tensors[0].tensor.bytes() }
      #expect(error?.code == .checksum)
      #expect(error?.offset == 64)
      #expect(error?.message.contains("classifier.weight") == true)
    }
  }

  /// Every byte is covered: the prelude and the header by their checksums when the file is opened, payloads and the zeros
  /// between them by their tensor's when that is read.
  @Test(arguments: [NativeFile.Access.mapped, .read])
  func `every flipped bit is found`(access: NativeFile.Access) throws {
    let bytes = HandAssembly.classes().bytes
    let path = try folder.write(bytes, as: "flipped.resect")
    let handle = try #require(FileHandle(forUpdatingAtPath: path))
    defer { try? handle.close() }
    func put(_ byte: UInt8, at index: Int) throws {
      try handle.seek(toOffset: UInt64(index))
      try handle.write(contentsOf: Data([byte]))
    }
    var missed: [String] = []
    for index in bytes.indices {
      for bit in 0..<8 {
        try put(bytes[index] ^ 1 << UInt8(bit), at: index)
        do {
          let file = try NativeFile(InputFile(path: path), access: access)
          // Only the payloads are left to be checked.
          if !(64..<192 ~= index) { missed.append("byte \(index), bit \(bit), at open") }
          try file.readAll()
          missed.append("byte \(index), bit \(bit)")
        } catch {}
      }
      try put(bytes[index], at: index)
    }
    #expect(missed.isEmpty)
    try NativeFile(InputFile(path: path), access: access).readAll()
  }

  @Test(arguments: [NativeFile.Access.mapped, .read])
  func `every truncation is refused`(access: NativeFile.Access) throws {
    let bytes = HandAssembly.classes().bytes
    let path = try folder.write(bytes, as: "cut.resect")
    for count in bytes.indices.reversed() {
      #expect(unsafe truncate(path, off_t(count)) == 0)
      let file = try InputFile(path: path)
      let code = refusal { () throws(ResectError) in try NativeFile(file, access: access) }
      #expect(code == .truncated, "\(count) bytes")
    }
  }

  @Test func `anything appended is refused`() throws {
    let bytes = HandAssembly.classes().bytes
    for more in [[0], [0x0A], [UInt8](repeating: 0, count: 64), bytes] {
      let file = try InputFile(path: folder.write(bytes + more, as: "longer.resect"))
      #expect(refusal { () throws(ResectError) in try NativeFile(file) } == .truncated)
    }
  }

  @Test func `a file that is cut after it was opened is an error when it is read by pieces`() throws {
    let path = try folder.write(HandAssembly.classes().bytes, as: "file.resect")
    let file = try NativeFile(InputFile(path: path), access: .read)
    #expect(unsafe truncate(path, 100) == 0)
    #expect(
      refusal { () throws(ResectError) in try file.tensors[0].tensor.bytes() } == .truncated)
  }

  @Test func `another format is refused`() throws {
    for head in [Array("PK\u{3}\u{4}".utf8), Array("{\"a\":1}".utf8), [0x80, 2]] {
      let file = try InputFile(path: folder.write(head + [UInt8](repeating: 0, count: 100), as: "other"))
      #expect(refusal { () throws(ResectError) in try NativeFile(file) } == .malformed)
    }
  }

  @Test func `the magic number is that of the specification`() {
    #expect(NativeFile.magic == [0x89, 0x52, 0x53, 0x43, 0x54, 0x0D, 0x0A, 0x1A])
  }
}
