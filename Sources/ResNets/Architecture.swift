public import ResectGraphs

/// Everything that is needed to rebuild a ResNet but its weights: the plan by which a tree is made, and what is said of a tree. A
/// network is changed in its tree, not here.
///
/// Source: He et al., "Deep Residual Learning for Image Recognition" (2015), and torchvision's `ResNet`, whose terms are used:
/// `planes` are ``widths``, `base_width` is ``widthPerGroup``.
public struct Architecture: Sendable, Hashable {
  /// The residual block.
  public enum Block: String, Sendable, Hashable, CaseIterable {
    /// Two 3×3 convolutions.
    case basic
    /// 1×1, 3×3 and 1×1 convolutions.
    case bottleneck

    /// The kernel size of each convolution.
    public var kernels: [Int] {
      switch self {
      case .basic: [3, 3]
      case .bottleneck: [1, 3, 1]
      }
    }

    /// How many times its width a block of a regular network puts out.
    public var expansion: Int {
      switch self {
      case .basic: 1
      case .bottleneck: 4
      }
    }
  }

  /// What comes before the first stage.
  public enum Stem: String, Sendable, Hashable, CaseIterable {
    /// A 7×7 convolution of stride 2, then 3×3 max-pooling of stride 2.
    case sevenWithMaxPool = "7x7-maxpool"
    /// A 3×3 convolution of stride 1, as for CIFAR.
    case three = "3x3"
    /// Three 3×3 convolutions, the first of stride 2, then 3×3 max-pooling of stride 2: ResNet-C.
    case deepWithMaxPool = "deep-maxpool"
    /// Three 3×3 convolutions, the first of stride 2, then a fourth of stride 2 in the place of max-pooling: ResNet-RS.
    case deepWithConvolution = "deep-convolution"

    /// The kernel size of the convolutions.
    public var kernel: Int {
      switch self {
      case .sevenWithMaxPool: 7
      case .three, .deepWithMaxPool, .deepWithConvolution: 3
      }
    }

    /// Whether it has three convolutions.
    public var isDeep: Bool {
      switch self {
      case .sevenWithMaxPool, .three: false
      case .deepWithMaxPool, .deepWithConvolution: true
      }
    }
  }

  /// What a block's input passes through where its shape changes.
  public enum Shortcut: String, Sendable, Hashable, CaseIterable {
    /// A convolution that strides (options B and C).
    case projection
    /// Subsampling and zero channels, as many before as after the input's, without parameters (option A).
    case zeroPadded = "zero-padded"
    /// Subsampling and zero channels after the input's, without parameters (option A as other code has it).
    case zeroPaddedAtEnd = "zero-padded-at-end"
    /// 2×2 average pooling of stride 2 where the block strides, then a convolution of stride 1: ResNet-D.
    case averagePooledProjection = "average-pooled-projection"
    /// In a pre-activated network, a convolution of the block's input, before any batch-norm and ReLU.
    case inputProjection = "input-projection"

    /// Whether it has a convolution.
    public var isProjection: Bool {
      switch self {
      case .projection, .averagePooledProjection, .inputProjection: true
      case .zeroPadded, .zeroPaddedAtEnd: false
      }
    }
  }

  /// What weighs a block's channels before the addition.
  public struct Attention: Sendable, Hashable {
    /// How the weights are computed from the channels' means.
    public enum Kind: String, Sendable, Hashable, CaseIterable {
      /// Two 1×1 convolutions with a ReLU between and a sigmoid after them.
      case squeezeExcitation = "squeeze-excitation"
      /// The same with linear layers, whose weights have two axes.
      case linearSqueezeExcitation = "linear-squeeze-excitation"
      /// One convolution over the channels, then a sigmoid.
      case efficientChannel = "efficient-channel"

      /// How many layers there are.
      public var layers: Int {
        switch self {
        case .squeezeExcitation, .linearSqueezeExcitation: 2
        case .efficientChannel: 1
        }
      }
    }

    /// How the weights are computed.
    public var kind: Kind
    /// By stage and block: the channels between the two layers, or the kernel of the one convolution.
    public var sizes: [[Int]]
    /// Whether the layers have biases.
    public var hasBias: Bool

    /// An attention.
    public init(_ kind: Kind, sizes: [[Int]], hasBias: Bool) {
      self.kind = kind
      self.sizes = sizes
      self.hasBias = hasBias
    }
  }

  /// Which blocks stride. Weights do not tell.
  public enum StridedBlocks: String, Sendable, Hashable, CaseIterable {
    /// The first block of every stage but the first.
    case first
    /// The last block of every stage but the last, as in Keras's v2.
    case last
  }

  /// What convolutions see beyond the image's border: zeros, but how many on which side weights do not tell.
  public enum Padding: String, Sendable, Hashable, CaseIterable {
    /// Half the kernel on every side.
    case symmetric
    /// As TensorFlow's SAME: where the sum is odd, one more below and to the right.
    case same
  }

  /// What a stem's max-pooling sees beyond the image's border. Weights do not tell.
  public enum StemPooling: String, Sendable, Hashable, CaseIterable {
    /// Nothing that wins: one pixel on every side is left out.
    case symmetric
    /// One pixel of zeros on every side, which win against negative numbers, as in Keras' v2.
    case symmetricZeros = "symmetric-zeros"
    /// As TensorFlow's SAME: what is beyond is left out, above and to the left only where the sum is even.
    case same
    /// There are no windows that reach beyond, as in Keras' ResNet50 before 2018.
    case unpadded
  }

  /// Which convolution of a bottleneck strides. Weights do not tell.
  public enum StridePlacement: String, Sendable, Hashable, CaseIterable {
    /// The first 1×1, as in the paper and in Caffe.
    case v1
    /// The 3×3, as in torchvision.
    case v15 = "v1.5"
    /// Unknown.
    case unknown
  }

  /// What follows each convolution.
  public enum Normalization: Sendable, Hashable {
    /// Batch normalisation; without `affine` it has no weight and bias, without `statistics` no running mean and variance.
    case batchNorm(affine: Bool, statistics: Bool)
    /// A scale and a shift a channel: what is left of a batch-norm that no convolution could take in.
    case scaleAndShift
    /// Nothing: folded into the convolutions, or never there.
    case none
  }

  /// What turns features into logits.
  public enum Head: Sendable, Hashable {
    /// Nothing: the network is a backbone.
    case none
    /// One linear layer: a row of weights for each class.
    case linear
    /// Linear layers at these positions of a sequence, with something between them that weights do not tell.
    case layers([Int])
  }

  /// What says what weights cannot tell.
  public enum Source: Sendable, Hashable {
    /// The naming convention of the file.
    case convention(String)
    /// The hyper-parameters of a whole pickled module.
    case module
    /// The model's description in the file, with all layers and their settings.
    case graph
    /// The caller.
    case option
    /// Nothing: it is unknown.
    case none
  }

  /// A value and its source.
  public struct Sourced<Value: Sendable & Hashable>: Sendable, Hashable {
    /// The value.
    public var value: Value
    /// What says it.
    public var source: Source

    /// A value and its source.
    public init(_ value: Value, from source: Source) {
      self.value = value
      self.source = source
    }
  }

  /// The residual block.
  public var block: Block
  /// The output channels of each convolution, by stage, block and convolution.
  public var channels: [[[Int]]]
  /// Which blocks have a projection, by stage and block.
  public var projections: [[Bool]]
  /// The groups of the 3×3 convolutions of bottlenecks: 1, or more in a ResNeXt.
  public var groups: Int
  /// What comes before the first stage.
  public var stem: Stem
  /// The output channels of the stem.
  public var stemWidth: Int
  /// The output channels of the convolutions before the stem's last: two in a deep stem, else none.
  public var innerStemWidths: [Int] = []
  /// The channels of the image.
  public var inputChannels: Int
  /// What a block's input passes through where its shape changes.
  public var shortcut: Shortcut
  /// The kernel size of each projection, by stage and block; empty where all are 1×1.
  public var projectionKernels: [[Int]] = []
  /// What weighs a block's channels before the addition.
  public var attention: Attention?
  /// Whether batch-norm and ReLU come before each convolution of a block rather than after it (v2). A block's input passes the
  /// first of them before its projection, unless ``shortcut`` says otherwise, but not where there is none.
  public var isPreactivated = false
  /// Which blocks stride.
  public var stridedBlocks = StridedBlocks.first
  /// What convolutions see beyond the image's border.
  public var padding = Padding.symmetric
  /// The convolutions that pad the other way.
  public var paddingExceptions: Set<ModulePath> = []
  /// What the stem's max-pooling sees beyond the image's border.
  public var stemPooling = StemPooling.symmetric
  /// Which convolution of a bottleneck strides.
  public var stridePlacement: Sourced<StridePlacement>
  /// What is added to the variance before the square root, in every batch-norm but the exceptions; of a folded network, what was.
  public var epsilon: Sourced<Double?>
  /// The batch-norms that add something else, and what; none where ``epsilon`` is absent.
  public var epsilonExceptions: [ModulePath: Double] = [:]
  /// What follows each convolution.
  public var normalization: Normalization
  /// Batch-norms that this order of layers would have and that are not there, as after v2's stem.
  public var absentNorms: Set<ModulePath> = []
  /// Whether a batch-norm and a ReLU follow the last stage, as in v2.
  public var hasFinalNorm = false
  /// Whether the convolutions have biases.
  public var hasConvolutionBias: Bool
  /// The convolutions of which ``hasConvolutionBias`` is not true.
  public var biasExceptions: Set<ModulePath> = []
  /// What turns features into logits.
  public var head: Head
  /// The output features of each linear layer of the head, in order; the last one's are the classes.
  public var headWidths: [Int]
  /// Whether the linear layers have biases.
  public var hasHeadBias: Bool
  /// Whether the features end in a constant 1, so that the class embedding's last column is the bias.
  public var appendsConstantFeature: Bool
  /// How the network normalises pixels before its first convolution; absent where its input comes normalised.
  public var inputNormalization: InputNormalization?

  /// An architecture of these parts.
  public init(
    block: Block, channels: [[[Int]]], projections: [[Bool]], groups: Int = 1, stem: Stem,
    stemWidth: Int, inputChannels: Int = 3, shortcut: Shortcut,
    stridePlacement: Sourced<StridePlacement>, epsilon: Sourced<Double?>,
    normalization: Normalization, hasConvolutionBias: Bool, head: Head, headWidths: [Int],
    hasHeadBias: Bool, appendsConstantFeature: Bool = false, inputNormalization: InputNormalization? = nil
  ) {
    self.block = block
    self.channels = channels
    self.projections = projections
    self.groups = groups
    self.stem = stem
    self.stemWidth = stemWidth
    self.inputChannels = inputChannels
    self.shortcut = shortcut
    self.stridePlacement = stridePlacement
    self.epsilon = epsilon
    self.normalization = normalization
    self.hasConvolutionBias = hasConvolutionBias
    self.head = head
    self.headWidths = headWidths
    self.hasHeadBias = hasHeadBias
    self.appendsConstantFeature = appendsConstantFeature
    self.inputNormalization = inputNormalization
  }
}

extension Architecture {
  /// Blocks of each stage.
  public var depths: [Int] { channels.map(\.count) }

  /// Output channels of each stage.
  public var stageOutputs: [Int] { channels.compactMap { $0.last?.last } }

  /// How many times its width a stage puts out: the block's expansion, or 1 where that does not divide the outputs.
  public var expansion: Int {
    stageOutputs.allSatisfy { $0 % block.expansion == 0 } ? block.expansion : 1
  }

  /// The width of each stage, torchvision's `planes`: its output channels divided by ``expansion``.
  public var widths: [Int] { stageOutputs.map { $0 / expansion } }

  /// Channels of a group where a stage is 64 wide, torchvision's `base_width`; absent where the blocks do not follow the
  /// rule, as in a pruned network.
  public var widthPerGroup: Int? {
    guard let inner = channels.first?.first?.first, let width = widths.first, width > 0 else {
      return nil
    }
    let perGroup = inner * 64 / (width * groups)
    guard perGroup > 0 else { return nil }
    let regular = Architecture.regularChannels(
      block: block, depths: depths, widths: widths, groups: groups, widthPerGroup: perGroup)
    return regular == channels ? perGroup : nil
  }

  /// The features that the backbone computes: the channels after the last stage, and the constant one if there is one.
  public var featureCount: Int {
    (stageOutputs.last ?? stemWidth) + (appendsConstantFeature ? 1 : 0)
  }

  /// The kernel size of a block's projection. Stages count from 1, blocks from 0.
  public func projectionKernel(stage: Int, block: Int) -> Int {
    projectionKernels.isEmpty ? 1 : projectionKernels[stage - 1][block]
  }

  /// By how much a block strides. Stages count from 1, blocks from 0.
  public func stride(stage: Int, block: Int) -> Int {
    switch stridedBlocks {
    case .first: stage > 1 && block == 0 ? 2 : 1
    case .last: stage < channels.count && block == channels[stage - 1].count - 1 ? 2 : 1
    }
  }

  /// Whether the convolution at `place` has a bias.
  public func hasBias(_ place: ModulePath) -> Bool {
    hasConvolutionBias != biasExceptions.contains(place)
  }

  /// What the batch-norm at `place` adds to the variance, where that is known.
  public func epsilon(at place: ModulePath) -> Double? { epsilonExceptions[place] ?? epsilon.value }

  /// Lets batch-norms add what `epsilons` says: what most of them add becomes the rule.
  public mutating func setEpsilons(_ epsilons: [ModulePath: Double], from source: Source) {
    let rule = Architecture.rule(of: epsilons.values)
    epsilon = Sourced(rule, from: rule == nil ? .none : source)
    epsilonExceptions = epsilons.filter { $0.value != rule }
  }

  /// What most of `epsilons` are, the smallest where as many are another.
  static func rule(of epsilons: some Sequence<Double>) -> Double? {
    var counts: [Double: Int] = [:]
    for epsilon in epsilons { counts[epsilon, default: 0] += 1 }
    return counts.min { ($1.value, $0.key) < ($0.value, $1.key) }?.key
  }

  /// What batch-norms add to the variance, for people: `0.001`, or `0.001, stem.norm 1e-05`, or `unknown`.
  public var epsilonDescription: String {
    let exceptions = epsilonExceptions.map { "\($0.description) \($1)" }.sorted()
    let rest = exceptions.count > 3 ? ["and \(exceptions.count - 3) more"] : []
    return ([epsilon.value.map { "\($0)" } ?? "unknown"] + exceptions.prefix(3) + rest).joined(separator: ", ")
  }

  /// How the convolution at `place` pads.
  public func padding(at place: ModulePath) -> Padding {
    guard paddingExceptions.contains(place) else { return padding }
    return padding == .same ? .symmetric : .same
  }

  /// The classes, if the network has a head.
  public var classes: Int? { headWidths.last }

  /// The channels of a network that follows the rule, by stage, block and convolution.
  public static func regularChannels(
    block: Block, depths: [Int], widths: [Int], groups: Int, widthPerGroup: Int
  ) -> [[[Int]]] {
    zip(depths, widths).map { depth, width in
      let inner = width * widthPerGroup / 64 * groups
      let channels =
        switch block {
        case .basic: [width, width]
        case .bottleneck: [inner, inner, width * block.expansion]
        }
      return [[Int]](repeating: channels, count: depth)
    }
  }

  /// Where a network of these channels has projections by the rule: at the first block of a stage that changes the
  /// channels or strides.
  public static func regularProjections(channels: [[[Int]]], stemWidth: Int, shortcut: Shortcut)
    -> [[Bool]]
  {
    var input = stemWidth
    return channels.enumerated().map { stage, blocks in
      let changes = stage > 0 || input != blocks.last?.last
      input = blocks.last?.last ?? input
      return blocks.indices.map { $0 == 0 && changes && shortcut.isProjection }
    }
  }
}
