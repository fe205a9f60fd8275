internal import ResectBytes
internal import ResectTensors

/// A batch-norm's effect as a scale and a shift for each channel, known exactly and rounded when it is pulled.
struct FoldedNorm {
  /// What the batch-norm is called.
  let place: String
  /// The layer that takes it in; absent where it is reduced.
  let target: String?
  /// γ / √(σ² + eps).
  private let factors: [AffineRoot]
  /// The same as doubles.
  private let scales: [Double]
  private let mean: [Double]
  private let beta: [Double]
  private let epsilon: Double
  /// Channels whose variance is smaller than epsilon, so that epsilon decides.
  private let dominated: Int
  /// Half precision is enough for weights, not for what is added to every activation.
  private let dtype: DType

  /// The effect of the batch-norm `place` on a layer `target`. Without statistics, it is a scale and a shift already, from a file
  /// whose batch-norms were frozen.
  init(
    weight: LazyTensor?, bias: LazyTensor?, mean: LazyTensor?, variance: LazyTensor?, epsilon: Double, place: String,
    target: String?
  ) throws(ResectError) {
    let leading = mean ?? weight
    func values(_ tensor: LazyTensor?, _ role: String) throws(ResectError) -> [Double]? {
      guard let tensor else { return nil }
      guard tensor.shape == leading?.shape else {
        throw ResectError(.mismatch, "the batch-norm's tensors differ in shape", tensor: "\(place).\(role)")
      }
      return try tensor.finiteValues(named: "\(place).\(role)")
    }
    self.place = place
    self.target = target
    self.epsilon = epsilon
    dtype = leading?.dtype == .float64 ? .float64 : .float32
    let gamma = try values(weight, "weight")
    let beta = try values(bias, "bias")
    guard let means = try values(mean, "running_mean"), let variances = try values(variance, "running_var") else {
      guard mean == nil, variance == nil, let gamma else {
        throw ResectError(.mismatch, "the batch-norm has no running statistics", tensor: place)
      }
      factors = gamma.map { AffineRoot(factor: $0) }
      scales = gamma
      self.mean = [Double](repeating: 0, count: gamma.count)
      self.beta = beta ?? self.mean
      dominated = 0
      return
    }
    if let channel = variances.firstIndex(where: { $0 < 0 }) {
      throw ResectError(
        .badValue, "the running variance of channel \(channel) is negative: \(variances[channel])",
        tensor: "\(place).running_var")
    }
    if let channel = variances.firstIndex(where: { $0 + epsilon <= 0 }) {
      throw ResectError(
        .badValue, "variance and epsilon of channel \(channel) are both zero", tensor: "\(place).running_var")
    }
    factors = zip(gamma ?? [Double](repeating: 1, count: variances.count), variances)
      .map { AffineRoot(factor: $0, radicand: .init($1, epsilon)) }
    scales = factors.map(\.rounded)
    self.mean = means
    self.beta = beta ?? [Double](repeating: 0, count: variances.count)
    dominated = variances.count { $0 < epsilon }
  }

  /// γ / √(σ² + eps), as it is stored.
  var scale: LazyTensor { LazyTensor(exact: factors, dtype: dtype) }

  /// β − μ · γ / √(σ² + eps), as it is stored.
  var shift: LazyTensor { LazyTensor(exact: shifts, dtype: dtype) }

  private var shifts: [AffineRoot] { biases(after: [Double](repeating: 0, count: factors.count)) }

  /// The weight and the bias of the target, which stands directly before the batch-norm: w · γ / √(σ² + eps) and
  /// β + (b − μ) · γ / √(σ² + eps).
  func absorbed(by weight: LazyTensor, _ bias: LazyTensor?) throws(ResectError) -> (
    weight: LazyTensor, bias: LazyTensor
  ) {
    let target = target ?? place
    let values = try self.bias(after: bias, of: target)
    do throws(ResectError) {
      return (try weight.scalingFirstAxis(by: factors), LazyTensor(exact: values, dtype: dtype))
    } catch {
      throw error.located(tensor: "\(target).weight")
    }
  }

  private func bias(after bias: LazyTensor?, of target: String) throws(ResectError) -> [AffineRoot] {
    guard let old = try bias?.finiteValues(named: "\(target).bias") else { return shifts }
    guard old.count == scales.count else {
      throw ResectError(
        .mismatch, "the bias has \(old.count) elements, the batch-norm \(scales.count) channels",
        tensor: "\(target).bias")
    }
    return biases(after: old)
  }

  private func biases(after old: [Double]) -> [AffineRoot] {
    factors.indices.map { channel in
      var bias = factors[channel]
      (bias.addend, bias.minuend, bias.subtrahend) = (beta[channel], old[channel], mean[channel])
      return bias
    }
  }

  var json: JSON {
    .object([
      "norm": .string(place),
      "foldedInto": target.map { .string($0) } ?? .null,
      "channels": .integer(scales.count),
      "smallestScale": .number(scales.min() ?? 0),
      "largestScale": .number(scales.max() ?? 0),
      "negativeScales": .integer(scales.count { $0 < 0 }),
      "zeroScales": .integer(scales.count { $0 == 0 }),
      "varianceBelowEpsilon": .integer(dominated),
    ])
  }

  var warning: String? {
    guard dominated > 0 else { return nil }
    return
      "\(place): the variance of \(dominated) of \(scales.count) channels is below eps \(epsilon), which dominates there"
  }
}
