internal import ResectBytes
internal import ResectCheckpoints
internal import ResectTensors
internal import ResectTestSupport
import Testing

/// The reader's refusals and the writer's bytes.
@Suite struct SafetensorsTests {
  private let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  private func open(_ header: String, data: [UInt8] = []) throws -> Checkpoint {
    try open(Array(header.utf8), data: data)
  }

  private func open(_ header: [UInt8], data: [UInt8], length: UInt64? = nil) throws -> Checkpoint {
    var bytes: [UInt8] = []
    bytes.append(littleEndian: length ?? UInt64(header.count))
    return try Checkpoint(
      InputFile(path: folder.write(bytes + header + data, as: "file.safetensors")))
  }

  @Test func `a file by the specification is read`() throws {
    let checkpoint = try open(
      #"{"__metadata__":{"a":"b"},"x":{"dtype":"I16","shape":[2],"data_offsets":[0,4]},"#
        + #""y":{"dtype":"U8","shape":[],"data_offsets":[4,5]}}  "#,
      data: [1, 0, 255, 255, 7])
    #expect(checkpoint.metadata == ["a": "b"])
    #expect(checkpoint.tensors.map(\.name) == ["x", "y"])
    #expect(try checkpoint.tensors.map { try $0.tensor.doubles() } == [[1, -1], [7]])
  }

  @Test(arguments: [
    // Not covered, covered twice, or beyond the end.
    #"{"x":{"dtype":"U8","shape":[3],"data_offsets":[0,3]}}"#,
    #"{"x":{"dtype":"U8","shape":[3],"data_offsets":[1,4]}}"#,
    #"{"x":{"dtype":"U8","shape":[5],"data_offsets":[0,5]}}"#,
    #"{"x":{"dtype":"U8","shape":[4],"data_offsets":[0,4]},"y":{"dtype":"U8","shape":[4],"data_offsets":[0,4]}}"#,
    #"{"x":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},"y":{"dtype":"U8","shape":[1],"data_offsets":[3,4]}}"#,
    // Sizes that contradict each other.
    #"{"x":{"dtype":"U16","shape":[4],"data_offsets":[0,4]}}"#,
    #"{"x":{"dtype":"U8","shape":[4294967296,4294967296,4],"data_offsets":[0,4]}}"#,
    #"{"x":{"dtype":"U8","shape":[-4],"data_offsets":[0,4]}}"#,
    #"{"x":{"dtype":"U8","shape":[4],"data_offsets":[4,0]}}"#,
    // Entries that are not what they should be.
    #"{"x":{"dtype":"u8","shape":[4],"data_offsets":[0,4]}}"#,
    #"{"x":{"dtype":"F4","shape":[8],"data_offsets":[0,4]}}"#,
    #"{"x":{"dtype":"U8","shape":[4.0],"data_offsets":[0,4]}}"#,
    #"{"x":{"dtype":"U8","shape":[4],"data_offsets":[0]}}"#,
    #"{"x":{"dtype":"U8","shape":[4]}}"#,
    #"{"x":null}"#,
    #"{"x":{"dtype":"U8","shape":[4],"data_offsets":[0,4]},"x":{"dtype":"U8","shape":[4],"data_offsets":[0,4]}}"#,
    #"{"__metadata__":{"a":1},"x":{"dtype":"U8","shape":[4],"data_offsets":[0,4]}}"#,
    #"{"x":{"dtype":"U8","shape":[4],"data_offsets":[0,4]},}"#,
  ])
  func `a header that breaks a rule is refused`(_ header: String) {
    #expect(throws: ResectError.self) { _ = try open(header, data: [1, 2, 3, 4]) }
  }

  @Test(arguments: [UInt64.max, 100_000_001, 1 << 20])
  func `a header length that the file cannot hold is refused`(_ length: UInt64) {
    #expect(throws: ResectError.self) {
      _ = try open(Array("{}".utf8), data: [], length: length)
    }
  }

  @Test func `the writer's bytes are those of the specification`() throws {
    let small = try LazyTensor(
      storage: MemoryStorage([7, 8]), dtype: .uint8, shape: Shape([2]))
    let large = LazyTensor(values: [1, -2], dtype: .float32)
    let path = folder.file("out.safetensors")
    let file = try OutputFile(path: path, overwrite: false)
    try writeSafetensors(
      [
        .init(name: "a", tensor: small, dtype: .uint8),
        .init(name: "b\"", tensor: large, dtype: .float32),
      ], metadata: [("k", "v")], to: file)
    let size = try file.committed()
    // The larger elements come first; the header is filled up to a multiple of eight.
    let header =
      #"{"__metadata__":{"k":"v"},"b\"":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"#
      + #""a":{"dtype":"U8","shape":[2],"data_offsets":[8,10]}}"#
    var expected: [UInt8] = []
    let padded = header + String(repeating: " ", count: (8 - header.utf8.count % 8) % 8)
    expected.append(littleEndian: UInt64(padded.utf8.count))
    expected += padded.utf8
    expected += [0, 0, 0x80, 0x3F, 0, 0, 0, 0xC0, 7, 8]
    #expect(try contents(of: path) == expected)
    #expect(size == UInt64(expected.count))
  }

  @Test func `complex128 has no name in the format and is refused`() throws {
    let tensor = try LazyTensor(
      storage: MemoryStorage([UInt8](repeating: 0, count: 16)), dtype: .complex128, shape: Shape([1]))
    let file = try OutputFile(path: folder.file("out.safetensors"), overwrite: false)
    let error = #expect(throws: ResectError.self) {
      try writeSafetensors(
        [.init(name: "z", tensor: tensor, dtype: .complex128)], metadata: [], to: file)
    }
    #expect(error?.code == .unsupported)
    #expect(error?.tensor == "z")
  }
}
