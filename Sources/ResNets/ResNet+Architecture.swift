package import ResectGraphs
internal import ResectTensors

extension ResNet {
  /// All that the tree says but the weights, read off it.
  public var architecture: Architecture {
    let layers = Layers(self)
    var architecture = Architecture(
      block: block, channels: stages.map { $0.map { $0.units.map(\.convolution.outputs) } },
      projections: stages.map { $0.map { $0.shortcut != nil } }, groups: groups, stem: stemKind,
      stemWidth: stem.convolution.outputs, inputChannels: inputChannels, shortcut: shortcutKind,
      stridePlacement: stridePlacement, epsilon: .init(layers.epsilon, from: epsilonSource),
      normalization: layers.normalization, hasConvolutionBias: layers.biased.count == layers.convolutions,
      head: headKind, headWidths: head.map { $0.weight.shape.axes.first ?? 0 },
      hasHeadBias: head.contains { $0.bias != nil }, appendsConstantFeature: appendsConstantFeature,
      inputNormalization: inputNormalization)
    architecture.innerStemWidths = innerStem.map(\.convolution.outputs)
    architecture.projectionKernels = projectionKernels
    architecture.attention = attention
    architecture.isPreactivated = isPreactivated
    architecture.stridedBlocks = stridedBlocks
    architecture.stemPooling = stemPooling ?? .symmetric
    architecture.hasFinalNorm = finalNorm != nil
    if !architecture.hasConvolutionBias { architecture.biasExceptions = Set(layers.biased) }
    if layers.normalization != .none { architecture.absentNorms = Set(layers.unnormalized) }
    architecture.epsilonExceptions = layers.epsilonExceptions
    // The rule is what more than half of the convolutions do.
    let padsSame = layers.padded.count * 2 > layers.convolutions
    architecture.padding = padsSame ? .same : .symmetric
    architecture.paddingExceptions = padsSame ? layers.symmetric(of: self) : Set(layers.padded)
    return architecture
  }

  /// The residual block.
  package var block: Architecture.Block { stages.first?.first?.units.count == 3 ? .bottleneck : .basic }

  /// What comes before the first stage.
  package var stemKind: Architecture.Stem {
    guard innerStem.isEmpty else { return stemPool == nil ? .deepWithMaxPool : .deepWithConvolution }
    return stem.convolution.kernel == 7 ? .sevenWithMaxPool : .three
  }

  /// The channels of the image.
  package var inputChannels: Int {
    let first = innerStem.first?.convolution ?? stem.convolution
    return first.weight.shape.axes.dropFirst().first ?? 0
  }

  /// The features that the backbone computes: the channels after the last stage, and the constant one if there is one.
  package var featureCount: Int {
    let last = stages.last?.last?.units.last ?? stem
    return last.convolution.outputs + (appendsConstantFeature ? 1 : 0)
  }

  /// The classes, if the network has a head.
  package var classes: Int? { head.last?.weight.shape.axes.first }

  /// Which convolution of a bottleneck strides, and the source of that.
  package var stridePlacement: Architecture.Sourced<Architecture.StridePlacement> {
    guard block == .bottleneck else { return statedStrides }
    for block in stages.joined() {
      if block.unplacedStride > 1 { return .init(.unknown, from: statedStrides.source) }
      let strider = block.units.firstIndex { $0.convolution.stride > 1 }
      if let strider { return .init(strider == 0 ? .v1 : .v15, from: statedStrides.source) }
    }
    return statedStrides
  }

  /// Lets the bottlenecks stride at another convolution.
  package mutating func placeStrides(_ placement: Architecture.StridePlacement, from source: Architecture.Source) {
    statedStrides = .init(placement, from: source)
    guard block == .bottleneck else { return }
    for stage in stages.indices {
      for block in stages[stage].indices {
        let stride = stages[stage][block].stride
        for index in stages[stage][block].units.indices {
          stages[stage][block].units[index].convolution.stride = index == placement.position ? stride : 1
        }
        stages[stage][block].unplacedStride = placement.position == nil ? stride : 1
      }
    }
  }

  /// What follows each convolution.
  package var normalization: Architecture.Normalization { Layers(self).normalization }

  /// What is added to the variance in most batch-norms, and the source of that; of a folded network, what was.
  package var epsilon: Architecture.Sourced<Double?> { .init(Layers(self).epsilon, from: epsilonSource) }

  private var groups: Int {
    guard block == .bottleneck else { return 1 }
    return stages.first?.first?.units[1].convolution.groups ?? 1
  }

  private var headKind: Architecture.Head {
    switch head.map(\.layer) {
    case []: .none
    case [nil]: .linear
    case let layers: .layers(layers.compactMap(\.self))
    }
  }

  /// The kernels of the projections; none where all are 1×1.
  private var projectionKernels: [[Int]] {
    let kernels = stages.map { $0.map { $0.shortcut?.convolution.kernel ?? 1 } }
    return kernels.joined().contains { $0 != 1 } ? kernels : []
  }

  private var attention: Architecture.Attention? {
    guard let kind = stages.first?.first?.attention?.kind else { return nil }
    let sizes = stages.map { blocks in
      blocks.map { block in
        let axes = block.attention?.layers.first?.weight.shape.axes
        return (kind == .efficientChannel ? axes?.last : axes?.first) ?? 1
      }
    }
    let hasBias = stages.joined().contains { $0.attention?.layers.contains { $0.bias != nil } ?? false }
    return Architecture.Attention(kind, sizes: sizes, hasBias: hasBias)
  }

  /// Which blocks stride: the last ones where every stage but the last ends with one that does.
  private var stridedBlocks: Architecture.StridedBlocks {
    let others = stages.dropLast()
    return !others.isEmpty && others.allSatisfy { ($0.last?.stride ?? 1) > 1 } ? .last : .first
  }
}

/// What the layers of a network tell of it.
private struct Layers {
  private(set) var convolutions = 0
  /// The convolutions that have a bias.
  private(set) var biased: [ModulePath] = []
  /// The convolutions that pad as TensorFlow's SAME.
  private(set) var padded: [ModulePath] = []
  /// The places of batch-norms that are not there.
  private(set) var unnormalized: [ModulePath] = []
  private(set) var normalization = Architecture.Normalization.none
  private var epsilons: [(place: ModulePath, epsilon: Double)] = []
  private var isEpsilonUnknown = false

  init(_ network: ResNet) {
    network.forEachUnit { paths, unit in
      convolutions += 1
      if unit.convolution.bias != nil { biased.append(paths.convolution) }
      if unit.convolution.padding == .same { padded.append(paths.convolution) }
      if let norm = unit.norm {
        add(norm, paths.norm)
      } else {
        unnormalized.append(paths.norm)
        if let epsilon = unit.foldedEpsilon { epsilons.append((paths.norm, epsilon)) }
      }
    }
    if let norm = network.finalNorm { add(norm, .finalNorm) }
  }

  private mutating func add(_ norm: ResNet.BatchNorm, _ place: ModulePath) {
    if let epsilon = norm.epsilon {
      epsilons.append((place, epsilon))
    } else if !norm.isScaleAndShift {
      isEpsilonUnknown = true
    }
    guard normalization == .none else { return }
    normalization =
      norm.isScaleAndShift
      ? .scaleAndShift
      : .batchNorm(
        affine: norm.weight != nil || norm.bias != nil,
        statistics: norm.runningMean != nil || norm.runningVariance != nil)
  }

  /// What most batch-norms add to the variance; absent where that of one is unknown.
  var epsilon: Double? { isEpsilonUnknown ? nil : Architecture.rule(of: epsilons.lazy.map(\.epsilon)) }

  /// The batch-norms that add something else.
  var epsilonExceptions: [ModulePath: Double] {
    guard let rule = epsilon else { return [:] }
    var exceptions: [ModulePath: Double] = [:]
    for (place, epsilon) in epsilons where epsilon != rule { exceptions[place] = epsilon }
    return exceptions
  }

  /// The convolutions that pad by half the kernel on every side.
  func symmetric(of network: ResNet) -> Set<ModulePath> {
    var symmetric: Set<ModulePath> = []
    network.forEachUnit { paths, unit in
      if unit.convolution.padding != .same { symmetric.insert(paths.convolution) }
    }
    return symmetric
  }
}

extension Architecture.StridePlacement {
  /// The position of the convolution that strides, in a bottleneck; absent where it is unknown.
  package var position: Int? {
    switch self {
    case .v1: 0
    case .v15: 1
    case .unknown: nil
    }
  }
}

extension Architecture.Padding {
  /// The pixels around the image where a window has `kernel` in a row.
  package func around(kernel: Int) -> Graph.Padding {
    switch self {
    case .symmetric: .each(kernel / 2)
    case .same: .same
    }
  }
}
