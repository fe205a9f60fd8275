public import ResectGraphs
public import ResectTensors

/// A ResNet as a tree of modules whose tensors are not read yet.
///
/// The tree is a value: a surgery returns a new one. Everything that the network computes stands in it once, on the layer that it
/// is about; ``architecture`` is read off it.
public struct ResNet: Sendable {
  /// How the network normalises pixels before its first convolution; absent where its input comes normalised.
  public var inputNormalization: InputNormalization?
  /// The convolutions of a deep stem before its last, in order.
  public var innerStem: [ConvolutionUnit]
  /// The first convolution, or a deep stem's last.
  public var stem: ConvolutionUnit
  /// The convolution in the place of the stem's max-pooling.
  public var stemPool: ConvolutionUnit?
  /// What the stem's max-pooling sees beyond the image's border; absent where the stem does not pool.
  public var stemPooling: Architecture.StemPooling?
  /// The residual blocks by stage.
  public var stages: [[ResidualBlock]]
  /// Whether batch-norm and ReLU come before each convolution of a block rather than after it (v2).
  public var isPreactivated: Bool
  /// What a block's input passes through where its shape changes.
  public var shortcutKind: Architecture.Shortcut
  /// The batch-norm after the last stage, in v2.
  public var finalNorm: BatchNorm?
  /// Whether the features end in a constant 1, so that the class embedding's last column is the bias.
  public var appendsConstantFeature: Bool
  /// The linear layers after global average pooling: one for a classifier, none for a backbone.
  public var head: [Linear]
  /// Where bottlenecks stride by the word of a source. The value is of use only to a network without a bottleneck that strides:
  /// in others, the blocks tell.
  package var statedStrides: Architecture.Sourced<Architecture.StridePlacement>
  /// The source of what the batch-norms add to the variance.
  package var epsilonSource: Architecture.Source

  /// A convolution and what normalises its output.
  public struct ConvolutionUnit: Sendable {
    /// The convolution.
    public var convolution: Convolution
    /// The batch-norm after it, or before it in a pre-activated block; absent where it was folded or never there.
    public var norm: BatchNorm?
    /// What the batch-norm that is folded now added to the variance, where that is known.
    public var foldedEpsilon: Double?

    /// A convolution and its batch-norm.
    public init(convolution: Convolution, norm: BatchNorm? = nil, foldedEpsilon: Double? = nil) {
      self.convolution = convolution
      self.norm = norm
      self.foldedEpsilon = foldedEpsilon
    }
  }

  /// A convolution.
  public struct Convolution: Sendable {
    /// Output channels × input channels of a group × height × width.
    public var weight: LazyTensor
    /// Output channels.
    public var bias: LazyTensor?
    /// Pixels between windows. Where it is unknown which convolution of a block strides, none of them does: see
    /// ``ResNet/ResidualBlock/unplacedStride``.
    public var stride: Int
    /// Zeros around the image.
    public var padding: Graph.Padding
    /// How many groups the channels are divided into.
    public var groups: Int
    /// Pixels between the taps of the kernel.
    public var dilation: Int

    /// A convolution.
    public init(
      weight: LazyTensor, bias: LazyTensor? = nil, stride: Int = 1, padding: Graph.Padding, groups: Int = 1,
      dilation: Int = 1
    ) {
      self.weight = weight
      self.bias = bias
      self.stride = stride
      self.padding = padding
      self.groups = groups
      self.dilation = dilation
    }

    /// The channels that it makes.
    public var outputs: Int { weight.shape.axes.first ?? 0 }

    /// The pixels of its window in a row; the window is a square.
    public var kernel: Int { weight.shape.axes.last ?? 1 }
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
    /// What is added to the variance, or was before the statistics went into the scale and the shift; absent where that is unknown.
    public var epsilon: Double?
    /// Whether scale and shift are all there is: nothing is subtracted or divided by.
    public var isScaleAndShift: Bool

    /// A batch-norm of these tensors.
    public init(
      weight: LazyTensor? = nil, bias: LazyTensor? = nil, runningMean: LazyTensor? = nil,
      runningVariance: LazyTensor? = nil, batchesTracked: LazyTensor? = nil, epsilon: Double?,
      isScaleAndShift: Bool = false
    ) {
      self.weight = weight
      self.bias = bias
      self.runningMean = runningMean
      self.runningVariance = runningVariance
      self.batchesTracked = batchesTracked
      self.epsilon = epsilon
      self.isScaleAndShift = isScaleAndShift
    }
  }

  /// A residual block: its convolutions in order, and what its input passes through before it is added.
  public struct ResidualBlock: Sendable {
    /// Two (basic) or three (bottleneck) units.
    public var units: [ConvolutionUnit]
    /// A stride that one of the convolutions has beside its own, where it is unknown which; else 1.
    public var unplacedStride: Int
    /// What weighs the channels before the addition.
    public var attention: Attention?
    /// The projection; absent where the input is added as it is or zero-padded. Its batch-norm comes after it in every block.
    public var shortcut: ConvolutionUnit?

    /// A block of these parts.
    public init(
      units: [ConvolutionUnit], unplacedStride: Int = 1, attention: Attention? = nil, shortcut: ConvolutionUnit? = nil
    ) {
      self.units = units
      self.unplacedStride = unplacedStride
      self.attention = attention
      self.shortcut = shortcut
    }

    /// By how much height and width shrink.
    public var stride: Int { units.reduce(unplacedStride) { $0 * $1.convolution.stride } }
  }

  /// What weighs a block's channels before the addition.
  public struct Attention: Sendable {
    /// A layer of it.
    public struct Layer: Sendable {
      /// Outputs × inputs, of a convolution with two axes of length 1 more; or 1 × 1 × taps of a convolution over channels.
      public var weight: LazyTensor
      /// Outputs.
      public var bias: LazyTensor?

      /// A layer.
      public init(weight: LazyTensor, bias: LazyTensor? = nil) {
        self.weight = weight
        self.bias = bias
      }
    }

    /// The layers in order: two of squeeze-and-excitation, or one over the channels.
    public var layers: [Layer]

    /// An attention of these layers.
    public init(layers: [Layer]) { self.layers = layers }

    /// How the weights are computed: the layers show it.
    public var kind: Architecture.Attention.Kind {
      guard layers.count > 1 else { return .efficientChannel }
      return layers[0].weight.shape.rank == 2 ? .linearSqueezeExcitation : .squeezeExcitation
    }
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
    var list = ParameterList(isPreactivated: isPreactivated)
    for (paths, unit) in stemUnits { list.add(paths, unit) }
    for (stage, blocks) in stages.enumerated() {
      for (index, block) in blocks.enumerated() {
        for (position, unit) in block.units.enumerated() {
          list.add(.init(stage: stage + 1, block: index, index: position + 1), unit)
        }
        if let attention = block.attention {
          for (position, layer) in attention.layers.enumerated() {
            let place = attention.kind.place(stage: stage + 1, block: index, index: position + 1)
            list.add(place, [.weight: layer.weight, .bias: layer.bias])
          }
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
    forEachUnit { units.append(($0, $1)) }
    return units
  }

  /// Shows `body` each convolution with its batch-norm, in the order of torch's state dict.
  func forEachUnit(_ body: (UnitPaths, ConvolutionUnit) -> Void) {
    for (paths, unit) in stemUnits { body(paths, unit) }
    for (stage, blocks) in stages.enumerated() {
      for (index, block) in blocks.enumerated() {
        for (position, unit) in block.units.enumerated() {
          body(UnitPaths(stage: stage + 1, block: index, index: position + 1), unit)
        }
        if let shortcut = block.shortcut { body(UnitPaths(shortcutOf: index, stage: stage + 1), shortcut) }
      }
    }
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
