internal import ResectBytes
internal import ResectCheckpoints
internal import ResectTensors
internal import ResectTestSupport
import Testing

/// State dicts that are written; `Tests/Peers/test_writers.py` has real torch read them.
@Suite struct TorchZipWriterTests {
  private let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  private func write(
    _ tensors: [OutputTensor], metadata: [(name: String, value: String)] = [], as name: String = "out.pth"
  ) throws -> String {
    let path = folder.file(name)
    let file = try OutputFile(path: path, overwrite: false)
    try writeTorchZip(tensors, metadata: metadata, to: file)
    _ = try file.committed()
    return path
  }

  private func tensor(_ dtype: DType, _ axes: [Int]) throws -> OutputTensor {
    let shape = try Shape(axes)
    var random = SeededRandom(seed: UInt64(shape.elementCount))
    let bytes = (0..<shape.elementCount * dtype.byteCount).map { _ in
      // What is neither zero nor one is no bool.
      UInt8(truncatingIfNeeded: random.next()) & (dtype == .bool ? 1 : 255)
    }
    let tensor = try LazyTensor(storage: MemoryStorage(bytes), dtype: dtype, shape: shape)
    return OutputTensor(name: "\(dtype.rawValue).\(axes)", tensor: tensor, dtype: dtype)
  }

  @Test func `every dtype and shape comes back to the bit, in order`() throws {
    let shapes = [[], [0], [3, 0, 2], [1], [5], [2, 3, 4], [300_000]]
    let tensors = try DType.allCases.flatMap { dtype in try shapes.map { try tensor(dtype, $0) } }
    let checkpoint = try Checkpoint(InputFile(path: write(tensors)))
    #expect(checkpoint.format == .torchZip)
    #expect(checkpoint.ignored.isEmpty)
    #expect(checkpoint.tensors.map(\.name) == tensors.map(\.name))
    for (read, written) in zip(checkpoint.tensors, tensors) {
      #expect(read.tensor.dtype == written.dtype)
      #expect(read.tensor.shape == written.tensor.shape)
      #expect(try read.tensor.bytes() == written.tensor.bytes())
    }
  }

  @Test func `a tensor is stored in the dtype of its place`() throws {
    let tensor = LazyTensor(values: [1, -2, 0.1], dtype: .float64)
    let path = try write([OutputTensor(name: "x", tensor: tensor, dtype: .bfloat16)])
    let read = try #require(try Checkpoint(InputFile(path: path)).tensors.first?.tensor)
    #expect(read.dtype == .bfloat16)
    #expect(try read.doubles() == [1, -2, 0.10009765625])
  }

  @Test func `text beside the tensors comes back, and without any there is no record`() throws {
    let one = [try tensor(.int16, [2])]
    let text = ["a": "b", "é\n\"": "{}", "empty": ""]
    let path = try write(one, metadata: text.sorted { $0.key < $1.key }.map { ($0.key, $0.value) })
    #expect(try Checkpoint(InputFile(path: path)).metadata == text)
    let plain = try write(one, as: "plain.pth")
    #expect(try Checkpoint(InputFile(path: plain)).metadata.isEmpty)
    #expect(!(try string(in: plain)).contains("resect"))
  }

  private func string(in path: String) throws -> String { String(decoding: try contents(of: path), as: UTF8.self) }

  @Test(arguments: ["[1]", #"{"a":1}"#, #"{"a":"b","a":"c"}"#, "{", "null"])
  func `text that is not what Resect writes is refused`(_ json: String) throws {
    // The writer's own text is as long as the damage, and a checksum of zero is none.
    let filler = String(repeating: "x", count: max(json.utf8.count - 8, 0))
    let path = try write([try tensor(.uint8, [1])], metadata: [("a", filler)])
    var bytes = try contents(of: path)
    let original = Array(#"{"a":"\#(filler)"}"#.utf8)
    let damage = Array(json.utf8) + [UInt8](repeating: 0x20, count: original.count - json.utf8.count)
    let place = try #require(bytes.firstRange(of: original))
    bytes.replaceSubrange(place, with: damage)
    var checksum: [UInt8] = []
    checksum.append(littleEndian: CRC32.of(original))
    var right: [UInt8] = []
    right.append(littleEndian: CRC32.of(damage))
    for range in bytes.ranges(of: checksum).reversed() { bytes.replaceSubrange(range, with: right) }
    let damaged = try folder.write(bytes, as: "damaged.pth")
    #expect(refusal { () throws(ResectError) in try Checkpoint(InputFile(path: damaged)) } == .malformed)
  }

  @Test func `the bytes of every tensor begin at a multiple of 64`() throws {
    let tensors = try (1..<40).map { try tensor(.uint8, [$0 * 13]) }
    let bytes = try contents(of: try write(tensors))
    for tensor in tensors {
      let place = try #require(bytes.firstRange(of: try tensor.tensor.bytes())?.lowerBound)
      #expect(place % 64 == 0)
    }
  }

  @Test func `the same tensors give the same bytes, however the threads run`() throws {
    var written: Set<[UInt8]> = []
    for round in 0..<4 {
      let tensors = try (0..<20).map { index in
        let storage = MemoryStorage(
          [UInt8](repeating: UInt8(index), count: 4096), delay: (index * 7 + round * 13) % 5 * 1000)
        return OutputTensor(
          name: "t\(index)", tensor: try LazyTensor(storage: storage, dtype: .float32, shape: Shape([1024])),
          dtype: .float32)
      }
      written.insert(try contents(of: try write(tensors, metadata: [("a", "b")], as: "\(round).pth")))
    }
    #expect(written.count == 1)
  }

  @Test func `two tensors of one name are refused, and nothing is left`() throws {
    let one = OutputTensor(name: "x", tensor: LazyTensor(values: [1], dtype: .float32), dtype: .float32)
    let error = #expect(throws: ResectError.self) { _ = try write([one, one]) }
    #expect(error?.code == .badArgument)
    #expect(error?.tensor == "x")
    #expect(try folder.names.isEmpty)
  }

  @Test func `a value that the dtype cannot hold is refused, and nothing is left`() throws {
    let large = OutputTensor(name: "x", tensor: LazyTensor(values: [1e30], dtype: .float32), dtype: .float16)
    let error = #expect(throws: ResectError.self) { _ = try write([large]) }
    #expect(error?.code == .badValue)
    #expect(error?.tensor == "x")
    #expect(try folder.names.isEmpty)
  }
}
