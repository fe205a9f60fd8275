import ResectBytes
import Foundation
import ResectNativeFormat
import ResectTensors
import ResectTestSupport
import Testing

/// Files whose checksums are right and whose encoded payloads lie.
@Suite struct EncodedDamageTests {
  private let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  private func error(
    _ assembly: HandAssembly, access: NativeFile.Access = .mapped
  ) throws -> ResectError? {
    do {
      let path = try folder.write(assembly.bytes, as: "file.resect")
      try NativeFile(InputFile(path: path), access: access).readAll()
      return nil
    } catch let error as ResectError {
      return error
    }
  }

  private static let zero = HandEncoding.constant(0)
  private static let planes = zero + zero + zero + zero

  private static func planes(_ first: [UInt8]) -> [UInt8] {
    HandEncoding.payload(first + zero + zero + zero)
  }

  private static let symbols: [UInt8] = [1, 2, 1, 1]
  private static func coded(_ frequencies: [Int], spoil: (inout HandEncoding.Words) -> Void = { _ in }) -> [UInt8] {
    planes(HandEncoding.coded(symbols, first: 1, frequencies: frequencies, spoil: spoil))
  }

  @Test(
    arguments: [
      ("no table", []), ("half a table", [1, 0]),
      ("a chunk longer than the payload", HandEncoding.payload(planes, lengths: [9])),
      ("a chunk shorter than its blocks", HandEncoding.payload(planes, lengths: [7])),
      ("bytes after the chunks", HandEncoding.payload(planes) + [0]),
      ("bytes after the blocks", HandEncoding.payload(planes + [0])),
      ("a chunk of all memory", HandEncoding.payload(planes, lengths: [.max])),
      ("no blocks", HandEncoding.payload([])),
      ("a plane missing", HandEncoding.payload(zero + zero + zero)),
      ("a kind that is not known", planes([4, 0])), ("a curve", planes([3, 0, 1, 1])),
      ("stored symbols cut short", HandEncoding.payload([0, 1, 2])),
      ("a constant of nothing", HandEncoding.payload([1])),
      ("symbols in the wrong order", planes([2, 2, 1, 0])),
      ("one symbol alone", planes([2, 1, 1, 0x80, 0x20])),
      ("frequencies above 4096", coded([3072, 1025])), ("frequencies below 4096", coded([3072, 1023])),
      ("a frequency of all", planes([2, 1, 2, 0x80, 0x20, 0x00])),
      ("a frequency of 32767", planes([2, 1, 2, 0xFF, 0xFF, 0x00])),
      ("words left over", coded([3072, 1024]) { $0.words.append(1) }),
      ("a state that ends wrong", coded([3072, 1024]) { $0.states[3] += 1 }),
      ("a state below all", coded([3072, 1024]) { $0.states[0] = 0 }),
      ("a state above all", coded([3072, 1024]) { $0.states[1] = 0xFFFF_FFFF }),
    ] as [(String, [UInt8])])
  func `planes that lie are refused, and the tensor named`(name: String, payload: [UInt8]) throws {
    for access in [NativeFile.Access.mapped, .read] {
      let error = try error(.encoded(payload, "planes", shape: "[2,2]"), access: access)
      #expect(error?.code == .malformed, "\(name)")
      #expect(error?.tensor == "classifier.weight")
    }
  }

  @Test func `words that run out are refused`() throws {
    let symbols = (0..<40_000).map { UInt8($0 % 7 == 0 ? 1 : 2) }
    for dropped in [1, 40, 1000] {
      let block = HandEncoding.coded(symbols, first: 1, frequencies: [1024, 3072]) { $0.words.removeLast(dropped) }
      let error = try error(.encoded(Self.planes(block), "planes", shape: "[40000]"))
      #expect(error?.code == .malformed)
    }
  }

  private static let integers: [UInt8] = [0] + HandEncoding.stored([127, 128])

  @Test(
    arguments: [
      ("no head", []), ("a head that is not known", HandEncoding.payload(head: [2], integers)),
      ("classes cut short", [1, 0]), ("an empty chunk", HandEncoding.payload(head: [0], [])),
      ("too many low bits", HandEncoding.payload(head: [0], [17] + integers.dropFirst())),
      ("low bits missing", HandEncoding.payload(head: [0], [1] + integers.dropFirst())),
      ("low bits for none", HandEncoding.payload(head: [0], integers + [0])),
      ("an integer missing", HandEncoding.payload(head: [0], [0] + HandEncoding.stored([255, 127]) + [0, 0, 0])),
      ("a curve of too many nodes", HandEncoding.payload(head: [0], [0, 3, 15] + [UInt8](repeating: 1, count: 60))),
      ("a curve of nothing", HandEncoding.payload(head: [0], [0, 3, 0, 0, 0] + [UInt8](repeating: 0, count: 18))),
      ("a curve of one symbol", HandEncoding.payload(head: [0], [0, 3, 0, 1, 0] + [UInt8](repeating: 0, count: 18))),
    ] as [(String, [UInt8])])
  func `integers that lie are refused`(name: String, payload: [UInt8]) throws {
    let error = try error(.quantized(payload, shape: "[1,2]"))
    #expect(error?.code == .malformed, "\(name)")
    #expect(error?.tensor == "classifier.weight")
  }

  @Test func `classes need rows and columns`() throws {
    #expect(
      try error(.quantized(HandEncoding.payload(head: [1, 0x88, 0x88], Self.integers), shape: "[2]"))?.code
        == .malformed)
  }

  @Test(
    arguments: [
      ("a chunk that ends early", HandAssembly.int8(scales: [1], [0, 127], shape: "[1,2]")),
      ("a chunk that goes on", .int8(scales: [1], HandEncoding.stored([127, 128, 129]), shape: "[1,2]")),
      ("a chunk missing", .int8(scales: [1], shape: "[1,2]")),
      ("an integer of 128", .int8(scales: [1], HandEncoding.stored([127, 255]), shape: "[1,2]")),
      ("a scale missing", .int8(scales: [1], HandEncoding.stored([127, 127]), shape: "[2,1]")),
      ("scales alone", .int8(scales: [1, 1], shape: "[2,1]")),
      ("a scale of 0", .int8(scales: [1, 0], HandEncoding.stored([127, 127]), shape: "[2,1]")),
      ("a negative scale", .int8(scales: [-1], HandEncoding.stored([127, 127]), shape: "[1,2]")),
      ("a scale that is no number", .int8(scales: [.nan], HandEncoding.stored([127, 127]), shape: "[1,2]")),
      ("an infinite scale", .int8(scales: [.infinity], HandEncoding.stored([127, 127]), shape: "[1,2]")),
      ("a subnormal scale", .int8(scales: [0x1p-127], HandEncoding.stored([127, 127]), shape: "[1,2]")),
    ] as [(String, HandAssembly)])
  func `8-bit weights that lie are refused, and the tensor named`(name: String, assembly: HandAssembly) throws {
    for access in [NativeFile.Access.mapped, .read] {
      let error = try error(assembly, access: access)
      #expect(error?.code == .malformed, "\(name)")
      #expect(error?.tensor == "classifier.weight", "\(name)")
    }
  }

  @Test(arguments: ["", #","relativeError":-1"#, #","relativeError":"0""#])
  func `8-bit weights say their error`(members: String) throws {
    let error = try error(.encoded([0, 0, 0x80, 0x3F, 1, 127], "int8", shape: "[1]", members: members))
    #expect(error?.code == .malformed)
    #expect(error?.message.contains("relativeError") == true)
  }

  @Test(
    arguments: [
      ("step", ""), ("step", #","relativeError":0"#), ("relativeError", #","step":1"#),
      ("step", #","step":0,"relativeError":0"#), ("step", #","step":-1,"relativeError":0"#),
      ("step", #","step":"1","relativeError":0"#), ("step", #","step":1e-310,"relativeError":0"#),
      ("relativeError", #","step":1,"relativeError":-1"#), ("relativeError", #","step":1,"relativeError":null"#),
    ])
  func `a step that is none is refused`(name: String, members: String) throws {
    let payload = HandEncoding.payload(head: [0], Self.integers)
    let error = try error(.encoded(payload, "quantized", shape: "[2]", members: members))
    #expect(error?.code == .malformed)
    #expect(error?.message.contains(name) == true)
  }

  @Test(
    arguments: [
      ("planes", "F64", "[2]"), ("planes", "I8", "[2]"), ("planes", "F32", "[0,2]"), ("quantized", "F16", "[2]"),
      ("quantized", "F32", "[0]"), ("int8", "I8", "[2]"), ("int8", "BF16", "[2]"), ("int8", "F32", "[]"),
      ("int8", "F32", "[0]"), ("int8", "F32", "[2,0]"),
    ])
  func `an encoding that does not go with the tensor is refused`(
    encoding: String, dtype: String, shape: String
  ) throws {
    let assembly = HandAssembly.encoded(
      [0], encoding, dtype: dtype, shape: shape, members: #","step":1,"relativeError":0"#)
    #expect(try error(assembly)?.code == .malformed)
  }

  @Test func `an encoding that is not known is refused by name`() throws {
    let error = try error(.encoded([0], "magic", shape: "[1]"))
    #expect(error?.code == .unsupported)
    #expect(error?.message.contains("magic") == true)
    #expect(error?.tensor == "classifier.weight")
  }

  /// 4 TiB of zeros in a hundred bytes, and in a table of chunks that is there in full.
  @Test func `a bomb is refused before memory is taken`() throws {
    #expect(try error(.encoded(Self.planes(Self.zero), "planes", shape: "[1048576,1048576]"))?.code == .limit)
    let count = 65536 * 300
    let chunks = [[UInt8]](repeating: Self.planes, count: 300)
    var payload: [UInt8] = []
    for chunk in chunks { payload.append(littleEndian: UInt32(chunk.count)) }
    payload += chunks.joined()
    #expect(try error(.encoded(payload, "planes", shape: "[\(count)]"))?.code == .limit)
  }

  /// Whatever a byte of the payload becomes, with the checksum that belongs to it: an error or other weights, never a trap.
  @Test func `no payload traps`() throws {
    let matrix = try OutputTensor.random(rows: 12, columns: 24, seed: 3)
    for choice in [EncodingChoice.lossless, .quantized(step: 0.02), .quantized(step: 0.0001), .int8] {
      let payload = try matrix.payload(choice, in: folder)
      var random = SeededRandom(seed: 7)
      for index in payload.bytes.indices {
        var bytes = payload.bytes
        bytes[index] = UInt8(truncatingIfNeeded: random.next())
        let members = choice == .lossless ? "" : #","step":0.25,"relativeError":0.5"#
        _ = try error(.encoded(bytes, payload.encoding, shape: "[12,24]", members: members))
        _ = try error(
          .encoded(Array(bytes[..<index]), payload.encoding, shape: "[12,24]", members: members))
      }
    }
  }

  @Test(arguments: [NativeFile.Access.mapped, .read])
  func `every flipped bit of an encoded tensor is found`(access: NativeFile.Access) throws {
    let path = try OutputTensor.random(rows: 6, columns: 40, seed: 5)
      .write(.lossless, to: folder.file("flipped.resect"))
    let bytes = try contents(of: path)
    let handle = try #require(FileHandle(forUpdatingAtPath: path))
    defer { try? handle.close() }
    func put(_ byte: UInt8, at index: Int) throws {
      try handle.seek(toOffset: UInt64(index))
      try handle.write(contentsOf: Data([byte]))
    }
    var missed: [Int] = []
    for index in bytes.indices {
      try put(bytes[index] ^ 1 << UInt8(index % 8), at: index)
      do {
        try NativeFile(InputFile(path: path), access: access).readAll()
        missed.append(index)
      } catch {}
      try put(bytes[index], at: index)
    }
    #expect(missed.isEmpty)
    try NativeFile(InputFile(path: path), access: access).readAll()
  }
}
