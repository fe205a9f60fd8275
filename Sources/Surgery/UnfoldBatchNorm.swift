public import ResectBytes
public import ResectGraphs
public import ResectResNets
internal import ResectTensors

/// Puts a batch-norm that changes nothing behind every convolution. See `ResNet.unfoldingBatchNorm(epsilon:)` and
/// `Graph.unfoldingBatchNorm(epsilon:)`.
public struct UnfoldBatchNorm: Surgery {
  /// What the batch-norms are to add to the variance; by default what the network's were built with.
  public var epsilon: Double?

  /// The surgery.
  public init(epsilon: Double? = nil) { self.epsilon = epsilon }

  /// The network with the batch-norms.
  public func operate(
    on network: Network, knowing facts: SurgeryFacts
  ) throws(ResectError) -> SurgeryOutcome<Network> {
    try network.operated(
      effect: .keepsOutputs,
      resNet: { network throws(ResectError) in try network.unfoldingBatchNorm(epsilon: epsilon) },
      graph: { graph throws(ResectError) in try graph.unfoldingBatchNorm(epsilon: epsilon) })
  }
}

extension ResNet {
  /// Puts a batch-norm that changes nothing behind every convolution, for programs that build none without them.
  ///
  /// - *Requires*: no batch-norms, as after ``foldingBatchNorm()``; blocks in the order convolution, batch-norm.
  /// - *Changes*: each convolution's bias becomes the shift of its batch-norm, which has scale 1, mean 0 and the variance
  ///   1 − eps, so that the root of variance and eps is 1.
  /// - *Preserves*: every weight and bias to the bit; the logits, up to the rounding of 1 − eps.
  ///
  /// `epsilon` is what the other program's batch-norms add to the variance; by default what the network's were built with.
  public func unfoldingBatchNorm(
    epsilon: Double? = nil
  ) throws(ResectError) -> (network: ResNet, record: SurgeryRecord) {
    guard normalization == .none else {
      throw ResectError(.notApplicable, "the network has batch-norms: there is nothing to unfold")
    }
    guard !isPreactivated else {
      throw ResectError(
        .notApplicable, "a pre-activated network normalises before its convolutions: biases have no batch-norm to go to"
      )
    }
    guard let epsilon = epsilon ?? self.epsilon.value else {
      throw ResectError(
        .notApplicable, "what the batch-norms are to add to the variance is unknown", advice: .sayEpsilon)
    }
    var unfolded = self
    var count = 0
    unfolded.updateUnits { _, unit in
      let norm = NeutralNorm(after: unit.convolution.weight, bias: unit.convolution.bias, epsilon: epsilon)
      unit.norm = BatchNorm(
        weight: norm.weight, bias: norm.bias, runningMean: norm.mean, runningVariance: norm.variance,
        epsilon: epsilon)
      unit.foldedEpsilon = nil
      unit.convolution.bias = nil
      count += 1
    }
    unfolded.epsilonSource = .option
    return (unfolded, SurgeryRecord(unfolding: count, epsilon: epsilon))
  }
}

extension Graph {
  /// What Keras' batch-norms add to the variance by default: any will do for one that its file describes.
  private static let usualEpsilon = 1e-3

  /// Puts a batch-norm that changes nothing behind every convolution but one that embeds the classes.
  ///
  /// - *Requires*: no batch-norms, as after ``foldingBatchNorm()``.
  /// - *Changes*: each convolution's bias becomes the shift of its batch-norm, which has scale 1, mean 0 and the variance
  ///   1 − eps, so that the root of variance and eps is 1. The batch-norm's name is the convolution's with `.norm` behind it.
  /// - *Preserves*: every weight and bias to the bit; the outputs, up to the rounding of 1 − eps.
  ///
  /// `epsilon` is what the batch-norms add to the variance, by default 1e-3.
  public func unfoldingBatchNorm(epsilon: Double? = nil) throws(ResectError) -> (graph: Graph, record: SurgeryRecord) {
    let isNorm = { (node: Node) in if case .batchNorm = node.operation { true } else { false } }
    guard !nodes.contains(where: isNorm) else {
      throw ResectError(.notApplicable, "the network has batch-norms: there is nothing to unfold")
    }
    let epsilon = epsilon ?? Graph.usualEpsilon
    let classifier = classifier?.position
    var names = Set(nodes.map(\.name) + [input.name])
    var values = [0]
    var unfolded: [Node] = []
    for (position, node) in nodes.enumerated() {
      let inputs = node.inputs.map { values[$0] }
      guard case .convolution(var convolution) = node.operation, position != classifier else {
        unfolded.append(Node(node.name, node.operation, of: inputs))
        values.append(unfolded.count)
        continue
      }
      guard convolution.weight.shape.rank == 4 else {
        throw ResectError(
          .mismatch, "a kernel of shape \(convolution.weight.shape) is none, it has to have four axes",
          tensor: node.name)
      }
      var name = "\(node.name).norm"
      while !names.insert(name).inserted { name += "_" }
      let norm = NeutralNorm(after: convolution.weight, bias: convolution.bias, epsilon: epsilon)
      convolution.bias = nil
      unfolded.append(Node(node.name, .convolution(convolution), of: inputs))
      unfolded.append(
        Node(
          name,
          .batchNorm(
            .init(weight: norm.weight, bias: norm.bias, mean: norm.mean, variance: norm.variance, epsilon: epsilon)),
          of: [unfolded.count]))
      values.append(unfolded.count)
    }
    let graph = try Graph(
      input: input, nodes: unfolded, outputs: outputs.map { Output($0.name, values[$0.value]) },
      features: features.map { values[$0] }, appendsConstantFeature: appendsConstantFeature)
    return (graph, SurgeryRecord(unfolding: unfolded.count - nodes.count, epsilon: epsilon))
  }
}

/// The tensors of a batch-norm that changes nothing but to add the bias of the convolution before it.
private struct NeutralNorm {
  let weight: LazyTensor
  let bias: LazyTensor
  let mean: LazyTensor
  let variance: LazyTensor

  init(after convolution: LazyTensor, bias: LazyTensor?, epsilon: Double) {
    let channels = convolution.shape.axes[0]
    func constant(_ value: Double) -> LazyTensor {
      LazyTensor(values: [Double](repeating: value, count: channels), dtype: .float32)
    }
    weight = constant(1)
    self.bias = bias ?? constant(0)
    mean = constant(0)
    variance = LazyTensor(
      exact: [AffineRoot](repeating: AffineRoot(addend: 1, minuend: 0, subtrahend: epsilon), count: channels),
      dtype: .float32)
  }
}

extension SurgeryRecord {
  fileprivate init(unfolding count: Int, epsilon: Double) {
    self.init(
      name: "unfold", parameters: .object(["epsilon": .number(epsilon)]),
      report: .object(["layers": .integer(count)]),
      summary: "put \(count) batch-norms that change nothing behind the convolutions, eps \(epsilon)")
  }
}
