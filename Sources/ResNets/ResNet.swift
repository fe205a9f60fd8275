public import ResectTensors

/// A ResNet as a tree of modules whose tensors nobody has read yet.
///
/// The tree is a value: a surgery returns a new one. Every tensor has the shape that ``architecture`` says.
public struct ResNet: Sendable {
  /// What the tree is a network of.
  public var architecture: Architecture
  /// The convolutions of a deep stem before its last, in order.
  public var innerStem: [ConvolutionUnit]
  /// The first convolution, or a deep stem's last.
  public var stem: ConvolutionUnit
  /// The convolution in the place of the stem's max-pooling.
  public var stemPool: ConvolutionUnit?
  /// The residual blocks by stage.
  public var stages: [[ResidualBlock]]
  /// The batch-norm after the last stage, in v2.
  public var finalNorm: BatchNorm?
  /// The linear layers after global average pooling: one for a classifier, none for a backbone.
  public var head: [Linear]

  /// A convolution and what normalises its output.
  public struct ConvolutionUnit: Sendable {
    /// The convolution.
    public var convolution: Convolution
    /// The batch-norm after it, or before it in a pre-activated block; absent where it was folded or never there.
    public var norm: BatchNorm?
  }

  /// A convolution.
  public struct Convolution: Sendable {
    /// Output channels × input channels of a group × height × width.
    public var weight: LazyTensor
    /// Output channels.
    public var bias: LazyTensor?
  }

  /// A batch normalisation; all tensors have one element a channel.
  public struct BatchNorm: Sendable {
    /// The scale, gamma.
    public var weight: LazyTensor?
    /// The shift, beta.
    public var bias: LazyTensor?
    /// The mean of the training data.
    public var runningMean: LazyTensor?
    /// The variance of the training data.
    public var runningVariance: LazyTensor?
    /// How many batches were seen in training; a scalar.
    public var batchesTracked: LazyTensor?

    /// A batch-norm of these tensors.
    public init(
      weight: LazyTensor? = nil, bias: LazyTensor? = nil, runningMean: LazyTensor? = nil,
      runningVariance: LazyTensor? = nil, batchesTracked: LazyTensor? = nil
    ) {
      self.weight = weight
      self.bias = bias
      self.runningMean = runningMean
      self.runningVariance = runningVariance
      self.batchesTracked = batchesTracked
    }
  }

  /// A residual block: its convolutions in order, and what its input passes through before it is added.
  public struct ResidualBlock: Sendable {
    /// Two (basic) or three (bottleneck) units.
    public var units: [ConvolutionUnit]
    /// What weighs the channels before the addition.
    public var attention: Attention?
    /// The projection; absent where the input is added as it is or zero-padded. Its batch-norm comes after it in every block.
    public var shortcut: ConvolutionUnit?
  }

  /// What weighs a block's channels; the kind is the architecture's.
  public struct Attention: Sendable {
    /// The layers in order: two of squeeze-and-excitation, whose weights may have two axes, or one over the channels, 1 × 1 ×
    /// kernel.
    public var layers: [Convolution]
  }

  /// A linear layer.
  public struct Linear: Sendable {
    /// Its position in the head's sequence; absent where the head is this layer alone.
    public var layer: Int?
    /// Output features (classes) × input features.
    public var weight: LazyTensor
    /// Output features.
    public var bias: LazyTensor?

    /// A layer of these tensors.
    public init(layer: Int?, weight: LazyTensor, bias: LazyTensor?) {
      self.layer = layer
      self.weight = weight
      self.bias = bias
    }
  }
}

extension ResNet {
  /// A tensor and its place.
  public struct Parameter: Sendable {
    /// Its place.
    public let path: ParameterPath
    /// The tensor.
    public let tensor: LazyTensor
  }

  /// Every tensor of the tree, in the order of torch's state dict.
  public var parameters: [Parameter] {
    var list = ParameterList(isPreactivated: architecture.isPreactivated)
    for (paths, unit) in stemUnits { list.add(paths, unit) }
    for (stage, blocks) in stages.enumerated() {
      for (index, block) in blocks.enumerated() {
        for (position, unit) in block.units.enumerated() {
          list.add(.init(stage: stage + 1, block: index, index: position + 1), unit)
        }
        for (position, layer) in (block.attention?.layers ?? []).enumerated() {
          let place = architecture.attention?.kind
            .place(stage: stage + 1, block: index, index: position + 1)
          if let place { list.add(place, layer) }
        }
        if let shortcut = block.shortcut {
          list.add(.init(shortcutOf: index, stage: stage + 1), shortcut)
        }
      }
    }
    list.add(.finalNorm, finalNorm)
    for linear in head {
      list.add(.classifier(layer: linear.layer), [.weight: linear.weight, .bias: linear.bias])
    }
    return list.parameters
  }

  /// The modules of a unit.
  public struct UnitPaths: Sendable, Hashable {
    /// The convolution's place.
    public let convolution: ModulePath
    /// The batch-norm's place.
    public let norm: ModulePath

    static let stem = UnitPaths(convolution: .stemConvolution, norm: .stemNorm)
    static let stemPool = UnitPaths(convolution: .stemPoolConvolution, norm: .stemPoolNorm)

    /// A convolution's place and its batch-norm's.
    public init(convolution: ModulePath, norm: ModulePath) {
      self.convolution = convolution
      self.norm = norm
    }

    init(innerStem index: Int) {
      self.init(convolution: .innerStemConvolution(index: index), norm: .innerStemNorm(index: index))
    }

    init(stage: Int, block: Int, index: Int) {
      self.init(
        convolution: .convolution(stage: stage, block: block, index: index),
        norm: .norm(stage: stage, block: block, index: index))
    }

    init(shortcutOf block: Int, stage: Int) {
      self.init(
        convolution: .shortcutConvolution(stage: stage, block: block),
        norm: .shortcutNorm(stage: stage, block: block))
    }
  }

  /// Every convolution with its batch-norm, in the order of torch's state dict.
  public var units: [(paths: UnitPaths, unit: ConvolutionUnit)] {
    var units: [(paths: UnitPaths, unit: ConvolutionUnit)] = []
    var copy = self
    copy.updateUnits { paths, unit in units.append((paths, unit)) }
    return units
  }

  /// Lets `update` change each convolution with its batch-norm, in the order of torch's state dict.
  public mutating func updateUnits<Failure: Error>(
    _ update: (UnitPaths, inout ConvolutionUnit) throws(Failure) -> Void
  ) throws(Failure) {
    for index in innerStem.indices { try update(UnitPaths(innerStem: index + 1), &innerStem[index]) }
    try update(.stem, &stem)
    if var unit = stemPool {
      try update(.stemPool, &unit)
      stemPool = unit
    }
    for stage in stages.indices {
      for block in stages[stage].indices {
        for index in stages[stage][block].units.indices {
          let paths = UnitPaths(stage: stage + 1, block: block, index: index + 1)
          try update(paths, &stages[stage][block].units[index])
        }
        guard var shortcut = stages[stage][block].shortcut else { continue }
        try update(UnitPaths(shortcutOf: block, stage: stage + 1), &shortcut)
        stages[stage][block].shortcut = shortcut
      }
    }
  }

  /// Lets `update` change each batch-norm that is there.
  public mutating func updateNorms<Failure: Error>(
    _ update: (ModulePath, inout BatchNorm) throws(Failure) -> Void
  ) throws(Failure) {
    try updateUnits { paths, unit throws(Failure) in
      guard var norm = unit.norm else { return }
      try update(paths.norm, &norm)
      unit.norm = norm
    }
    guard var norm = finalNorm else { return }
    try update(.finalNorm, &norm)
    finalNorm = norm
  }

  /// The units before the first stage.
  private var stemUnits: [(UnitPaths, ConvolutionUnit)] {
    innerStem.enumerated().map { (UnitPaths(innerStem: $0 + 1), $1) } + [(.stem, stem)]
      + (stemPool.map { [(.stemPool, $0)] } ?? [])
  }
}

extension Architecture.Attention.Kind {
  /// The place of a layer in a block; layers count from 1.
  func place(stage: Int, block: Int, index: Int) -> ModulePath {
    switch self {
    case .squeezeExcitation, .linearSqueezeExcitation:
      .squeezeExcitation(stage: stage, block: block, index: index)
    case .efficientChannel: .channelAttention(stage: stage, block: block)
    }
  }
}

/// The tensors of modules in the order in which they are added.
private struct ParameterList {
  let isPreactivated: Bool
  private(set) var parameters: [ResNet.Parameter] = []

  init(isPreactivated: Bool) { self.isPreactivated = isPreactivated }

  mutating func add(
    _ module: ModulePath, _ tensors: KeyValuePairs<ParameterPath.Kind, LazyTensor?>
  ) {
    for (kind, tensor) in tensors {
      if let tensor { parameters.append(.init(path: .init(module, kind), tensor: tensor)) }
    }
  }

  mutating func add(_ module: ModulePath, _ convolution: ResNet.Convolution) {
    add(module, [.weight: convolution.weight, .bias: convolution.bias])
  }

  mutating func add(_ module: ModulePath, _ norm: ResNet.BatchNorm?) {
    guard let norm else { return }
    add(
      module,
      [
        .weight: norm.weight, .bias: norm.bias, .runningMean: norm.runningMean,
        .runningVariance: norm.runningVariance, .batchesTracked: norm.batchesTracked,
      ])
  }

  /// Within a pre-activated block, the batch-norm comes first.
  mutating func add(_ paths: ResNet.UnitPaths, _ unit: ResNet.ConvolutionUnit) {
    if isPreactivated, case .convolution = paths.convolution {
      add(paths.norm, unit.norm)
      add(paths.convolution, unit.convolution)
    } else {
      add(paths.convolution, unit.convolution)
      add(paths.norm, unit.norm)
    }
  }
}
