internal import Synchronization

/// A network and what it computes of the probes, against which changed weights are measured.
struct ProbedNetwork: Sendable {
  let network: ResNet
  private let correction: MeanCorrection
  private let probes: Batch
  private let subject: Proof.Subject
  private let reference: Rows
  private let branchShares: [ModulePath: Double]
  private let measures: Bool

  /// A network and its probes. Where `measures` is false, what a layer's noise does to the logits is estimated from its weights and
  /// from what the batch-norms tell: running the network once for each layer takes too long without oneDNN.
  init(
    _ network: ResNet, probes: Batch, subject: Proof.Subject, statistics: ActivationStatistics,
    measures: Bool
  ) throws(ResectError) {
    self.network = network
    self.probes = probes
    self.subject = subject
    self.measures = measures
    branchShares = statistics.branchShares
    correction = MeanCorrection(network, means: statistics.inputMeans)
    reference = try ProbedNetwork.run(network, probes, subject)
    guard LogitError(reference, reference).relative.isFinite else {
      throw ResectError(
        .notApplicable,
        "what the network makes of the probes is not finite or always the same: no error can be measured")
    }
  }

  /// The network with the means of its layers' outputs as they are before their weights are quantised.
  func corrected(for steps: [ParameterPath: Double]) throws(ResectError) -> ResNet {
    network.replacing(try correction.corrected(for: steps))
  }

  /// What it costs to store weights in multiples of `steps`.
  func error(_ steps: [ParameterPath: Double]) throws(ResectError) -> LogitError {
    let changed = try corrected(for: steps).quantized(steps)
    return LogitError(reference, try ProbedNetwork.run(changed, probes, subject))
  }

  private static func run(_ network: ResNet, _ probes: Batch, _ subject: Proof.Subject) throws(ResectError) -> Rows {
    var assumptions: [String] = []
    return try Pass(.network(network), nil, assuming: &assumptions).run(probes, subject)
  }

  // MARK: Sensitivities

  /// Weights that the logits depend on, with what steps do to them. Fewer elements than `smallest` are not worth a step.
  func layers() throws(ResectError) -> [(path: ParameterPath, layer: StepAllocation.Layer)] {
    let weights = network.parameters.filter { parameter in
      parameter.path.kind == .weight && parameter.tensor.shape.rank > 1 && parameter.tensor.dtype.isComputable
        && parameter.tensor.shape.elementCount >= ProbedNetwork.smallest
    }
    let draws = max(1, min(ProbedNetwork.mostDraws, ProbedNetwork.drawnWeights / max(network.parameterCount, 1)))
    let layers = Mutex<[Int: StepAllocation.Layer]>([:])
    try parallelForEach(count: weights.count) { index throws(ResectError) in
      guard let layer = try layer(weights[index], draws: draws) else { return }
      layers.withLock { $0[index] = layer }
    }
    return layers.withLock { layers in
      weights.indices.compactMap { index in layers[index].map { (weights[index].path, $0) } }
    }
  }

  private static let smallest = 64
  /// Small networks are tried with several steps, whose mean is steadier; large ones take time, and have many weights to average.
  private static let mostDraws = 4
  private static let drawnWeights = 4_000_000
  /// Weights that a curve is measured on.
  private static let sampled = 1 << 14

  /// What noise in the weight `parameter` alone does to the logits. Nothing where it does nothing.
  private func layer(_ parameter: ResNet.Parameter, draws: Int) throws(ResectError) -> StepAllocation.Layer? {
    let weights = try parameter.tensor.doubles()
    guard weights.allSatisfy(\.isFinite) else {
      throw ResectError(.badValue, "weights are not finite", tensor: parameter.path.description)
    }
    guard weights.contains(where: { $0 != 0 }) else { return nil }
    // An odd stride meets every position of the kernels.
    let stride = weights.count / ProbedNetwork.sampled | 1
    let curve = RateCurve(Swift.stride(from: 0, to: weights.count, by: stride).map { weights[$0] })
    guard measures else {
      let share = branchShares[parameter.path.module] ?? 1
      return StepAllocation.Layer(
        count: weights.count,
        sensitivity: StepAllocation.Layer.sensitivity(meanSquare: curve.scale * curve.scale, branchShare: share),
        curve: curve)
    }
    var sensitivity = 0.0
    for draw in 0..<draws {
      // Coarse enough to stand out against rounding, fine enough for the layers behind to pass it on in proportion.
      let step = curve.scale / (4 + Double(draw) / 2)
      let error = try error([parameter.path: step]).relative
      sensitivity += error * error / curve.noise(step: step) / Double(draws)
    }
    guard sensitivity > 0, sensitivity.isFinite else { return nil }
    return StepAllocation.Layer(count: weights.count, sensitivity: sensitivity, curve: curve)
  }
}
