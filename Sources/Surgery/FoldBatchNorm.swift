public import ResectBytes
public import ResectResNets
internal import ResectTensors

extension ResNet {
  /// Folds every batch-norm into the convolution before it, shortcuts included.
  ///
  /// Where no convolution stands directly before a batch-norm on the only path to it, as before the blocks of v2, the batch-norm
  /// is reduced to a scale and a shift; so is one after v2's stem, behind which a ReLU stands only because of it.
  ///
  /// - *Requires*: running statistics in every batch-norm, finite, with `variance + eps` positive and no negative variance;
  ///   epsilon known. A network without batch-norms is returned as it is, and the record says that there was nothing to fold.
  /// - *Changes*: each convolution's weight to `w · γ / √(σ² + eps)` and its bias to `β + (b − μ) · γ / √(σ² + eps)`, computed in
  ///   double precision and rounded once when they are pulled; the batch-norms are gone. One that cannot be folded becomes the
  ///   scale `γ / √(σ² + eps)` and the shift `β − μ · γ / √(σ² + eps)`.
  /// - *Preserves*: the logits, up to rounding.
  ///
  /// Throws `ResectError.Code.badValue` with the place of the tensor that is at fault. Weights are checked when they are
  /// pulled. Source: Jacob et al., "Quantization and Training of Neural Networks" (2018), section 3.2.
  public func foldingBatchNorm() throws(ResectError) -> (network: ResNet, record: SurgeryRecord) {
    try checkFoldable()
    var folding = Folding(architecture: architecture)
    var folded = self
    if architecture.normalization != .none {
      if architecture.isPreactivated { try folding.foldBlocks(of: &folded) }
      try folded.updateUnits { paths, unit throws(ResectError) in
        if architecture.isPreactivated, case .norm = paths.norm { return }
        guard let norm = unit.norm else { return }
        // Before pre-activated blocks, the stem has a ReLU because it has a batch-norm, and has to keep both.
        if architecture.isPreactivated, paths.norm == .stemNorm { return try folding.reduce(&unit.norm, .stemNorm) }
        try folding.fold(norm, paths.norm, into: &unit.convolution, paths.convolution)
        unit.norm = nil
      }
      try folding.reduce(&folded.finalNorm, .finalNorm)
    }
    guard !folding.layers.isEmpty else {
      let record = SurgeryRecord(
        name: "fold-bn", report: .object(["layers": .array([])]),
        summary: "nothing to fold: the network has no batch-norms")
      return (self, record)
    }
    folded.architecture.noteFolding(folding.layers)
    return (folded, folding.record)
  }

  /// Refuses batch-norms that keep no statistics, and an epsilon that nobody knows.
  private func checkFoldable() throws(ResectError) {
    guard case .batchNorm(_, let statistics) = architecture.normalization else { return }
    guard statistics else {
      throw ResectError(
        .notApplicable,
        "the norms keep no running statistics: they normalise by the batch, which cannot be folded, or are no batch-norms"
      )
    }
    guard architecture.epsilon.value != nil else {
      throw ResectError(
        .notApplicable, "nobody says what the batch-norms add to the variance",
        advice: .sayEpsilon)
    }
  }
}

extension Architecture {
  /// Takes note of the batch-norms that are gone, of those that are reduced, and of the biases that came.
  fileprivate mutating func noteFolding(_ layers: [FoldedLayer]) {
    let convolutions = Set(parameters.lazy.map(\.path.module).filter(\.isConvolution))
    let biased = convolutions.filter(hasBias).union(layers.compactMap(\.convolution))
    hasConvolutionBias = biased == convolutions
    biasExceptions = hasConvolutionBias ? [] : biased
    let remaining = layers.contains { $0.convolution == nil }
    normalization = remaining ? .scaleAndShift : .none
    absentNorms = remaining ? absentNorms.union(layers.filter { $0.convolution != nil }.map(\.place)) : []
  }
}

/// The batch-norms that were folded or reduced so far.
private struct Folding {
  let architecture: Architecture
  private(set) var layers: [FoldedLayer] = []

  /// In a pre-activated block, a batch-norm follows the convolution before the one that it belongs to. The first follows the
  /// addition of the block before, or the stem.
  mutating func foldBlocks(of network: inout ResNet) throws(ResectError) {
    for stage in network.stages.indices {
      for block in network.stages[stage].indices {
        for index in network.stages[stage][block].units.indices {
          let place = ModulePath.norm(stage: stage + 1, block: block, index: index + 1)
          guard let norm = network.stages[stage][block].units[index].norm else { continue }
          if index > 0 {
            try fold(
              norm, place, into: &network.stages[stage][block].units[index - 1].convolution,
              .convolution(stage: stage + 1, block: block, index: index))
            network.stages[stage][block].units[index].norm = nil
          } else if stage == 0, block == 0, network.stemFeedsOnlyFirstNorm {
            try fold(norm, place, into: &network.stem.convolution, .stemConvolution)
            network.stages[stage][block].units[index].norm = nil
          } else {
            try reduce(&network.stages[stage][block].units[index].norm, place)
          }
        }
      }
    }
  }

  mutating func fold(
    _ norm: ResNet.BatchNorm, _ place: ModulePath, into convolution: inout ResNet.Convolution,
    _ path: ModulePath
  ) throws(ResectError) {
    let layer = try folded(norm, place, into: path)
    let bias = try layer.bias(of: convolution)
    do throws(ResectError) {
      convolution.weight = try convolution.weight.scalingFirstAxis(by: layer.scales)
    } catch {
      throw error.located(tensor: ParameterPath(path, .weight).description)
    }
    convolution.bias = LazyTensor(values: bias, dtype: norm.foldedDType)
    layers.append(layer)
  }

  /// Reduces a batch-norm to a scale and a shift; one that is that already stays as it is.
  mutating func reduce(_ norm: inout ResNet.BatchNorm?, _ place: ModulePath) throws(ResectError) {
    guard let old = norm, old.runningMean != nil else { return }
    let layer = try folded(old, place, into: nil)
    norm = ResNet.BatchNorm(
      weight: LazyTensor(values: layer.scales, dtype: old.foldedDType),
      bias: LazyTensor(values: layer.shifts, dtype: old.foldedDType))
    layers.append(layer)
  }

  /// What becomes of a batch-norm. One that is a scale and a shift adds nothing.
  private func folded(
    _ norm: ResNet.BatchNorm, _ place: ModulePath, into convolution: ModulePath?
  ) throws(ResectError) -> FoldedLayer {
    try FoldedLayer(norm, place: place, convolution: convolution, epsilon: architecture.epsilon(at: place) ?? 0)
  }

  var record: SurgeryRecord {
    let reduced = layers.count { $0.convolution == nil }
    let isFrozen = architecture.normalization == .scaleAndShift
    let kept = reduced == 0 ? "" : "; \(reduced) that no convolution precedes are a scale and a shift now"
    return SurgeryRecord(
      name: "fold-bn", parameters: .object(["epsilon": isFrozen ? .number(0) : architecture.epsilonJSON]),
      report: .object(["layers": .array(layers.map(\.json))]),
      warnings: layers.compactMap(\.warning),
      summary:
        "folded \(layers.count - reduced) batch-norms, eps \(isFrozen ? "0.0" : architecture.epsilonDescription)\(kept)"
    )
  }
}

extension ResNet {
  /// Whether what the stem puts out goes nowhere but through the first block's first batch-norm: no pooling lies between, and the
  /// block's projection takes its input from there too.
  fileprivate var stemFeedsOnlyFirstNorm: Bool {
    architecture.stem == .three && stem.norm == nil && stages.first?.first?.shortcut != nil
      && architecture.shortcut != .inputProjection
  }
}

extension ResNet.BatchNorm {
  /// Half precision is enough for weights, not for what is added to every activation.
  fileprivate var foldedDType: DType {
    (runningMean ?? weight)?.dtype == .float64 ? .float64 : .float32
  }
}

/// A batch-norm's effect as a scale and a shift for each channel.
private struct FoldedLayer {
  let place: ModulePath
  /// The convolution that took it in; absent where it was reduced.
  let convolution: ModulePath?
  /// γ / √(σ² + eps).
  let scales: [Double]
  private let mean: [Double]
  private let shift: [Double]
  private let epsilon: Double
  /// Channels whose variance is smaller than epsilon, so that epsilon decides.
  private let dominated: Int

  init(
    _ norm: ResNet.BatchNorm, place: ModulePath, convolution: ModulePath?, epsilon: Double
  ) throws(ResectError) {
    let shape = (norm.runningMean ?? norm.weight)?.shape
    func values(
      _ tensor: LazyTensor?, _ kind: ParameterPath.Kind
    ) throws(ResectError) -> [Double]? {
      guard let tensor else { return nil }
      let path = ParameterPath(place, kind)
      guard tensor.shape == shape else {
        throw ResectError(
          .mismatch, "the batch-norm's tensors differ in shape", tensor: path.description)
      }
      return try tensor.finiteValues(at: path)
    }
    self.place = place
    self.convolution = convolution
    self.epsilon = epsilon
    let gamma = try values(norm.weight, .weight)
    let beta = try values(norm.bias, .bias)
    guard let mean = try values(norm.runningMean, .runningMean),
      let variance = try values(norm.runningVariance, .runningVariance)
    else {
      // A scale and a shift, from a file whose batch-norms were frozen.
      guard norm.runningMean == nil, norm.runningVariance == nil, let gamma else {
        throw ResectError(
          .mismatch, "the batch-norm has no running statistics", tensor: place.description)
      }
      scales = gamma
      self.mean = [Double](repeating: 0, count: gamma.count)
      shift = beta ?? self.mean
      dominated = 0
      return
    }
    let path = ParameterPath(place, .runningVariance).description
    if let channel = variance.firstIndex(where: { $0 < 0 }) {
      throw ResectError(
        .badValue, "the running variance of channel \(channel) is negative: \(variance[channel])",
        tensor: path)
    }
    if let channel = variance.firstIndex(where: { $0 + epsilon <= 0 }) {
      throw ResectError(
        .badValue, "variance and epsilon of channel \(channel) are both zero", tensor: path)
    }
    scales = zip(gamma ?? [Double](repeating: 1, count: variance.count), variance)
      .map { $0 / ($1 + epsilon).squareRoot() }
    self.mean = mean
    shift = beta ?? [Double](repeating: 0, count: variance.count)
    dominated = variance.count { $0 < epsilon }
  }

  /// β − μ · γ / √(σ² + eps).
  var shifts: [Double] { scales.indices.map { shift[$0] - mean[$0] * scales[$0] } }

  /// β + (b − μ) · γ / √(σ² + eps).
  func bias(of convolution: ResNet.Convolution) throws(ResectError) -> [Double] {
    let path = ParameterPath(self.convolution ?? place, .bias)
    guard let old = try convolution.bias?.finiteValues(at: path) else { return shifts }
    guard old.count == scales.count else {
      throw ResectError(
        .mismatch, "the bias has \(old.count) elements, the batch-norm \(scales.count) channels",
        tensor: path.description)
    }
    return scales.indices.map { shift[$0] + (old[$0] - mean[$0]) * scales[$0] }
  }

  var json: JSON {
    .object([
      "norm": .string(place.description),
      "foldedInto": convolution.map { .string($0.description) } ?? .null,
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
