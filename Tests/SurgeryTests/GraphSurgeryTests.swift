import ResectBytes
import ResectGraphs
import ResectResNets
import ResectSurgery
import ResectTensors
import ResectTestSupport
import Testing

/// The surgeries but `fold-bn` on a graph that is no ResNet: records and numbers are those of the ResNet with the same layers.
@Suite struct GraphSurgeryTests {
  /// `torch.manual_seed(42); torch.nn.Linear(4, 3)`, the bits of its floats.
  private let torchWeight: [UInt32] = [
    0x3EC3_B8CC, 0x3ED4_7B66, 0xBDEF_E520, 0x3EEB_2A1C, 0xBDE0_5CB0, 0x3DCE_A238, 0xBE79_4510, 0x3E96_5828, 0x3EE1_ACCC,
    0xBEBB_CF0E, 0x3EDE_83A4, 0x3DBF_A6B0,
  ]
  private let torchBias: [UInt32] = [0x3EBD_2294, 0x3D8A_AE50, 0x3E76_E15C]

  /// The graph's classifier, as an embedding of its classes.
  private func classifier(of graph: Graph) throws -> ClassEmbedding {
    let weight = try #require(graph.parameters.first { $0.name == "predictions.weight" }?.tensor)
    let bias = graph.parameters.first { $0.name == "predictions.bias" }?.tensor
    return try ClassEmbedding(weight: weight.reshaped([5, 4]), bias: bias, hasConstantFeature: false)
  }

  private func refusal(_ body: () throws -> Void) -> ResectError? {
    do { try body() } catch { return error as? ResectError }
    return nil
  }

  // MARK: The head

  @Test(arguments: [TestGraph.Head.linear, .convolution])
  func `kept classes keep their rows`(head: TestGraph.Head) throws {
    let graph = try TestGraph.graph(head)
    let (kept, record) = try graph.keepingClasses([3, 0])
    let expected = try classifier(of: graph).keepingClasses([3, 0])
    #expect(try kept.bytes["predictions.weight"] == expected.classes.weight.bytes())
    #expect(try kept.bytes["predictions.bias"] == expected.classes.bias?.bytes())
    #expect(record == expected.record)
    #expect(try kept.shapes(height: 8, width: 8)[kept.output] == .vector(2))
    #expect(kept.nodes.map(\.name) == graph.nodes.map(\.name))
  }

  @Test(arguments: [TestGraph.Head.linear, .convolution])
  func `a dropped bias is reported, and nothing else changes`(head: TestGraph.Head) throws {
    let graph = try TestGraph.graph(head)
    let (dropped, record) = try graph.droppingClassifierBias()
    var before = try graph.bytes
    before["predictions.bias"] = nil
    #expect(try dropped.bytes == before)
    let values = try #require(try graph.values("predictions.bias"))
    #expect(record.report["smallest"]?.number == values.min())
    #expect(record.report["largest"]?.number == values.max())
    #expect(try dropped.droppingClassifierBias().record.summary == "nothing to drop: the classifier has no bias")
  }

  @Test(arguments: [TestGraph.Head.linear, .convolution, .none])
  func `a fresh head has torch's numbers, as a ResNet's has`(head: TestGraph.Head) throws {
    let graph = try TestGraph.graph(head)
    let (replaced, record) = try graph.replacingHead(classes: 3, seed: 42)
    let name = head == .none ? "classifier" : "predictions"
    #expect(try replaced.values("\(name).weight") == torchWeight.map { Double(Float(bitPattern: $0)) })
    #expect(try replaced.values("\(name).bias") == torchBias.map { Double(Float(bitPattern: $0)) })
    #expect(record.report["classesBefore"] == (head == .none ? .null : .integer(5)))
    #expect(try replaced.shapes(height: 8, width: 8)[replaced.output] == .vector(3))
  }

  @Test(arguments: [TestGraph.Head.linear, .convolution], BiasTreatment.allCases)
  func `both halves of a split, joined, compute with the same numbers`(
    head: TestGraph.Head, treatment: BiasTreatment
  ) throws {
    let graph = try TestGraph.graph(head)
    let (backbone, classes, record) = try graph.split(bias: treatment)
    #expect(!backbone.computesLogits)
    #expect(backbone.outputs.map(\.name) == ["features"])
    #expect(try backbone.shapes(height: 8, width: 8)[backbone.output] == .vector(4))
    #expect(backbone.appendsConstantFeature == (treatment == .feature))
    #expect(classes.features == (treatment == .feature ? 5 : 4))
    let lost = "what makes probabilities of the logits is in neither half of the split"
    #expect(record.warnings.contains(lost) == (head == .linear))
    let joined = try backbone.joined(with: classes).graph
    #expect(!joined.appendsConstantFeature)
    #expect(joined.outputs.map(\.name) == ["logits"])
    let embedding = try classifier(of: graph)
    #expect(try joined.bytes["classifier.weight"] == embedding.weight.bytes())
    #expect(try joined.bytes["classifier.bias"] == (treatment == .drop ? nil : embedding.bias?.bytes()))
    #expect(try joined.bytes["conv1.weight"] == graph.bytes["conv1.weight"])
    #expect(try joined.shapes(height: 8, width: 8)[joined.output] == .vector(5))
  }

  @Test func `a backbone has no classes, and one that does not fit is refused`() throws {
    let backbone = try TestGraph.graph(.none)
    #expect(refusal { _ = try backbone.keepingClasses([0]) }?.code == .notApplicable)
    #expect(refusal { _ = try backbone.droppingClassifierBias() }?.code == .notApplicable)
    #expect(refusal { _ = try backbone.split(bias: .keep) }?.code == .notApplicable)
    let classes = try ClassEmbedding(
      weight: LazyTensor(stored: [1, 2, 3], [1, 3]), bias: nil, hasConstantFeature: false)
    #expect(refusal { _ = try backbone.joined(with: classes) }?.code == .mismatch)
  }

  @Test func `a last layer that is not linear is named`() throws {
    var test = TestGraph()
    var builder = GraphBuilder(input: .image(channels: 3))
    let made = builder.add(.convolution(.init(weight: try test.tensor(4, 3, 3, 3))), of: builder.input, as: "conv")
    let pooled = builder.add(.globalAveragePool(keepsImage: false), of: made, as: "pool")
    let graph = try builder.graph(outputs: [.init(Graph.Output.logits, pooled)])
    let error = refusal { _ = try graph.droppingClassifierBias() }
    #expect(error?.code == .notApplicable && error?.tensor == "pool")
    #expect(error?.message.contains("global-average-pool") == true)
  }

  // MARK: Batch-norms

  @Test func `another epsilon is made up for by the variances`() throws {
    let graph = try TestGraph.graph()
    let (rebased, record) = try graph.rebasingEpsilon(to: 0x1p-16)
    for name in ["conv1_bn", "last_bn"] {
      let before = try #require(try graph.values("\(name).running_var"))
      #expect(try rebased.values("\(name).running_var") == before.map { $0 + 0x1p-10 - 0x1p-16 })
    }
    #expect(try rebased.bytes["dw_bn.running_var"] == graph.bytes["dw_bn.running_var"])
    #expect(record.report["batchNorms"] == .integer(2))
    for node in rebased.nodes {
      if case .batchNorm(let norm) = node.operation { #expect(norm.epsilon == 0x1p-16) }
    }
    let error = refusal { _ = try graph.rebasingEpsilon(to: 10) }
    #expect(error?.code == .badValue && error?.tensor == "conv1_bn.running_var")
    #expect(refusal { _ = try graph.rebasingEpsilon(to: -1) }?.code == .badArgument)
    #expect(refusal { _ = try graph.foldingBatchNorm().graph.rebasingEpsilon(to: 1) }?.code == .notApplicable)
  }

  @Test func `unfolding puts a batch-norm behind each convolution, and folding takes it away again`() throws {
    let folded = try TestGraph.graph(.convolution).foldingBatchNorm().graph
    let (unfolded, record) = try folded.unfoldingBatchNorm(epsilon: 0.25)
    #expect(
      unfolded.nodes.map(\.name) == [
        "start", "conv1", "conv1.norm", "conv1_relu", "dw", "dw.norm", "dw_drop", "add", "last_bn", "pool",
        "predictions", "reshape",
      ])
    #expect(record.report["layers"] == .integer(2))
    #expect(try unfolded.bytes["conv1.weight"] == folded.bytes["conv1.weight"])
    #expect(unfolded.operation("conv1.norm")?.tensors.map(\.role) == ["weight", "bias", "running_mean", "running_var"])
    // 1 − 0.25 is exact, and so is the root of 1: every number comes back as float32 has it.
    let again = try unfolded.foldingBatchNorm().graph
    for parameter in folded.parameters where parameter.node == "conv1" || parameter.node == "dw" {
      let expected = try parameter.tensor.doubles().map { parameter.role == "bias" ? Double(Float($0)) : $0 }
      let found = try #require(try again.values(parameter.name))
      // A bias passes through float32, where the batch-norm holds it.
      #expect(found == expected)
    }
    #expect(refusal { _ = try unfolded.unfoldingBatchNorm() }?.code == .notApplicable)
  }

  // MARK: The input

  private func preprocessing() throws -> Preprocessing {
    try Preprocessing(scale: 0.5, channelOrder: .bgr, mean: [1, 2, 4], std: [0.5, 2, 8])
  }

  @Test func `the input is normalised by a first layer`() throws {
    let graph = try TestGraph.graph()
    let (normalized, record) = try graph.normalizing(by: preprocessing())
    #expect(normalized.inputNormalization == InputNormalization(try preprocessing()))
    #expect(normalized.nodes.dropFirst().map(\.name) == graph.nodes.map(\.name))
    #expect(normalized.nodes[1].inputs == [1])
    #expect(try normalized.bytes == graph.bytes)
    #expect(record.name == "normalize")
    #expect(refusal { _ = try normalized.normalizing(by: preprocessing()) }?.code == .notApplicable)
    let grey = try Preprocessing(scale: 0.5, channelOrder: .grey, mean: [1], std: [2])
    #expect(refusal { _ = try graph.normalizing(by: grey) }?.code == .mismatch)
  }

  @Test func `it folds into the first convolution with the numbers of the ResNet's stem`() throws {
    for hasBias in [false, true] {
      let network = try TestNetwork(bias: hasBias).network()
      let norm = try #require(network.stem.norm)
      var builder = GraphBuilder(input: .image(channels: 3))
      let padded = builder.add(.pad(.init(top: 1, bottom: 1, left: 1, right: 1)), of: builder.input, as: "pad")
      let made = builder.add(
        .convolution(.init(weight: network.stem.convolution.weight, bias: network.stem.convolution.bias)),
        of: padded, as: "conv")
      let value = builder.add(
        .batchNorm(
          .init(
            weight: norm.weight, bias: norm.bias, mean: try #require(norm.runningMean),
            variance: try #require(norm.runningVariance), epsilon: 1e-5)), of: made, as: "norm")
      let (folded, record) = try builder.graph(outputs: [.init("features", value)])
        .foldingNormalization(of: preprocessing())
      let (expected, expectedRecord) = try network.foldingNormalization(of: preprocessing())
      #expect(try folded.bytes["conv.weight"] == expected.stem.convolution.weight.bytes())
      #expect(try folded.bytes["conv.bias"] == expected.stem.convolution.bias?.bytes())
      #expect(try folded.bytes["norm.running_mean"] == expected.stem.norm?.runningMean?.bytes())
      #expect(record == expectedRecord)
    }
  }

  @Test func `a convolution without bias and batch-norm gets a bias`() throws {
    var builder = GraphBuilder(input: .image(channels: 3))
    let weight = try LazyTensor(stored: [1, 2, 3, -1, 0, 1], [2, 3, 1, 1])
    let value = builder.add(.convolution(.init(weight: weight)), of: builder.input, as: "conv")
    let folded = try builder.graph(outputs: [.init("features", value)]).foldingNormalization(of: preprocessing()).graph
    // −Σ w · mean / std, with mean / std of 2, 1 and 0.5.
    #expect(try folded.values("conv.bias") == [-5.5, 1.5])
    // Channels turned around, times 0.5 / std: 1, 0.25 and 0.0625.
    #expect(try folded.values("conv.weight") == [0.1875, 0.5, 1, 0.0625, 0, -1])
  }

  @Test func `what stands before the first convolution is named`() throws {
    var test = TestGraph()
    var builder = GraphBuilder(input: .image(channels: 3))
    let value = builder.add(try test.norm(3), of: builder.input, as: "norm")
    let graph = try builder.graph(outputs: [.init("features", value)])
    let error = refusal { _ = try graph.foldingNormalization(of: preprocessing()) }
    #expect(error?.code == .notApplicable && error?.tensor == "norm")
  }
}
