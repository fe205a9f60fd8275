internal import ResectBytes
internal import ResectTensors

/// A batch-norm's effect as a scale and a shift for each channel, computed in double precision.
struct FoldedNorm {
  /// What the batch-norm is called.
  let place: String
  /// The layer that takes it in; absent where it is reduced.
  let target: String?
  /// γ / √(σ² + eps).
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
    scales = zip(gamma ?? [Double](repeating: 1, count: variances.count), variances)
      .map { $0 / ($1 + epsilon).squareRoot() }
    self.mean = means
    self.beta = beta ?? [Double](repeating: 0, count: variances.count)
    dominated = variances.count { $0 < epsilon }
  }

  /// γ / √(σ² + eps), as it is stored.
  var scale: LazyTensor { LazyTensor(values: scales, dtype: dtype) }

  /// β − μ · γ / √(σ² + eps), as it is stored.
  var shift: LazyTensor { LazyTensor(values: shifts, dtype: dtype) }

  private var shifts: [Double] { scales.indices.map { beta[$0] - mean[$0] * scales[$0] } }

  /// The weight and the bias of the target, which stands directly before the batch-norm: w · γ / √(σ² + eps) and
  /// β + (b − μ) · γ / √(σ² + eps).
  func absorbed(by weight: LazyTensor, _ bias: LazyTensor?) throws(ResectError) -> (
    weight: LazyTensor, bias: LazyTensor
  ) {
    let target = target ?? place
    let values = try self.bias(after: bias, of: target)
    do throws(ResectError) {
      return (try weight.scalingFirstAxis(by: scales), LazyTensor(values: values, dtype: dtype))
    } catch {
      throw error.located(tensor: "\(target).weight")
    }
  }

  private func bias(after bias: LazyTensor?, of target: String) throws(ResectError) -> [Double] {
    guard let old = try bias?.finiteValues(named: "\(target).bias") else { return shifts }
    guard old.count == scales.count else {
      throw ResectError(
        .mismatch, "the bias has \(old.count) elements, the batch-norm \(scales.count) channels",
        tensor: "\(target).bias")
    }
    return scales.indices.map { beta[$0] + (old[$0] - mean[$0]) * scales[$0] }
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
