import ResectBytes
import Foundation
import ResectNativeFormat
import ResectResNets
import Synchronization
import ResectTensors
import ResectTestSupport
import Testing

@Suite struct NativeWriterTests {
  private let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  /// The tensors and the header of ``HandAssembly/classes(members:provenance:tensors:)``.
  private func writeClasses(to path: String) throws -> [UInt8] {
    func tensor(_ name: String, _ values: [Double], _ axes: [Int]) throws -> OutputTensor {
      let storage = MemoryStorage(
        Array(HandAssembly.payload(values.map { Float($0) })[..<(values.count * 4)]))
      return OutputTensor(
        name: name, tensor: try LazyTensor(storage: storage, dtype: .float32, shape: Shape(axes)),
        dtype: .float32)
    }
    let header = NativeHeader(
      kind: .classes(hasConstantFeature: false), convention: "torchvision", labels: ["cat", "dog"],
      preprocessing: .unknown,
      provenance: Provenance(sources: [.init(name: "a.pth", format: "torch-zip", sha256: "00ff")]))
    return try contents(
      of: TinyNetwork.write(
        [
          tensor("classifier.weight", [1, 2, 3, 4, 5, 6], [2, 3]),
          tensor("classifier.bias", [0.5, -0.5], [2]),
        ], header: header, to: path))
  }

  // MARK: Bytes

  @Test func `a file is byte for byte what the specification says`() throws {
    #expect(try writeClasses(to: folder.file("out.resect")) == HandAssembly.classes().bytes)
  }

  /// The hex dump under "A whole file" in `Docs/NativeFormat.md`, which the program beside it made.
  @Test func `the specification's example is what is written`() throws {
    let specification = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
      .deletingLastPathComponent().deletingLastPathComponent()
      .appendingPathComponent("Docs/NativeFormat.md")
    let text = String(decoding: try contents(of: specification.path), as: UTF8.self)
    var dump: [UInt8] = []
    for line in text.split(separator: "\n") {
      // As `00000040  00 00 80 3f …  |…|`
      guard let end = line.range(of: "  |"), line.count > 10,
        Int(line.prefix(8), radix: 16) == dump.count
      else { continue }
      dump += line[..<end.lowerBound].dropFirst(8).split(separator: " ")
        .compactMap { UInt8($0, radix: 16) }
    }
    #expect(dump == HandAssembly.example.bytes)
    let matrix = try LazyTensor(
      storage: MemoryStorage(LazyTensor(values: [1, -2], dtype: .float32).bytes()),
      dtype: .float32, shape: Shape([1, 2]))
    let header = NativeHeader(
      kind: .classes(hasConstantFeature: false), convention: "torchvision", labels: ["cat"],
      preprocessing: .unknown, provenance: Provenance())
    let path = try TinyNetwork.write(
      [OutputTensor(name: "classifier.weight", tensor: matrix, dtype: .float16)], header: header,
      to: folder.file("out.resect"))
    #expect(try contents(of: path) == dump)
  }

  @Test func `the same model gives the same bytes, however threads interleave`() throws {
    let first = try contents(
      of: TinyNetwork.write(
        TinyNetwork.tensors(), header: TinyNetwork.header(), to: folder.file("first")))
    for round in 0..<UInt64(12) {
      let again = try contents(
        of: TinyNetwork.write(
          TinyNetwork.tensors(delaySeed: round), header: TinyNetwork.header(),
          to: folder.file("again\(round)")))
      #expect(again == first)
    }
  }

  @Test func `payloads begin at multiples of 64, in order, with zeros between them`() throws {
    let path = try TinyNetwork.write(
      TinyNetwork.tensors(), header: TinyNetwork.header(), to: folder.file("out"))
    let bytes = try contents(of: path)
    let headerOffset = Int(try ByteReader(bytes, at: 24).peekUInt64())
    let header = try JSON(parsing: Array(bytes[headerOffset...]))
    var end = 64
    for entry in try #require(header["tensors"]?.elements) {
      let offset = Int(try #require(entry["offset"]?.integer))
      let length = Int(try #require(entry["length"]?.integer))
      #expect(offset % 64 == 0)
      #expect(offset == end)
      end = (offset + length + 63) / 64 * 64
      #expect(bytes[(offset + length)..<end].allSatisfy { $0 == 0 })
      let stored = HandAssembly.digits(HandAssembly.crc32(Array(bytes[offset..<end])))
      #expect(entry["crc32"] == .string(stored))
    }
    #expect(end == headerOffset)
  }

  // MARK: Round trip

  @Test(arguments: TinyNetwork.architectures.prefix(5), [NativeFile.Access.mapped, .read])
  func `a network reads back bit for bit`(
    architecture: Architecture, access: NativeFile.Access
  ) throws {
    let tensors = try TinyNetwork.tensors(of: architecture)
    let path = try TinyNetwork.write(
      tensors, header: TinyNetwork.header(architecture), to: folder.file("out"))
    let file = try NativeFile(InputFile(path: path), access: access)
    guard case .network(let read) = file.header.kind else {
      Issue.record("found \(file.header.kind)")
      return
    }
    #expect(read == architecture)
    #expect(file.header.labels == ["a", "b\u{E9}", "c\""])
    #expect(file.header.convention == "torchvision")
    #expect(file.header.provenance == TinyNetwork.header().provenance)
    #expect(file.tensors.map(\.name) == tensors.map(\.name))
    var places: [ParameterPath: LazyTensor] = [:]
    for (index, parameter) in architecture.parameters.enumerated() {
      let tensor = file.tensors[index].tensor
      #expect(tensor.dtype == tensors[index].dtype)
      #expect(tensor.shape.axes == parameter.axes)
      #expect(try tensor.bytes() == tensors[index].tensor.bytes())
      places[parameter.path] = tensor
    }
    let network = try ResNet(architecture: read, tensors: places)
    #expect(network.parameters.count == tensors.count)
  }

  @Test func `every dtype is stored`() throws {
    var random = SeededRandom(seed: 19)
    let tensors = try DType.allCases.map { dtype in
      let bytes = (0..<3 * dtype.byteCount).map { _ in UInt8(truncatingIfNeeded: random.next()) }
      return OutputTensor(
        name: dtype.rawValue,
        tensor: try LazyTensor(
          storage: MemoryStorage(bytes), dtype: dtype, shape: Shape([3])), dtype: dtype)
    }
    let path = try TinyNetwork.write(
      tensors, header: TinyNetwork.header(), to: folder.file("out"))
    let file = try NativeFile(InputFile(path: path))
    #expect(file.tensors.map(\.tensor.dtype) == DType.allCases)
    for (written, read) in zip(tensors, file.tensors) {
      #expect(try read.tensor.bytes() == written.tensor.bytes())
    }
  }

  @Test(arguments: [0, 15, 16, 17, 32, 1000, 100_000])
  func `payloads of any length read back`(count: Int) throws {
    let values = (0..<count).map { Double($0 % 2048) }
    let tensor = LazyTensor(values: values, dtype: .float32)
    let path = try TinyNetwork.write(
      ["a", "b"].map { OutputTensor(name: $0, tensor: tensor, dtype: .float32) },
      header: TinyNetwork.header(), to: folder.file("out"))
    for access in [NativeFile.Access.mapped, .read] {
      for (_, read) in try NativeFile(InputFile(path: path), access: access).tensors {
        #expect(try read.doubles() == values)
      }
    }
  }

  @Test func `a tensor is converted to the dtype that is stored`() throws {
    let tensor = LazyTensor(values: [1, 65504, -2], dtype: .float32)
    let path = try TinyNetwork.write(
      [OutputTensor(name: "a", tensor: tensor, dtype: .float16)], header: TinyNetwork.header(),
      to: folder.file("out"))
    let read = try #require(try NativeFile(InputFile(path: path)).tensors.first?.tensor)
    #expect(read.dtype == .float16)
    #expect(try read.bytes() == [0x00, 0x3C, 0xFF, 0x7B, 0x00, 0xC0])
  }

  // MARK: Order of work

  @Test func `the header is made after the tensors and the companion`() throws {
    let pulled = Mutex(0)
    let isDigested = Mutex(false)
    let file = try OutputFile(path: folder.file("out"), overwrite: false)
    let tensors = try TinyNetwork.tensors()
    let total = tensors.reduce(0) { $0 + $1.tensor.byteCount }
    try writeNative(
      tensors, to: file, progress: { count in pulled.withLock { $0 += count } },
      alongside: { () throws(ResectError) in isDigested.withLock { $0 = true } },
      header: { () throws(ResectError) in
        #expect(pulled.withLock { $0 } == total)
        #expect(isDigested.withLock { $0 })
        return TinyNetwork.header()
      })
    #expect(try file.committed() > UInt64(total))
  }

  @Test func `a failure of the tensors, the companion or the header is the writer's`() throws {
    let file = try OutputFile(path: folder.file("out"), overwrite: false)
    let broken = OutputTensor(
      name: "stem.conv.weight", tensor: LazyTensor(values: [1e300], dtype: .float32), dtype: .float32)
    let ofTensor = #expect(throws: ResectError.self) {
      try writeNative([broken], to: file) { () throws(ResectError) in TinyNetwork.header() }
    }
    #expect(ofTensor?.code == .badValue)
    #expect(ofTensor?.tensor == "stem.conv.weight")
    let ofCompanion = refusal { () throws(ResectError) in
      try writeNative(
        [], to: file, alongside: { () throws(ResectError) in throw ResectError(.system, "gone") },
        header: { () throws(ResectError) in TinyNetwork.header() })
    }
    #expect(ofCompanion == .system)
    let ofHeader = refusal { () throws(ResectError) in
      try writeNative([], to: file) { () throws(ResectError) in throw ResectError(.mismatch, "none") }
    }
    #expect(ofHeader == .mismatch)
  }

  @Test func `a header over the limit is not written`() throws {
    let file = try OutputFile(path: folder.file("out"), overwrite: false)
    var header = TinyNetwork.header()
    header.labels = [String](repeating: "twenty bytes a label", count: Limits.metadataBytes / 23 + 1)
    let code = refusal { [header] () throws(ResectError) in
      try writeNative([], to: file) { () throws(ResectError) in header }
    }
    #expect(code == .limit)
  }
}

extension ByteReader {
  /// The integer at the cursor, which stays.
  fileprivate func peekUInt64() throws -> UInt64 {
    var copy = self
    return try copy.integer()
  }
}

extension HandAssembly {
  /// The file of the specification's example.
  fileprivate static let example: HandAssembly = {
    let payload: [UInt8] = [0x00, 0x3C, 0x00, 0xC0] + [UInt8](repeating: 0, count: 60)
    let entry = HandAssembly.entry(
      name: "classifier.weight", dtype: "F16", shape: "[1,2]", length: 4, payload: payload)
    return HandAssembly(
      payloads: payload,
      header: """
        {"kind":"classes","convention":"torchvision","constantFeature":false,"labels":["cat"],\
        "provenance":{"sources":[],"surgeries":[]},"tensors":[\(entry)]}
        """)
  }()
}
