public import ResectBytes
public import ResectGraphs
public import ResectResNets
internal import ResectTensors

/// Folds every batch-norm into the convolution or linear layer before it. See `ResNet.foldingBatchNorm()` and
/// `Graph.foldingBatchNorm()`.
public struct FoldBatchNorm: Surgery {
  /// The surgery.
  public init() {}

  /// The network with its batch-norms folded.
  public func operate(
    on network: Network, knowing facts: SurgeryFacts
  ) throws(ResectError) -> SurgeryOutcome<Network> {
    try network.operated(
      effect: .keepsOutputs, resNet: { network throws(ResectError) in try network.foldingBatchNorm() },
      graph: { graph throws(ResectError) in try graph.foldingBatchNorm() })
  }
}

extension ResNet {
  /// Folds every batch-norm into the convolution before it, shortcuts included.
  ///
  /// Where no convolution stands directly before a batch-norm on the only path to it, as before the blocks of v2, the batch-norm
  /// is reduced to a scale and a shift; so is one after v2's stem, behind which a ReLU stands only because of it.
  ///
  /// - *Requires*: running statistics in every batch-norm, finite, with `variance + eps` positive and no negative variance;
  ///   epsilon known. A network without batch-norms is returned as it is, and the record says that there was nothing to fold.
  /// - *Changes*: each convolution's weight to `w · γ / √(σ² + eps)` and its bias to `β + (b − μ) · γ / √(σ² + eps)`, each
  ///   the exact number, rounded once when it is pulled; the batch-norms are gone. One that cannot be folded becomes the
  ///   scale `γ / √(σ² + eps)` and the shift `β − μ · γ / √(σ² + eps)`.
  /// - *Preserves*: the logits, up to rounding.
  ///
  /// Throws `ResectError.Code.badValue` with the place of the tensor that is at fault. Weights are checked when they are
  /// pulled. Source: Jacob et al., "Quantization and Training of Neural Networks" (2018), section 3.2.
  public func foldingBatchNorm() throws(ResectError) -> (network: ResNet, record: SurgeryRecord) {
    try checkFoldable()
    var folding = Folding(network: self)
    var folded = self
    if normalization != .none {
      if isPreactivated { try folding.foldBlocks(of: &folded) }
      try folded.updateUnits { paths, unit throws(ResectError) in
        if isPreactivated, case .norm = paths.norm { return }
        guard let norm = unit.norm else { return }
        // Before pre-activated blocks, the stem has a ReLU because it has a batch-norm, and has to keep both.
        if isPreactivated, paths.norm == .stemNorm { return try folding.reduce(&unit.norm, .stemNorm) }
        try folding.fold(norm, paths.norm, into: &unit.convolution, paths.convolution)
        unit.removeNorm()
      }
      try folding.reduce(&folded.finalNorm, .finalNorm)
    }
    guard !folding.layers.isEmpty else {
      return (self, SurgeryRecord(folding: [], epsilons: Epsilons()))
    }
    return (folded, folding.record)
  }

  /// Refuses batch-norms that keep no statistics, and an epsilon that is unknown.
  private func checkFoldable() throws(ResectError) {
    guard case .batchNorm(_, let statistics) = normalization else { return }
    guard statistics else {
      throw ResectError(
        .notApplicable,
        "the norms keep no running statistics: they normalise by the batch, which cannot be folded, or are no batch-norms"
      )
    }
    guard epsilon.value != nil else {
      throw ResectError(
        .notApplicable, "what the batch-norms add to the variance is unknown",
        advice: .sayEpsilon)
    }
  }
}

/// The batch-norms that were folded or reduced so far.
private struct Folding {
  let network: ResNet
  private(set) var layers: [FoldedNorm] = []

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
            network.stages[stage][block].units[index].removeNorm()
          } else if stage == 0, block == 0, network.stemFeedsOnlyFirstNorm {
            try fold(norm, place, into: &network.stem.convolution, .stemConvolution)
            network.stages[stage][block].units[index].removeNorm()
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
    (convolution.weight, convolution.bias) = try layer.absorbed(by: convolution.weight, convolution.bias)
    layers.append(layer)
  }

  /// Reduces a batch-norm to a scale and a shift; one that is that already stays as it is.
  mutating func reduce(_ norm: inout ResNet.BatchNorm?, _ place: ModulePath) throws(ResectError) {
    guard let old = norm, old.runningMean != nil else { return }
    let layer = try folded(old, place, into: nil)
    norm = ResNet.BatchNorm(
      weight: layer.scale, bias: layer.shift, epsilon: old.epsilon, isScaleAndShift: true)
    layers.append(layer)
  }

  /// What becomes of a batch-norm. One that is a scale and a shift adds nothing.
  private func folded(
    _ norm: ResNet.BatchNorm, _ place: ModulePath, into convolution: ModulePath?
  ) throws(ResectError) -> FoldedNorm {
    try FoldedNorm(
      weight: norm.weight, bias: norm.bias, mean: norm.runningMean, variance: norm.runningVariance,
      epsilon: norm.epsilon ?? 0, place: place.description, target: convolution?.description)
  }

  var record: SurgeryRecord {
    let isFrozen = network.normalization == .scaleAndShift
    let architecture = network.architecture
    return SurgeryRecord(
      folding: layers,
      epsilons: isFrozen
        ? Epsilons(json: .number(0), description: "0.0")
        : Epsilons(json: architecture.epsilonJSON, description: architecture.epsilonDescription))
  }
}

extension ResNet {
  /// Whether what the stem puts out goes nowhere but through the first block's first batch-norm: no pooling lies between, and the
  /// block's projection takes its input from there too.
  fileprivate var stemFeedsOnlyFirstNorm: Bool {
    stemPooling == nil && stemPool == nil && innerStem.isEmpty && stem.norm == nil
      && stages.first?.first?.shortcut != nil && shortcutKind != .inputProjection
  }
}

extension ResNet.ConvolutionUnit {
  /// Leaves nothing of the batch-norm but what it added to the variance.
  fileprivate mutating func removeNorm() {
    foldedEpsilon = norm?.epsilon
    norm = nil
  }
}

extension Graph {
  /// Folds every batch-norm into the convolution or linear layer before it.
  ///
  /// Where no such layer stands directly before a batch-norm, or something else takes what that layer makes, the batch-norm is reduced
  /// to a scale and a shift. The arithmetic is that of `ResNet.foldingBatchNorm()`.
  ///
  /// - *Requires*: finite statistics, with `variance + eps` positive and no negative variance. A graph without batch-norms is returned
  ///   as it is, and the record says that there was nothing to fold.
  /// - *Changes*: the layer's weight to `w · γ / √(σ² + eps)` and its bias to `β + (b − μ) · γ / √(σ² + eps)`, each the
  ///   exact number, rounded once when it is pulled; the batch-norm's node is gone. One that cannot be folded becomes the scale
  ///   `γ / √(σ² + eps)` and the shift `β − μ · γ / √(σ² + eps)`.
  /// - *Preserves*: every output, up to rounding.
  public func foldingBatchNorm() throws(ResectError) -> (graph: Graph, record: SurgeryRecord) {
    let consumers = consumers
    let handedOut = Set(outputs.map(\.value) + (features.map { [$0] } ?? []))
    func isTakenOnce(_ value: ValueID) -> Bool { consumers[value].count == 1 && !handedOut.contains(value) }
    // By value: the layer that could take up a batch-norm behind it. One that took one up takes no second: weights are rounded once.
    var absorbers = [Int?](repeating: nil, count: nodes.count + 1)
    var changes: [Int: Rewriting] = [:]
    var layers: [FoldedNorm] = []
    for (position, node) in nodes.enumerated() {
      switch node.operation {
      case .convolution, .linear: absorbers[position + 1] = position
      case .identity where isTakenOnce(node.inputs[0]): absorbers[position + 1] = absorbers[node.inputs[0]]
      case .batchNorm(let norm):
        let target = isTakenOnce(node.inputs[0]) ? absorbers[node.inputs[0]] : nil
        let folded = try FoldedNorm(
          weight: norm.weight, bias: norm.bias, mean: norm.mean, variance: norm.variance, epsilon: norm.epsilon,
          place: node.name, target: target.map { nodes[$0].name })
        if let target {
          changes[target] = .replace(try folded.absorbed(by: nodes[target].operation))
          changes[position] = .drop
        } else {
          changes[position] = .replace(.scaleShift(.init(scale: folded.scale, shift: folded.shift)))
        }
        layers.append(folded)
      default: break
      }
    }
    let record = SurgeryRecord(folding: layers, epsilons: Epsilons(of: self))
    return (try rewritten { position, _ in changes[position] ?? .keep }, record)
  }
}

extension FoldedNorm {
  /// The convolution or linear layer with the batch-norm in it.
  fileprivate func absorbed(by operation: Graph.Operation) throws(ResectError) -> Graph.Operation {
    switch operation {
    case .convolution(var convolution):
      (convolution.weight, convolution.bias) = try absorbed(by: convolution.weight, convolution.bias)
      return .convolution(convolution)
    case .linear(var linear):
      (linear.weight, linear.bias) = try absorbed(by: linear.weight, linear.bias)
      return .linear(linear)
    default: return operation
    }
  }
}

extension SurgeryRecord {
  /// The record of folding `layers`, whose epsilons were `epsilons`.
  fileprivate init(folding layers: [FoldedNorm], epsilons: Epsilons) {
    guard !layers.isEmpty else {
      self.init(
        name: "fold-bn", report: .object(["layers": .array([])]),
        summary: "nothing to fold: the network has no batch-norms")
      return
    }
    let reduced = layers.count { $0.target == nil }
    let kept = reduced == 0 ? "" : "; \(reduced) that no convolution precedes are a scale and a shift now"
    self.init(
      name: "fold-bn", parameters: .object(["epsilon": epsilons.json]),
      report: .object(["layers": .array(layers.map(\.json))]), warnings: layers.compactMap(\.warning),
      summary: "folded \(layers.count - reduced) batch-norms, eps \(epsilons)\(kept)")
  }
}
