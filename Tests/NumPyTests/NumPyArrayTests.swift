import ResectBytes
import Foundation
import ResectNumPy
import ResectTensors
import ResectTestSupport
import Testing

@Suite struct NumPyArrayTests {
  /// What NumPy says of an array in the folder `Arrays`; `make_arrays.py` wrote it.
  struct Expected: CustomStringConvertible {
    let name: String
    let shape: [Int]
    /// Absent where there are many.
    let values: [Double]?

    var description: String { name }

    init(_ json: JSON) {
      name = json["name"]?.string ?? ""
      shape = json["shape"]?.elements?.compactMap { $0.integer.map { Int($0) } } ?? []
      values = json["values"]?.elements?.map { $0.number ?? ($0.bool == true ? 1 : 0) }
    }

    static let all: [Expected] = {
      let json = try? JSON(parsing: contents(of: path("manifest.json")))
      return json?.elements?.map(Expected.init) ?? []
    }()
  }

  private static func path(_ name: String) -> String {
    URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent("Arrays/\(name)").path
  }

  private let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  // MARK: Reading

  @Test func `there are arrays to read`() { #expect(Expected.all.count > 25) }

  @Test(arguments: Expected.all)
  func `an array has NumPy's shape and values`(expected: Expected) throws {
    let array = try NumPyArray(contentsOf: Self.path(expected.name))
    #expect(array.tensor.shape.axes == expected.shape)
    let values = try array.tensor.doubles()
    #expect(values.count == expected.shape.reduce(1, *))
    if let known = expected.values { #expect(values == known) }
    #expect(try array.floats() == values.map { Float($0) })
  }

  @Test(arguments: [
    ("fortran", "ascontiguousarray"), ("objects", "astype"), ("records", "each field"), ("text", "astype"),
    ("bytes", "astype"), ("dates", "astype"), ("long-double", "astype"),
  ])
  func `arrays that are not read are refused with advice`(name: String, advice: String) throws {
    let path = Self.path("refused-\(name).npy")
    let error = #expect(throws: ResectError.self) { try NumPyArray(contentsOf: path) }
    #expect(error?.code == .unsupported)
    #expect(error?.advice?.text.contains(advice) == true)
    #expect(error?.file == path)
  }

  @Test func `Python objects are named as what they are`() {
    let error = #expect(throws: ResectError.self) { try NumPyArray(contentsOf: Self.path("refused-objects.npy")) }
    #expect(error?.message.contains("pickle") == true)
  }

  @Test(arguments: ["little-f4.npy", "version-2.npy", "shape-.npy", "version-3.npy"])
  func `a file that is cut short anywhere, or goes on, is refused`(name: String) throws {
    let bytes = try contents(of: Self.path(name))
    for count in 0..<bytes.count {
      let path = try folder.write(Array(bytes[..<count]), as: "short.npy")
      let code = refusal { () throws(ResectError) in try NumPyArray(contentsOf: path) }
      #expect(code == (count < 6 ? .unknownFormat : .truncated), "\(count) bytes")
    }
    let path = try folder.write(bytes + [0], as: "long.npy")
    #expect(refusal { () throws(ResectError) in try NumPyArray(contentsOf: path) } == .malformed)
  }

  // MARK: Headers

  /// Opens an array of version 1.0 with this header and these bytes.
  private func open(_ header: String, _ data: [UInt8] = [0, 0, 0, 0]) throws -> NumPyArray {
    var bytes: [UInt8] = [0x93] + Array("NUMPY".utf8) + [1, 0]
    bytes.append(littleEndian: UInt16(header.utf8.count))
    bytes += Array(header.utf8) + data
    return try NumPyArray(contentsOf: folder.write(bytes, as: "a.npy"))
  }

  @Test(arguments: [
    "{'descr':'<f4','fortran_order':False,'shape':(1,)}",
    "  {\t\"shape\" : ( 1 , ) , \"fortran_order\" : False , \"descr\" : \"<f4\" , }  \n",
    "{'shape': (1L,), 'descr': '>f4', 'fortran_order': True}\n",
    "{'descr': '<f4', 'fortran_order': False, 'shape': (1, 1)}",
    "{'descr': '<f4', 'fortran_order': False, 'shape': (1, 1, )}",
    "{'descr': '<f4', 'fortran_order': False, 'shape': ()}",
  ])
  func `a header may have any order, quotes and spaces`(header: String) throws {
    #expect(try open(header).floats() == [0])
  }

  @Test(
    arguments: [
      ("", .malformed), ("   ", .malformed), ("[]", .malformed), ("{}", .malformed),
      ("{'descr': '<f4', 'fortran_order': False}", .malformed),
      ("{'descr': '<f4', 'shape': (1,)}", .malformed), ("{'fortran_order': False, 'shape': (1,)}", .malformed),
      ("{'descr': '<f4', 'fortran_order': False, 'shape': (1,)", .malformed),
      ("{'descr': '<f4', 'fortran_order': False, 'shape': (1,)} x", .malformed),
      ("{'descr': '<f4', 'fortran_order': False, 'shape': (1,),,}", .malformed),
      ("{'descr': '<f4', 'fortran_order': False, 'shape': (1,), 'x': 1}", .malformed),
      ("{'descr': '<f4', 'descr': '<f4', 'fortran_order': False, 'shape': (1,)}", .malformed),
      ("{'descr': '<f4', 'fortran_order': 0, 'shape': (1,)}", .malformed),
      ("{'descr': '<f4', 'fortran_order': False, 'shape': 1}", .malformed),
      ("{'descr': '<f4', 'fortran_order': False, 'shape': (1)}", .malformed),
      ("{'descr': '<f4', 'fortran_order': False, 'shape': (,)}", .malformed),
      ("{'descr': '<f4', 'fortran_order': False, 'shape': (-1,)}", .malformed),
      ("{'descr': '<f4', 'fortran_order': False, 'shape': (1.0,)}", .malformed),
      ("{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999999999999,)}", .malformed),
      ("{'descr': '<f4', 'fortran_order': False, 'shape': (4294967296, 4294967296)}", .malformed),
      ("{'descr': '<f4', 'fortran_order': False, 'shape': (9223372036854775807,)}", .malformed),
      ("{'descr': '<f4', 'fortran_order': False, 'shape': (1000000000,)}", .truncated),
      ("{'descr': '<f\\x34', 'fortran_order': False, 'shape': (1,)}", .malformed),
      ("{'descr': 'f4', 'fortran_order': False, 'shape': (1,)}", .unsupported),
      ("{'descr': '|f4', 'fortran_order': False, 'shape': (1,)}", .malformed),
      ("{'descr': '', 'fortran_order': False, 'shape': (1,)}", .unsupported),
      ("{'descr': '<f3', 'fortran_order': False, 'shape': (1,)}", .unsupported),
      ("{'descr': __import__('os').system('x'), 'fortran_order': False, 'shape': (1,)}", .malformed),
    ] as [(String, ResectError.Code)])
  func `any other header is refused`(header: String, code: ResectError.Code) {
    let error = #expect(throws: ResectError.self) { try open(header) }
    #expect(error?.code == code)
  }

  @Test func `more dimensions than the limit are refused`() {
    let shape = String(repeating: "1, ", count: Limits.rank + 1)
    let error = #expect(throws: ResectError.self) {
      try open("{'descr': '<f4', 'fortran_order': False, 'shape': (\(shape))}")
    }
    #expect(error?.code == .limit)
  }

  @Test func `a header that claims more than the limit is refused before it is read`() throws {
    let bytes: [UInt8] = [0x93] + Array("NUMPY".utf8) + [2, 0, 0xFF, 0xFF, 0xFF, 0xFF]
    let path = try folder.write(bytes, as: "a.npy")
    #expect(refusal { () throws(ResectError) in try NumPyArray(contentsOf: path) } == .limit)
  }

  @Test func `an unknown version is refused`() throws {
    let path = try folder.write([0x93] + Array("NUMPY".utf8) + [4, 0, 1, 0, 0x20, 0], as: "a.npy")
    #expect(refusal { () throws(ResectError) in try NumPyArray(contentsOf: path) } == .unsupported)
  }

  @Test func `what is no array, a folder for instance, is refused`() throws {
    #expect(refusal { () throws(ResectError) in try NumPyArray(contentsOf: folder.path) } == .unknownFormat)
    let path = try folder.write(Array("PK\u{3}\u{4} an .npz".utf8), as: "a.npy")
    #expect(refusal { () throws(ResectError) in try NumPyArray(contentsOf: path) } == .unknownFormat)
    #expect(refusal { () throws(ResectError) in try NumPyArray(contentsOf: folder.file("none")) } == .system)
  }

  // MARK: Conversion

  /// An array of one element.
  private func single(_ description: String, _ bytes: [UInt8]) throws -> NumPyArray {
    try open("{'descr': '\(description)', 'fortran_order': False, 'shape': (1,)}", bytes)
  }

  @Test func `integers that are no float32 are not converted`() throws {
    #expect(try single("<i4", [0, 0, 0, 1]).floats() == [16_777_216])
    let odd = try single("<i4", [1, 0, 0, 1])
    #expect(refusal { () throws(ResectError) in try odd.floats() } == .badValue)
    // 2⁵³ + 1, which as a double is 2⁵³.
    let large = try single("<i8", [1, 0, 0, 0, 0, 0, 0x20, 0])
    #expect(refusal { () throws(ResectError) in try large.floats() } == .badValue)
  }

  @Test func `numbers that would become infinite are not converted, those that are infinite stay so`() throws {
    let large = try single("<f8", [0, 0, 0, 0, 0, 0, 0xE0, 0x7F])
    #expect(refusal { () throws(ResectError) in try large.floats() } == .badValue)
    #expect(try single("<f8", [0, 0, 0, 0, 0, 0, 0xF0, 0x7F]).floats() == [.infinity])
    #expect(try single("<f2", [0, 0x7E]).floats()[0].isNaN)
  }

  @Test func `complex numbers are not converted`() throws {
    let complex = try single("<c8", [UInt8](repeating: 0, count: 8))
    #expect(refusal { () throws(ResectError) in try complex.floats() } == .unsupported)
  }

  // MARK: Writing

  private static let shapes = Expected.all.map(\.name).filter { $0.hasPrefix("shape-") }

  @Test(arguments: shapes + ["little-f8.npy", "little-f2.npy", "integers-i8-little.npy", "integers-b1-little.npy"])
  func `what is written is what NumPy saves, byte by byte`(name: String) throws {
    let array = try NumPyArray(contentsOf: Self.path(name))
    let file = try OutputFile(path: folder.file("out.npy"), overwrite: false)
    try writeNumPy(array.tensor, to: file)
    _ = try file.committed()
    #expect(try contents(of: folder.file("out.npy")) == contents(of: Self.path(name)))
  }

  @Test(arguments: shapes)
  func `values in memory are written as NumPy saves them`(name: String) throws {
    let array = try NumPyArray(contentsOf: Self.path(name))
    let file = try OutputFile(path: folder.file("out.npy"), overwrite: false)
    try writeNumPy(array.floats(), shape: array.tensor.shape, to: file)
    _ = try file.committed()
    #expect(try contents(of: folder.file("out.npy")) == contents(of: Self.path(name)))
  }

  @Test func `big-endian arrays are written little-endian`() throws {
    let array = try NumPyArray(contentsOf: Self.path("big-f4.npy"))
    let file = try OutputFile(path: folder.file("out.npy"), overwrite: false)
    try writeNumPy(array.tensor, to: file)
    _ = try file.committed()
    #expect(try contents(of: folder.file("out.npy")) == contents(of: Self.path("little-f4.npy")))
  }

  @Test func `what NumPy has no type for, and values that do not fill the shape, are refused`() throws {
    let file = try OutputFile(path: folder.file("out.npy"), overwrite: false)
    let half = try LazyTensor(storage: MemoryStorage([0, 0]), dtype: .bfloat16, shape: Shape([1]))
    #expect(refusal { () throws(ResectError) in try writeNumPy(half, to: file) } == .unsupported)
    let shape = try Shape([3])
    #expect(refusal { () throws(ResectError) in try writeNumPy([1, 2], shape: shape, to: file) } == .badArgument)
    #expect(try folder.names.isEmpty)
  }
}
