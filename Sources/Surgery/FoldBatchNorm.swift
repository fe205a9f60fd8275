public import Bytes
public import ResNets
internal import Tensors

extension ResNet {
  /// Folds every batch-norm into the convolution before it, shortcuts included.
  ///
  /// - *Requires*: running statistics in every batch-norm, finite, with `variance + eps` positive and no negative variance;
  ///   epsilon known. A network without batch-norms is returned as it is, and the record says that there was nothing to fold.
  /// - *Changes*: each convolution's weight to `w · γ / √(σ² + eps)` and its bias to `β + (b − μ) · γ / √(σ² + eps)`, computed in
  ///   double precision and rounded once when they are pulled; the batch-norms are gone.
  /// - *Preserves*: the logits, up to rounding.
  ///
  /// Throws `ResectError.Code.badValue` with the place of the tensor that is at fault. Weights are checked when they are
  /// pulled. Source: Jacob et al., "Quantization and Training of Neural Networks" (2018), section 3.2.
  public func foldingBatchNorm() throws(ResectError) -> (network: ResNet, record: SurgeryRecord) {
    guard case .batchNorm(_, let statistics) = architecture.normalization else {
      let record = SurgeryRecord(
        name: "fold-bn", report: .object(["layers": .array([])]),
        summary: "nothing to fold: the network has no batch-norms")
      return (self, record)
    }
    guard statistics else {
      throw ResectError(
        .notApplicable,
        "the batch-norms keep no running statistics: they normalise by the batch, which cannot be folded"
      )
    }
    guard let epsilon = architecture.epsilon.value else {
      throw ResectError(
        .notApplicable, "nobody says what the batch-norms add to the variance",
        advice: "--epsilon says it")
    }
    var folded = self
    var layers: [FoldedLayer] = []
    try folded.updateUnits { paths, unit throws(ResectError) in
      guard let norm = unit.norm else { return }
      let layer = try FoldedLayer(norm, paths: paths, epsilon: epsilon)
      let bias = try layer.bias(of: unit.convolution, paths: paths)
      do throws(ResectError) {
        unit.convolution.weight = try unit.convolution.weight.scalingFirstAxis(by: layer.scales)
      } catch {
        throw error.located(tensor: ParameterPath(paths.convolution, .weight).description)
      }
      // Half precision is enough for weights, not for what is added to every activation.
      let isDouble = norm.runningMean?.dtype == .float64
      unit.convolution.bias = LazyTensor(values: bias, dtype: isDouble ? .float64 : .float32)
      unit.norm = nil
      layers.append(layer)
    }
    folded.architecture.normalization = .none
    folded.architecture.hasConvolutionBias = true
    let record = SurgeryRecord(
      name: "fold-bn", parameters: .object(["epsilon": .number(epsilon)]),
      report: .object(["layers": .array(layers.map(\.json))]),
      warnings: layers.compactMap { $0.warning(epsilon: epsilon) },
      summary: "folded \(layers.count) batch-norms, eps \(epsilon)")
    return (folded, record)
  }
}

/// A batch-norm's effect as a scale and a shift for each channel.
private struct FoldedLayer {
  let place: ModulePath
  /// γ / √(σ² + eps).
  let scales: [Double]
  private let mean: [Double]
  private let shift: [Double]
  /// Channels whose variance is smaller than epsilon, so that epsilon decides.
  private let dominated: Int

  init(_ norm: ResNet.BatchNorm, paths: ResNet.UnitPaths, epsilon: Double) throws(ResectError) {
    func values(
      _ tensor: LazyTensor?, _ kind: ParameterPath.Kind
    ) throws(ResectError) -> [Double]? {
      guard let tensor else { return nil }
      let path = ParameterPath(paths.norm, kind)
      guard tensor.shape == norm.runningMean?.shape else {
        throw ResectError(
          .mismatch, "the batch-norm's tensors differ in shape", tensor: path.description)
      }
      return try tensor.finiteValues(at: path)
    }
    guard let mean = try values(norm.runningMean, .runningMean),
      let variance = try values(norm.runningVariance, .runningVariance)
    else {
      throw ResectError(
        .mismatch, "the batch-norm has no running statistics", tensor: paths.norm.description)
    }
    place = paths.norm
    let path = ParameterPath(paths.norm, .runningVariance).description
    if let channel = variance.firstIndex(where: { $0 < 0 }) {
      throw ResectError(
        .badValue, "the running variance of channel \(channel) is negative: \(variance[channel])",
        tensor: path)
    }
    if let channel = variance.firstIndex(where: { $0 + epsilon <= 0 }) {
      throw ResectError(
        .badValue, "variance and epsilon of channel \(channel) are both zero", tensor: path)
    }
    let gamma =
      try values(norm.weight, .weight) ?? [Double](repeating: 1, count: variance.count)
    scales = zip(gamma, variance).map { $0 / ($1 + epsilon).squareRoot() }
    self.mean = mean
    shift = try values(norm.bias, .bias) ?? [Double](repeating: 0, count: variance.count)
    dominated = variance.count { $0 < epsilon }
  }

  /// β + (b − μ) · γ / √(σ² + eps).
  func bias(
    of convolution: ResNet.Convolution, paths: ResNet.UnitPaths
  ) throws(ResectError) -> [Double] {
    let path = ParameterPath(paths.convolution, .bias)
    let old =
      try convolution.bias?.finiteValues(at: path) ?? [Double](repeating: 0, count: scales.count)
    return scales.indices.map { shift[$0] + (old[$0] - mean[$0]) * scales[$0] }
  }

  var json: JSON {
    .object([
      "norm": .string(place.description),
      "channels": .integer(scales.count),
      "smallestScale": .number(scales.min() ?? 0),
      "largestScale": .number(scales.max() ?? 0),
      "negativeScales": .integer(scales.count { $0 < 0 }),
      "zeroScales": .integer(scales.count { $0 == 0 }),
      "varianceBelowEpsilon": .integer(dominated),
    ])
  }

  func warning(epsilon: Double) -> String? {
    guard dominated > 0 else { return nil }
    return
      "\(place): the variance of \(dominated) of \(scales.count) channels is below eps \(epsilon), which dominates there"
  }
}

extension LazyTensor {
  /// All elements, or an error at `path` where one is not finite.
  func finiteValues(at path: ParameterPath) throws(ResectError) -> [Double] {
    let values: [Double]
    do throws(ResectError) {
      values = try doubles()
    } catch {
      throw error.located(tensor: path.description)
    }
    if let index = values.firstIndex(where: { !$0.isFinite }) {
      throw ResectError(
        .badValue, "element \(index) is \(values[index]), which is not finite",
        tensor: path.description)
    }
    return values
  }
}
