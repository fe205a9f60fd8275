import ResectBytes
import ResectGraphs
import ResectResNets
import ResectSurgery
import ResectTensors
import ResectTestSupport
import Testing

/// Batch-norms of graphs that are no ResNets. The numbers are torch's: see `make_folded.py`.
@Suite struct FoldGraphTests {
  /// A layer and a batch-norm, and what torch makes of them.
  struct Case {
    let json: JSON

    static var all: [Case] {
      get throws {
        let file = try InputFile(path: Fixtures.document("Tests/SurgeryTests/folded.json"))
        let json = try JSON(parsing: file.read(at: 0, count: Int(file.size)))
        return try #require(json.elements).map(Case.init)
      }
    }

    func numbers(_ name: String) -> [Double]? { json[name]?.elements?.compactMap(\.number) }

    func tensor(_ name: String, _ axes: [Int]? = nil) throws -> LazyTensor? {
      guard let numbers = numbers(name) else { return nil }
      return try LazyTensor(stored: numbers, axes ?? [numbers.count])
    }

    func norm() throws -> Graph.Operation {
      .batchNorm(
        .init(
          weight: try tensor("gamma"), bias: try tensor("beta"), mean: try #require(try tensor("mean")),
          variance: try #require(try tensor("variance")), epsilon: try #require(json["epsilon"]?.number)))
    }

    var isLinear: Bool { json["axes"]?.elements?.count == 2 }

    /// The layer `layer`, with the batch-norm `norm` behind it.
    func graph() throws -> Graph {
      let axes = try #require(numbers("axes")).map { Int($0) }
      let groups = try #require(json["groups"]?.integer.map { Int($0) })
      let weight = try #require(try tensor("weight", axes))
      let bias = try tensor("bias")
      var builder = GraphBuilder(
        input: isLinear ? .features(axes[1]) : .image(channels: axes[1] * groups))
      let made = builder.add(
        isLinear
          ? .linear(.init(weight: weight, bias: bias))
          : .convolution(.init(weight: weight, bias: bias, groups: groups)), of: builder.input, as: "layer")
      let value = builder.add(try norm(), of: made, as: "norm")
      return try builder.graph(outputs: [.init("features", value)])
    }
  }

  private func expectClose(_ found: [Double]?, _ expected: [Double]?) throws {
    let (found, expected) = (try #require(found), try #require(expected))
    #expect(found.count == expected.count)
    for (value, wanted) in zip(found, expected) { #expect(abs(value - wanted) <= 1e-14 * max(1, abs(wanted))) }
  }

  @Test func `a layer takes up the batch-norm behind it as torch's fusion has it`() throws {
    let cases = try Case.all
    #expect(cases.count == 5)
    for test in cases {
      let (folded, record) = try test.graph().foldingBatchNorm()
      #expect(folded.nodes.map(\.name) == ["layer"])
      #expect(folded.output == 1)
      try expectClose(folded.values("layer.weight"), test.numbers("foldedWeight"))
      try expectClose(folded.values("layer.bias"), test.numbers("foldedBias"))
      let layer = try #require(record.report["layers"]?.elements?.first)
      #expect(layer["norm"]?.string == "norm" && layer["foldedInto"]?.string == "layer")
      #expect(record.parameters["epsilon"] == test.json["epsilon"])
    }
  }

  @Test func `a batch-norm without such a layer becomes torch's scale and shift`() throws {
    for test in try Case.all {
      let channels = try #require(test.numbers("mean")).count
      var builder = GraphBuilder(input: test.isLinear ? .features(channels) : .image(channels: channels))
      let value = builder.add(try test.norm(), of: builder.input, as: "norm")
      let (folded, record) = try builder.graph(outputs: [.init("features", value)]).foldingBatchNorm()
      guard case .scaleShift = folded.operation("norm") else {
        Issue.record("\(folded.nodes)")
        return
      }
      try expectClose(folded.values("norm.weight"), test.numbers("scale"))
      try expectClose(folded.values("norm.bias"), test.numbers("shift"))
      #expect(record.report["layers"]?.elements?.first?["foldedInto"] == .null)
    }
  }

  @Test func `the numbers are those of the ResNet with the same layers, to the bit`() throws {
    let network = try TestNetwork(bias: true).network()
    let norm = try #require(network.stem.norm)
    var builder = GraphBuilder(input: .image(channels: 3))
    let made = builder.add(
      .convolution(.init(weight: network.stem.convolution.weight, bias: network.stem.convolution.bias)),
      of: builder.input, as: "conv")
    let value = builder.add(
      .batchNorm(
        .init(
          weight: norm.weight, bias: norm.bias, mean: try #require(norm.runningMean),
          variance: try #require(norm.runningVariance), epsilon: 1e-5)), of: made, as: "norm")
    let folded = try builder.graph(outputs: [.init("features", value)]).foldingBatchNorm().graph
    let expected = try network.foldingBatchNorm().network.stem.convolution
    for dtype in [DType.float64, .float32, .float16] {
      let tensors = folded.parameters.map(\.tensor)
      #expect(try tensors[0].bytes(as: dtype) == expected.weight.bytes(as: dtype))
      #expect(try tensors[1].bytes(as: dtype) == expected.bias?.bytes(as: dtype))
    }
  }

  @Test func `what stands between is kept, and what uses the batch-norm uses the layer`() throws {
    let (folded, record) = try TestGraph.graph().foldingBatchNorm()
    #expect(
      folded.nodes.map(\.name) == [
        "start", "conv1", "conv1_relu", "dw", "dw_drop", "add", "last_bn", "pool", "dropout", "predictions", "softmax",
      ])
    let add = try #require(folded.nodes.first { $0.name == "add" })
    #expect(add.inputs.map(folded.name(of:)) == ["conv1_relu", "dw_drop"])
    #expect(folded.outputs.map { folded.name(of: $0.value) } == ["predictions", "softmax"])
    #expect(folded.features.map(folded.name(of:)) == "dropout")
    let layers = try #require(record.report["layers"]?.elements)
    #expect(layers.map { $0["foldedInto"]?.string } == ["conv1", "dw", nil])
    // Two of three have the one, the third the other.
    #expect(record.parameters["epsilon"] == .object(["default": .number(0x1p-10), "dw_bn": .number(0x1p-16)]))
    #expect(record.summary.hasPrefix("folded 2 batch-norms, eps 0.0009765625, dw_bn 1.52587890625e-05; 1 that no"))
    #expect(try folded.shapes(height: 8, width: 8).count == folded.nodes.count + 1)
  }

  @Test func `a layer whose result something else takes keeps it`() throws {
    var test = TestGraph()
    var builder = GraphBuilder(input: .image(channels: 3))
    let made = builder.add(.convolution(.init(weight: try test.tensor(3, 3, 1, 1))), of: builder.input, as: "conv")
    let norm = builder.add(try test.norm(3), of: made, as: "norm")
    let sum = builder.add(.add, of: made, norm, as: "sum")
    let branched = try builder.graph(outputs: [.init("features", sum)])
    let handedOut = try builder.graph(outputs: [.init("features", norm), .init("early", made)])
    for graph in [branched, handedOut] {
      let folded = try graph.foldingBatchNorm().graph
      #expect(try folded.values("conv.weight") == graph.values("conv.weight"))
      guard case .scaleShift = folded.operation("norm") else {
        Issue.record("\(folded.nodes)")
        return
      }
    }
  }

  @Test func `a second batch-norm becomes a scale and a shift, so that weights are rounded once`() throws {
    var test = TestGraph()
    var builder = GraphBuilder(input: .image(channels: 3))
    let made = builder.add(.convolution(.init(weight: try test.tensor(3, 3, 1, 1))), of: builder.input, as: "conv")
    let first = builder.add(try test.norm(3), of: made, as: "first")
    let second = builder.add(try test.norm(3), of: first, as: "second")
    let folded = try builder.graph(outputs: [.init("features", second)]).foldingBatchNorm().graph
    #expect(folded.nodes.map(\.name) == ["conv", "second"])
  }

  @Test func `a graph without batch-norms stays as it is, and the record says so`() throws {
    let folded = try TestGraph.graph().foldingBatchNorm().graph
    let (again, record) = try folded.foldingBatchNorm()
    #expect(try again.bytes == folded.bytes)
    #expect(record.summary == "nothing to fold: the network has no batch-norms")
  }

  @Test func `a bad variance is refused by its node's name`() throws {
    var test = TestGraph()
    var builder = GraphBuilder(input: .image(channels: 2))
    guard case .batchNorm(var norm) = try test.norm(2) else { return }
    norm.variance = try LazyTensor(stored: [1, -0.5], [2])
    let value = builder.add(.batchNorm(norm), of: builder.input, as: "bn")
    let graph = try builder.graph(outputs: [.init("features", value)])
    let error = #expect(throws: ResectError.self) { try graph.foldingBatchNorm() }
    #expect(error?.code == .badValue && error?.tensor == "bn.running_var")
  }
}
