public import ResectBytes
public import ResectGraphs
public import ResectResNets
internal import ResectTensors

/// Moves every batch-norm to another epsilon. See `ResNet.rebasingEpsilon(to:)` and `Graph.rebasingEpsilon(to:)`.
public struct RebaseEpsilon: Surgery {
  /// What the batch-norms are to add to the variance.
  public var target: Double

  /// The surgery.
  public init(to target: Double) { self.target = target }

  /// The network with that epsilon.
  public func operate(
    on network: Network, knowing facts: SurgeryFacts
  ) throws(ResectError) -> SurgeryOutcome<Network> {
    try network.operated(
      effect: .keepsOutputs, resNet: { network throws(ResectError) in try network.rebasingEpsilon(to: target) },
      graph: { graph throws(ResectError) in try graph.rebasingEpsilon(to: target) })
  }
}

extension ResNet {
  /// Moves every batch-norm to another epsilon: what is added to the variance changes, what comes out does not.
  ///
  /// - *Requires*: batch-norms with running statistics, finite; a known epsilon; `variance + eps − target` not negative anywhere.
  /// - *Changes*: each running variance to `variance + eps − target`, the exact number rounded once to the dtype
  ///   that it has. The record says by how much that rounding changes `variance + eps` at most, relative to it.
  /// - *Preserves*: the logits, up to that rounding; to the bit where `target` is the epsilon that was.
  ///
  /// Throws `ResectError.Code.badValue` with the place and the channel where a variance would be negative.
  public func rebasingEpsilon(
    to target: Double
  ) throws(ResectError) -> (network: ResNet, record: SurgeryRecord) {
    try checkEpsilon(target)
    guard case .batchNorm(_, true) = normalization else {
      throw ResectError(
        .notApplicable, "the network has no batch-norms with running statistics: there is no variance to change")
    }
    guard epsilon.value != nil else {
      throw ResectError(
        .notApplicable, "what the batch-norms add to the variance is unknown",
        advice: .sayEpsilon)
    }
    var rebased = self
    var rounding = 0.0
    var count = 0
    try rebased.updateNorms { place, norm throws(ResectError) in
      guard let epsilon = norm.epsilon, epsilon != target, let variance = norm.runningVariance else { return }
      let moved = try MovedVariance(
        variance, named: ParameterPath(place, .runningVariance).description, from: epsilon, to: target)
      norm.runningVariance = LazyTensor(exact: moved.variances, dtype: variance.dtype)
      norm.epsilon = target
      rounding = max(rounding, moved.rounding)
      count += 1
    }
    rebased.epsilonSource = .option
    let architecture = architecture
    let before = Epsilons(json: architecture.epsilonJSON, description: architecture.epsilonDescription)
    return (rebased, SurgeryRecord(rebasing: count, from: before, to: target, rounding: rounding))
  }
}

/// Variances with another epsilon.
private struct MovedVariance {
  let variances: [AffineRoot]
  /// The largest change of `variance + eps` by rounding, relative to it.
  let rounding: Double

  init(
    _ variance: LazyTensor, named name: String, from epsilon: Double, to target: Double
  ) throws(ResectError) {
    let old = try variance.finiteValues(named: name)
    variances = old.map { AffineRoot(addend: $0, minuend: epsilon, subtrahend: target) }
    let values = variances.map(\.rounded)
    if let channel = values.firstIndex(where: { $0 < 0 }) {
      throw ResectError(
        .badValue,
        "the running variance of channel \(channel) is \(old[channel]): with eps \(target) instead of \(epsilon) it would have to be \(values[channel])",
        advice: "an eps of at most \((old.min() ?? 0) + epsilon) can be had here", tensor: name)
    }
    let stored: [Double]
    do throws(ResectError) {
      stored = try LazyTensor(exact: variances, dtype: variance.dtype).doubles()
    } catch {
      throw error.located(tensor: name)
    }
    rounding =
      zip(old, stored).map { old, stored in
        let sum = old + epsilon
        return sum == 0 ? 0 : abs(stored + target - sum) / sum
      }.max() ?? 0
  }
}

extension Graph {
  /// Moves every batch-norm to another epsilon: what is added to the variance changes, what comes out does not.
  ///
  /// - *Requires*: batch-norms, whose statistics are finite; `variance + eps − target` not negative anywhere.
  /// - *Changes*: each running variance to `variance + eps − target`, the exact number rounded once to the dtype
  ///   that it has. The record says by how much that rounding changes `variance + eps` at most, relative to it.
  /// - *Preserves*: the outputs, up to that rounding; to the bit where `target` is the epsilon that was.
  ///
  /// Throws `ResectError.Code.badValue` with the node and the channel where a variance would be negative.
  public func rebasingEpsilon(to target: Double) throws(ResectError) -> (graph: Graph, record: SurgeryRecord) {
    try checkEpsilon(target)
    let isNorm = { (node: Node) in if case .batchNorm = node.operation { true } else { false } }
    guard nodes.contains(where: isNorm) else {
      throw ResectError(.notApplicable, "the network has no batch-norms: there is no variance to change")
    }
    var changes: [Int: Rewriting] = [:]
    var rounding = 0.0
    for (position, node) in nodes.enumerated() {
      guard case .batchNorm(var norm) = node.operation, norm.epsilon != target else { continue }
      let moved = try MovedVariance(
        norm.variance, named: "\(node.name).running_var", from: norm.epsilon, to: target)
      norm.variance = LazyTensor(exact: moved.variances, dtype: norm.variance.dtype)
      norm.epsilon = target
      rounding = max(rounding, moved.rounding)
      changes[position] = .replace(.batchNorm(norm))
    }
    let record = SurgeryRecord(rebasing: changes.count, from: Epsilons(of: self), to: target, rounding: rounding)
    return (try rewritten { position, _ in changes[position] ?? .keep }, record)
  }
}

private func checkEpsilon(_ epsilon: Double) throws(ResectError) {
  guard epsilon.isFinite, epsilon >= 0 else {
    throw ResectError(.badArgument, "epsilon has to be a number that is not negative: \(epsilon)")
  }
}

extension SurgeryRecord {
  fileprivate init(rebasing count: Int, from epsilons: Epsilons, to target: Double, rounding: Double) {
    self.init(
      name: "epsilon", parameters: .object(["from": epsilons.json, "to": .number(target)]),
      report: .object([
        "batchNorms": .integer(count), "largestRelativeRounding": .number(rounding),
      ]),
      summary: count == 0
        ? "nothing to change: eps is \(target) already"
        : "moved \(count) batch-norms from eps \(epsilons) to \(target); rounding changes variance + eps by at most \(rounding.text(digits: 4)) of it"
    )
  }
}
