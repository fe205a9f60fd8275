public import ResectBytes
public import ResectResNets
internal import ResectTensors

extension ResNet {
  /// Moves every batch-norm to another epsilon: what is added to the variance changes, what comes out does not.
  ///
  /// - *Requires*: batch-norms with running statistics, finite; a known epsilon; `variance + eps − target` not negative anywhere.
  /// - *Changes*: each running variance to `variance + eps − target`, computed in double precision and rounded once to the dtype
  ///   that it has. The record says by how much that rounding changes `variance + eps` at most, relative to it.
  /// - *Preserves*: the logits, up to that rounding; to the bit where `target` is the epsilon that was.
  ///
  /// Throws `ResectError.Code.badValue` with the place and the channel where a variance would be negative.
  public func rebasingEpsilon(
    to target: Double
  ) throws(ResectError) -> (network: ResNet, record: SurgeryRecord) {
    guard target.isFinite, target >= 0 else {
      throw ResectError(.badArgument, "epsilon has to be a number that is not negative: \(target)")
    }
    guard case .batchNorm(_, true) = architecture.normalization else {
      throw ResectError(
        .notApplicable, "the network has no batch-norms with running statistics: there is no variance to change")
    }
    guard let epsilon = architecture.epsilon.value else {
      throw ResectError(
        .notApplicable, "nobody says what the batch-norms add to the variance",
        advice: .sayEpsilon)
    }
    var rebased = self
    var rounding = 0.0
    var count = 0
    try rebased.updateNorms { place, norm throws(ResectError) in
      let epsilon = architecture.epsilon(at: place) ?? epsilon
      guard epsilon != target, let variance = norm.runningVariance else { return }
      let path = ParameterPath(place, .runningVariance)
      let moved = try MovedVariance(variance, at: path, from: epsilon, to: target)
      norm.runningVariance = LazyTensor(values: moved.values, dtype: variance.dtype)
      rounding = max(rounding, moved.rounding)
      count += 1
    }
    rebased.architecture.epsilon = .init(target, from: .option)
    rebased.architecture.epsilonExceptions = [:]
    let record = SurgeryRecord(
      name: "epsilon",
      parameters: .object(["from": architecture.epsilonJSON, "to": .number(target)]),
      report: .object([
        "batchNorms": .integer(count), "largestRelativeRounding": .number(rounding),
      ]),
      summary: count == 0
        ? "nothing to change: eps is \(target) already"
        : "moved \(count) batch-norms from eps \(architecture.epsilonDescription) to \(target); rounding changes variance + eps by at most \(rounding.text(digits: 4)) of it"
    )
    return (rebased, record)
  }
}

/// Variances with another epsilon.
private struct MovedVariance {
  let values: [Double]
  /// The largest change of `variance + eps` by rounding, relative to it.
  let rounding: Double

  init(
    _ variance: LazyTensor, at path: ParameterPath, from epsilon: Double, to target: Double
  ) throws(ResectError) {
    let old = try variance.finiteValues(at: path)
    values = old.map { $0 + epsilon - target }
    if let channel = values.firstIndex(where: { $0 < 0 }) {
      throw ResectError(
        .badValue,
        "the running variance of channel \(channel) is \(old[channel]): with eps \(target) instead of \(epsilon) it would have to be \(values[channel])",
        advice: "an eps of at most \((old.min() ?? 0) + epsilon) can be had here", tensor: path.description)
    }
    let stored: [Double]
    do throws(ResectError) {
      stored = try LazyTensor(values: values, dtype: variance.dtype).doubles()
    } catch {
      throw error.located(tensor: path.description)
    }
    rounding =
      zip(old, stored).map { old, stored in
        let sum = old + epsilon
        return sum == 0 ? 0 : abs(stored + target - sum) / sum
      }.max() ?? 0
  }
}
