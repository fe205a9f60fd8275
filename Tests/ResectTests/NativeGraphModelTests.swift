internal import Resect
internal import ResectTestSupport
import Testing

/// A network that is no ResNet, in a `.resect` file.
@Suite struct NativeGraphModelTests {
  private let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  /// Two convolutions that are joined: no ResNet has that.
  private static func graph() throws -> Graph {
    func tensor(_ axes: Int..., from first: Double = 0.125) throws(ResectError) -> LazyTensor {
      let values = (0..<axes.reduce(1, *)).map { first + Double($0) / 64 }
      return try LazyTensor(values: values, shape: Shape(axes), dtype: .float32)
    }
    var builder = GraphBuilder(.init(name: "image", .image(channels: 3)))
    let left = builder.add(
      .convolution(.init(weight: try tensor(2, 3, 3, 3), padding: .same)), of: 0, as: "left")
    let right = builder.add(
      .convolution(.init(weight: try tensor(2, 3, 1, 1), bias: try tensor(2))), of: 0, as: "right")
    let joined = builder.add(.concatenate, of: left, right, as: "joined")
    let pool = builder.add(.globalMaxPool(keepsImage: false), of: joined, as: "pool")
    let fc = builder.add(.linear(.init(weight: try tensor(2, 4), bias: try tensor(2))), of: pool, as: "fc")
    return try builder.graph(outputs: [.init(Graph.Output.logits, fc)], features: pool)
  }

  private func write(_ model: Model, as name: String = "graph.resect", _ options: WriteOptions = WriteOptions()) throws
    -> String
  {
    var options = options
    options.verification = .skip
    try model.write(to: folder.file(name), options: options)
    return folder.file(name)
  }

  private func graph(_ model: Model) throws -> Graph {
    guard case .graph(let graph) = model.content else { throw ResectError(.badValue, "this is no graph") }
    return graph
  }

  @Test func `a graph keeps its nodes, labels, preprocessing and every bit`() throws {
    let model = try Model(Self.graph(), labels: ["cat", "dog"], preprocessing: .torchvision)
    let read = try Model(contentsOf: write(model))
    let (after, before) = (try graph(read), try Self.graph())
    #expect(after.nodes.map(\.name) == before.nodes.map(\.name))
    #expect(after.nodes.map(\.inputs) == before.nodes.map(\.inputs))
    #expect(after.features == before.features)
    #expect(try after.shapes(height: 9, width: 8) == before.shapes(height: 9, width: 8))
    for (after, before) in zip(after.parameters, before.parameters) {
      #expect(after.name == before.name)
      #expect(try after.tensor.bytes() == before.tensor.bytes())
    }
    #expect(read.labels == ["cat", "dog"])
    #expect(read.preprocessing.value == .torchvision)
    #expect(read.loading.warnings.isEmpty)
    #expect(read.architecture == nil)
    #expect(try Inspection(path: folder.file("graph.resect")).tensors.count == 5)
  }

  @Test func `what was read is written as the same bytes but for the provenance`() throws {
    let path = try write(Model(Self.graph()))
    let again = try write(Model(contentsOf: path), as: "again.resect")
    let (first, second) = (try NativeFile(InputFile(path: path)), try NativeFile(InputFile(path: again)))
    #expect(first.tensors.map(\.name) == second.tensors.map(\.name))
    #expect(second.header.provenance.sources.map(\.name) == ["graph.resect"])
    let twice = try write(Model(contentsOf: path), as: "twice.resect")
    #expect(try contents(of: twice) == contents(of: again))
  }

  @Test func `weights of a graph are rounded and encoded as a ResNet's`() throws {
    var options = WriteOptions()
    options.dtype = .bfloat16
    let half = try graph(Model(contentsOf: write(Model(Self.graph()), as: "half.resect", options)))
    #expect(half.parameters.map(\.tensor.dtype) == [.bfloat16, .bfloat16, .float32, .bfloat16, .float32])
    options.dtype = nil
    options.encoding = .quantized(steps: ["left.weight": 0.25])
    let quantized = try graph(Model(contentsOf: write(Model(Self.graph()), as: "quantized.resect", options)))
    let left = try quantized.parameters[0].tensor.doubles()
    #expect(left.allSatisfy { ($0 * 4).rounded() == $0 * 4 })
    #expect(Set(left).count > 3)
  }

  @Test func `a backbone of a graph ends in features`() throws {
    let read = try graph(Model(contentsOf: write(Model(Self.graph().untilFeatures()))))
    #expect(read.outputs.map(\.name) == ["features"])
    #expect(!read.computesLogits)
    #expect(try read.shapes(height: 4, width: 4)[read.output] == .vector(4))
  }

  @Test func `labels and preprocessing that do not fit, and words on a ResNet, are refused`() throws {
    let path = try write(Model(Self.graph()))
    var options = OpenOptions()
    options.network.epsilon = 1e-5
    #expect(#expect(throws: ResectError.self) { try Model(contentsOf: path, options: options) }?.code == .badArgument)
    options = OpenOptions()
    options.network.stridePlacement = .v1
    #expect(#expect(throws: ResectError.self) { try Model(contentsOf: path, options: options) }?.code == .badArgument)
    func error(labels: [String]?, _ preprocessing: Preprocessing?, _ encoding: EncodingChoice = .store) throws
      -> ResectError?
    {
      let file = try OutputFile(path: folder.file("wrong.resect"), overwrite: true)
      let graph = try Self.graph()
      let tensors = graph.parameters.map { OutputTensor(name: $0.name, tensor: $0.tensor, dtype: .float32) }
      try writeNative(tensors, to: file, encoding: { $0.name == "left.weight" ? encoding : .store }) {
        () throws(ResectError) in
        NativeHeader(
          kind: .graph(graph), convention: nil, labels: labels, preprocessing: .init(preprocessing, from: .option),
          provenance: Provenance())
      }
      _ = try file.committed()
      return #expect(throws: ResectError.self) { try Model(contentsOf: folder.file("wrong.resect")) }
    }
    #expect(try error(labels: ["cat"], nil)?.code == .malformed)
    #expect(
      try error(labels: nil, Preprocessing(scale: 1, channelOrder: .grey, mean: [0], std: [1]))?.code == .malformed)
    // Without the ranges of activations, 8-bit weights mean nothing to the engine.
    #expect(try error(labels: nil, nil, .int8)?.code == .malformed)
  }
}
