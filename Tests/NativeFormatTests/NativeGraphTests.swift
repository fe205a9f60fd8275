import ResectBytes
import Foundation
import ResectGraphs
import ResectNativeFormat
import ResectResNets
import ResectTensors
import ResectTestSupport
import Testing

@Suite struct NativeGraphTests {
  private let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  // MARK: By hand

  private static let weight = HandAssembly.payload([1.5, -2])
  private static let bias = HandAssembly.payload([0.25, -0.5])
  private static let weightEntry = HandAssembly.entry(
    name: "conv.weight", shape: "[2,1,1,1]", length: 8, payload: weight)
  private static let biasEntry = HandAssembly.entry(
    name: "conv.bias", shape: "[2]", offset: 128, length: 8, payload: bias)

  /// The graph that `Docs/NativeFormat.md` shows.
  private static let graphText = """
    {"input":{"name":"image","channels":1},"nodes":[\
    {"name":"conv","operation":"convolution","inputs":["image"],"tensors":["weight","bias"],\
    "stride":[2,2],"padding":[1,1,1,1],"dilation":[1,1],"groups":1},\
    {"name":"pool","operation":"global-average-pool","inputs":["conv"],"keepsImage":false}],\
    "outputs":[{"name":"logits","of":"pool"}]}
    """

  private static func assembly(
    kind: String = "graph", graph: String? = graphText, entries: [String] = [weightEntry, biasEntry],
    payloads: [UInt8] = weight + bias, version: UInt32 = 2
  ) -> HandAssembly {
    let member = graph.map { "\"graph\":\($0)," } ?? ""
    return HandAssembly(
      version: version, payloads: payloads,
      header: """
        {"kind":"\(kind)",\(member)\(HandAssembly.provenance),"tensors":[\(entries.joined(separator: ","))]}
        """)
  }

  private func open(_ bytes: [UInt8], access: NativeFile.Access = .mapped) throws -> NativeFile {
    try NativeFile(InputFile(path: folder.write(bytes, as: "file.resect")), access: access)
  }

  private func error(_ assembly: HandAssembly) -> ResectError? {
    #expect(throws: ResectError.self) { try open(assembly.bytes) }
  }

  private func graph(_ file: NativeFile) throws -> Graph {
    guard case .graph(let graph) = file.header.kind else {
      throw ResectError(.badValue, "found \(file.header.kind)")
    }
    return graph
  }

  @Test(arguments: [NativeFile.Access.mapped, .read])
  func `a graph assembled by hand is read, with its tensors`(access: NativeFile.Access) throws {
    let graph = try graph(open(Self.assembly().bytes, access: access))
    #expect(graph.input == .init(name: "image", .image(channels: 1)))
    #expect(graph.nodes.map(\.name) == ["conv", "pool"])
    guard case .convolution(let convolution) = graph.nodes[0].operation else {
      Issue.record("found \(graph.nodes[0].operation)")
      return
    }
    #expect(try convolution.weight.doubles() == [1.5, -2])
    #expect(try convolution.bias?.doubles() == [0.25, -0.5])
    #expect(convolution.window == .init(kernel: 1, stride: 2, padding: .each(1)))
    #expect(try graph.shapes(height: 4, width: 4).last == .vector(2))
  }

  @Test func `a graph is byte for byte what the specification says`() throws {
    let graph = try graph(open(Self.assembly().bytes))
    let header = NativeHeader(
      kind: .graph(graph), convention: nil, labels: nil, preprocessing: .unknown,
      provenance: Provenance(sources: [.init(name: "a.pth", format: "torch-zip", sha256: "00ff")]))
    let path = try TinyNetwork.write(outputs(graph), header: header, to: folder.file("out.resect"))
    #expect(try contents(of: path) == Self.assembly().bytes)
  }

  @Test func `the graph that the specification shows is this one`() throws {
    let text = try String(decoding: contents(of: Fixtures.document("Docs/NativeFormat.md")), as: UTF8.self)
    let block = try #require(text.components(separatedBy: "```").first { $0.hasPrefix("json\n{\"kind\":\"graph\"") })
    let header = try JSON(parsing: Array(block.dropFirst("json\n".count).utf8))
    #expect(header["graph"] == (try JSON(parsing: Array(Self.graphText.utf8))))
  }

  // MARK: Damage

  @Test(arguments: [1, 2] as [UInt32])
  func `a version that does not fit what the file holds is refused`(version: UInt32) {
    let assembly =
      version == 1
      ? Self.assembly(version: 1) : Self.assembly(kind: "classes", graph: nil, version: 2)
    let error = error(assembly)
    #expect(error?.code == .malformed)
    #expect(error?.offset == 8)
  }

  @Test func `a graph and tensors that do not belong together are refused by name`() {
    #expect(error(Self.assembly(graph: nil))?.code == .malformed)
    #expect(error(Self.assembly(graph: "null"))?.code == .malformed)
    let missing = error(Self.assembly(entries: [Self.weightEntry], payloads: Self.weight))
    #expect(missing?.tensor == "conv")
    #expect(missing?.file == folder.file("file.resect"))
    let more = HandAssembly.entry(name: "fc.weight", shape: "[2]", offset: 192, length: 8, payload: Self.bias)
    let stranger = error(
      Self.assembly(
        entries: [Self.weightEntry, Self.biasEntry, more], payloads: Self.weight + Self.bias + Self.bias))
    #expect(stranger?.tensor == "fc.weight")
    let flat = HandAssembly.entry(name: "conv.weight", shape: "[2]", length: 8, payload: Self.weight)
    #expect(error(Self.assembly(entries: [flat, Self.biasEntry]))?.tensor == "conv")
  }

  @Test func `a circle, a missing value and an unknown operation are refused by the node's name`() {
    for (old, new, code) in [
      ("[\"image\"]", "[\"pool\"]", .malformed), ("[\"image\"]", "[\"picture\"]", .malformed),
      ("\"convolution\"", "\"transposed-convolution\"", .unsupported),
      ("\"groups\":1", "\"groups\":1,\"output_padding\":1", .unsupported),
      ("\"stride\":[2,2]", "\"stride\":[0,2]", .malformed),
    ] as [(String, String, ResectError.Code)] {
      let error = error(Self.assembly(graph: Self.graphText.replacing(old, with: new)))
      #expect(error?.code == code)
      #expect(error?.tensor == "conv")
    }
  }

  @Test func `every flipped bit is found, and every truncation`() throws {
    let bytes = Self.assembly().bytes
    var missed: [String] = []
    for index in bytes.indices {
      var damaged = bytes
      damaged[index] ^= 1 << UInt8(index % 8)
      do {
        try open(damaged, access: .read).readAll()
        missed.append("byte \(index)")
      } catch {}
    }
    #expect(missed.isEmpty)
    for count in stride(from: 0, to: bytes.count, by: 7) {
      let path = try folder.write(Array(bytes[..<count]), as: "cut.resect")
      let code = refusal { () throws(ResectError) in try NativeFile(InputFile(path: path)) }
      #expect(code == .truncated, "\(count) bytes")
    }
  }

  // MARK: Round trip

  /// A residual network whose statistics and weights are random.
  private static func network(seed: UInt64 = 3) throws -> Graph {
    var random = SeededRandom(seed: seed)
    func tensor(_ axes: Int..., offset: Float = 0) throws(ResectError) -> LazyTensor {
      let count = axes.reduce(1, *)
      let values = (0..<count).map { _ in Double(Float.random(in: -1...1, using: &random) + offset) }
      return try LazyTensor(values: values, shape: Shape(axes), dtype: .float32)
    }
    var builder = GraphBuilder(.init(name: "pixels", .image(channels: 3, height: 20, width: 20)))
    let stem = builder.add(
      .convolution(.init(weight: try tensor(64, 3, 3, 3), stride: 2, padding: .same)), of: 0, as: "stem")
    let norm = builder.add(
      .batchNorm(
        .init(
          weight: try tensor(64), bias: nil, mean: try tensor(64), variance: try tensor(64, offset: 2), epsilon: 1e-3)),
      of: stem, as: "norm")
    let slopes = builder.add(.activation(.prelu(slopes: try tensor(64))), of: norm, as: "slopes")
    let branch = builder.add(
      .convolution(.init(weight: try tensor(64, 64, 3, 3), bias: try tensor(64), padding: .each(1))), of: slopes,
      as: "branch")
    let sum = builder.add(.add, of: branch, slopes, as: "sum")
    let pool = builder.add(.globalAveragePool(keepsImage: false), of: sum, as: "pool")
    let fc = builder.add(.linear(.init(weight: try tensor(5, 64), bias: try tensor(5))), of: pool, as: "fc")
    return try builder.graph(outputs: [.init("logits", fc)], features: pool)
  }

  private func outputs(_ graph: Graph) -> [OutputTensor] {
    graph.parameters.map { OutputTensor(name: $0.name, tensor: $0.tensor, dtype: $0.tensor.dtype) }
  }

  private func header(_ graph: Graph) -> NativeHeader {
    NativeHeader(
      kind: .graph(graph), convention: nil, labels: nil, preprocessing: .unknown, provenance: Provenance())
  }

  /// The graph, written with each of its matrices and kernels encoded as `choice` says, and the file that is read again.
  private func written(_ graph: Graph, _ choice: EncodingChoice) throws -> NativeFile {
    let path = folder.file("out.resect")
    let file = try OutputFile(path: path, overwrite: true)
    let encoding = { (output: OutputTensor) in output.tensor.shape.rank > 1 ? choice : .store }
    try writeNative(outputs(graph), to: file, encoding: encoding) { () throws(ResectError) in header(graph) }
    _ = try file.committed()
    let size = try UInt64(contents(of: path).count)
    let most = try nativeByteCount(outputs(graph), encoding: encoding, header: header(graph))
    #expect(most == size)
    return try NativeFile(InputFile(path: path))
  }

  @Test(arguments: [EncodingChoice.store, .lossless])
  func `a graph comes back with every bit`(choice: EncodingChoice) throws {
    let before = try Self.network()
    let file = try written(before, choice)
    let after = try graph(file)
    #expect(after.json == before.json)
    #expect(after.parameters.map(\.name) == before.parameters.map(\.name))
    for (after, before) in zip(after.parameters, before.parameters) {
      #expect(try after.tensor.bytes() == before.tensor.bytes(), "\(before.name)")
    }
    #expect(file.payloads.contains { $0.encoding == .planes } == (choice == .lossless))
  }

  @Test func `weights of a graph are quantised, in steps and in 8-bit integers`() throws {
    let before = try Self.network()
    for choice in [EncodingChoice.quantized(step: 0.01, rounding: .nearest), .int8] {
      let after = try graph(written(before, choice))
      for (after, before) in zip(after.parameters, before.parameters) {
        let (now, was) = (try after.tensor.doubles(), try before.tensor.doubles())
        let most = zip(now, was).map { abs($0 - $1) }.max() ?? .infinity
        // Half a step, or half of a row's largest magnitude over 127, which is 1 at most.
        #expect(most <= (before.tensor.shape.rank > 1 ? 0.00501 : 0), "\(before.name)")
        #expect((most > 0) == (before.tensor.shape.rank > 1))
      }
    }
  }

  @Test func `the same graph gives the same bytes`() throws {
    let graph = try Self.network()
    _ = try written(graph, .lossless)
    let first = try contents(of: folder.file("out.resect"))
    let again = try self.graph(written(graph, .lossless))
    #expect(try contents(of: folder.file("out.resect")) == first)
    // What was read, written again.
    let path = folder.file("again.resect")
    let file = try OutputFile(path: path, overwrite: true)
    try writeNative(
      outputs(again), to: file, encoding: { $0.tensor.shape.rank > 1 ? .lossless : .store }
    ) { () throws(ResectError) in header(again) }
    _ = try file.committed()
    #expect(try contents(of: path) == first)
  }

  @Test func `a backbone and its classes are two files, of which the graph ends in features`() throws {
    let backbone = try Self.network().untilFeatures()
    let read = try graph(written(backbone, .store))
    #expect(read.outputs.map(\.name) == [Graph.Output.features])
    #expect(read.features == read.output)
    #expect(!read.computesLogits)
    #expect(!read.nodes.contains { $0.name == "fc" })
  }

  @Test func `a graph is not written without a tensor of its own, or with another`() throws {
    let graph = try Self.network()
    let tensors = outputs(graph)
    for (written, name) in [
      (Array(tensors.dropLast()), "fc.bias"),
      (tensors + [OutputTensor(name: "fc.scale", tensor: tensors[0].tensor, dtype: .float32)], "fc.scale"),
    ] {
      let error = #expect(throws: ResectError.self) {
        try TinyNetwork.write(written, header: header(graph), to: folder.file("out.resect"))
      }
      #expect(error?.code == .mismatch)
      #expect(error?.tensor == name)
      #expect(!FileManager.default.fileExists(atPath: folder.file("out.resect")))
    }
  }
}
