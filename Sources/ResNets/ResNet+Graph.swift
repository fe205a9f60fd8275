public import ResectBytes
public import ResectGraphs
internal import ResectTensors

extension ResNet {
  /// What the forward pass computes, operation by operation.
  ///
  /// Modules have the tree's names: a convolution's node is `stage1.0.conv2`, its batch-norm's `stage1.0.norm2`, the addition behind it
  /// `stage1.0.conv2+`. A ReLU has the name of what it follows and `.relu`.
  ///
  /// Throws `ResectError.Code.notApplicable` where something that weights do not tell is unknown (which convolution strides, epsilon,
  /// what lies between the layers of a head), and where the network cannot run without its batch.
  public func graph() throws(ResectError) -> Graph {
    var construction = Construction(self)
    var flow = try construction.addStem(of: self)
    for (stage, blocks) in stages.enumerated() {
      for (position, block) in blocks.enumerated() {
        let place = Construction.Place(stage: stage + 1, block: position)
        flow =
          isPreactivated
          ? try construction.addPreactivated(block, to: flow, at: place)
          : try construction.add(block, to: flow, at: place)
      }
    }
    if let norm = finalNorm {
      flow = try construction.add(norm, to: flow, at: .finalNorm, as: "norm")
      flow = construction.addReLU(to: flow)
    }
    let features = construction.add(.globalAveragePool(keepsImage: false), to: flow, as: "pool")
    guard head.count <= 1 else {
      throw ResectError(
        .notApplicable, "the head is a sequence of \(head.count) linear layers, and what lies between them is unknown",
        advice: "split the backbone off, or run for features")
    }
    var output = Graph.Output(Graph.Output.features, features.value)
    for linear in head {
      let layer = try Graph.Linear(
        weight: linear.weight, bias: linear.bias, hasConstantFeature: appendsConstantFeature)
      let logits = construction.add(
        .linear(layer), to: features, as: ModulePath.classifier(layer: linear.layer).description)
      output = Graph.Output(Graph.Output.logits, logits.value)
    }
    return try construction.builder.graph(
      outputs: [output], features: features.value, appendsConstantFeature: appendsConstantFeature)
  }
}

extension ClassEmbedding {
  /// What the classifier's half of a network computes: logits from features, without the constant one.
  public func graph() throws(ResectError) -> Graph {
    var builder = GraphBuilder(input: .features(features - (hasConstantFeature ? 1 : 0)))
    let linear = try Graph.Linear(weight: weight, bias: bias, hasConstantFeature: hasConstantFeature)
    let logits = builder.add(
      .linear(linear), of: builder.input, as: ModulePath.classifier(layer: layer).description)
    return try builder.graph(
      outputs: [Graph.Output(Graph.Output.logits, logits)], features: builder.input,
      appendsConstantFeature: hasConstantFeature)
  }
}

extension Graph.Linear {
  /// A linear layer. The column of a constant feature is its bias: the sum is the same, and the feature need not be there.
  fileprivate init(weight: LazyTensor, bias: LazyTensor?, hasConstantFeature: Bool) throws(ResectError) {
    self.init(weight: weight, bias: bias)
    guard hasConstantFeature else { return }
    let last = weight.shape.axes[1] - 1
    self.bias = try weight.column(last)
    self.weight = try weight.columns(0..<last)
  }
}

/// A graph that grows module by module.
private struct Construction {
  /// A value and its channels.
  struct Flow {
    let value: Graph.ValueID
    let channels: Int
  }

  /// Where a block is.
  struct Place {
    let stage: Int
    let block: Int

    func unit(_ index: Int) -> ResNet.UnitPaths { .init(stage: stage, block: block, index: index + 1) }

    var shortcut: ResNet.UnitPaths { .init(shortcutOf: block, stage: stage) }

    var name: String { "stage\(stage).\(block)" }
  }

  private(set) var builder: GraphBuilder
  private let shortcutKind: Architecture.Shortcut

  init(_ network: ResNet) {
    // What a network that normalises its input makes of it is what its first convolution takes, and has the name of that.
    let name = network.inputNormalization == nil ? "input" : "pixels"
    builder = GraphBuilder(Graph.Input(name: name, .image(channels: network.inputChannels)))
    shortcutKind = network.shortcutKind
  }

  // MARK: Operations

  /// Adds an operation that makes `channels` channels, by default as many as it takes.
  mutating func add(_ operation: Graph.Operation, to flow: Flow, channels: Int? = nil, as name: String) -> Flow {
    Flow(value: builder.add(operation, of: flow.value, as: name), channels: channels ?? flow.channels)
  }

  mutating func addReLU(to flow: Flow) -> Flow {
    let name = builder.node(making: flow.value)?.name ?? ""
    return add(.activation(.relu), to: flow, as: "\(name).relu")
  }

  private mutating func add(_ convolution: ResNet.Convolution, to flow: Flow, at path: ModulePath) -> Flow {
    add(
      .convolution(
        Graph.Convolution(
          weight: convolution.weight, bias: convolution.bias, stride: Graph.Extent(convolution.stride),
          padding: convolution.padding, dilation: Graph.Extent(convolution.dilation), groups: convolution.groups)),
      to: flow, channels: convolution.outputs, as: path.description)
  }

  mutating func add(
    _ norm: ResNet.BatchNorm, to flow: Flow, at path: ModulePath, as name: String? = nil
  ) throws(ResectError) -> Flow {
    let name = name ?? path.description
    guard !norm.isScaleAndShift else {
      return add(.scaleShift(Graph.ScaleShift(scale: norm.weight, shift: norm.bias)), to: flow, as: name)
    }
    guard let mean = norm.runningMean, let variance = norm.runningVariance else {
      throw ResectError(
        .notApplicable, "the norms keep no running statistics: they normalise by the batch, or are no batch-norms",
        tensor: path.description)
    }
    guard let epsilon = norm.epsilon else {
      throw ResectError(
        .notApplicable, "what the batch-norms add to the variance is unknown", advice: .sayEpsilon)
    }
    return add(
      .batchNorm(
        Graph.BatchNorm(weight: norm.weight, bias: norm.bias, mean: mean, variance: variance, epsilon: epsilon)),
      to: flow, as: name)
  }

  /// Adds a convolution with its batch-norm, and a ReLU where `relu` says so.
  private mutating func add(
    _ unit: ResNet.ConvolutionUnit, to flow: Flow, at paths: ResNet.UnitPaths, relu: Bool
  ) throws(ResectError) -> Flow {
    var flow = add(unit.convolution, to: flow, at: paths.convolution)
    if let norm = unit.norm { flow = try add(norm, to: flow, at: paths.norm) }
    return relu ? addReLU(to: flow) : flow
  }

  // MARK: The stem

  mutating func addStem(of network: ResNet) throws(ResectError) -> Flow {
    var flow = Flow(value: builder.input, channels: network.inputChannels)
    if let normalization = network.inputNormalization {
      flow = add(.normalize(normalization), to: flow, as: "input")
    }
    for (index, unit) in network.innerStem.enumerated() {
      flow = try add(unit, to: flow, at: .init(innerStem: index + 1), relu: true)
    }
    // Before pre-activated blocks, only a batch-norm brings a ReLU.
    flow = try add(
      network.stem, to: flow, at: .stem, relu: !network.isPreactivated || network.stem.norm != nil)
    if let pool = network.stemPool { flow = try add(pool, to: flow, at: .stemPool, relu: true) }
    guard let pooling = network.stemPooling else { return flow }
    // A window leaves out what lies beyond the border: zeros that may win have to be there.
    if pooling == .symmetricZeros {
      flow = add(.pad(Graph.Border(top: 1, bottom: 1, left: 1, right: 1)), to: flow, as: "stem.pad")
    }
    return add(.maxPool(Graph.Pooling(pooling.window)), to: flow, as: "stem.pool")
  }

  // MARK: Blocks

  mutating func add(
    _ block: ResNet.ResidualBlock, to input: Flow, at place: Place
  ) throws(ResectError) -> Flow {
    let added = try addShortcut(of: block, to: input, projecting: input, at: place)
    try checkStrides(of: block)
    var flow = input
    for (index, unit) in block.units.enumerated() {
      flow = try add(unit, to: flow, at: place.unit(index), relu: index < block.units.count - 1)
    }
    return addReLU(to: try addition(of: block, flow, added, at: place))
  }

  /// A block whose batch-norms and ReLUs come before its convolutions (v2). A projection takes what the first ReLU made, or the
  /// block's input.
  mutating func addPreactivated(
    _ block: ResNet.ResidualBlock, to input: Flow, at place: Place
  ) throws(ResectError) -> Flow {
    try checkStrides(of: block)
    var added = input
    var flow = input
    for (index, unit) in block.units.enumerated() {
      let paths = place.unit(index)
      if let norm = unit.norm {
        flow = addReLU(to: try add(norm, to: flow, at: paths.norm))
      } else {
        flow = add(.activation(.relu), to: flow, as: paths.norm.description)
      }
      if index == 0 {
        let projected = shortcutKind == .inputProjection ? input : flow
        added = try addShortcut(of: block, to: input, projecting: projected, at: place)
      }
      flow = add(unit.convolution, to: flow, at: paths.convolution)
    }
    return try addition(of: block, flow, added, at: place)
  }

  /// Adds the block's attention and its addition.
  private mutating func addition(
    of block: ResNet.ResidualBlock, _ residual: Flow, _ added: Flow, at place: Place
  ) throws(ResectError) -> Flow {
    var residual = residual
    var name = "\(place.unit(block.units.count - 1).convolution)+"
    if let attention = block.attention {
      residual = try add(attention, to: residual, at: place)
      name = "\(place.name)+"
    }
    return Flow(value: builder.add(.add, of: residual.value, added.value, as: name), channels: residual.channels)
  }

  private func checkStrides(of block: ResNet.ResidualBlock) throws(ResectError) {
    guard block.unplacedStride == 1 else {
      throw ResectError(
        .notApplicable, "which convolution of a bottleneck strides is unknown", advice: .sayStride)
    }
  }

  /// Adds what a block's input passes through before the addition: a projection of `projected`, subsampling and zero channels, or
  /// nothing.
  private mutating func addShortcut(
    of block: ResNet.ResidualBlock, to input: Flow, projecting projected: Flow, at place: Place
  ) throws(ResectError) -> Flow {
    let name = "\(place.name).shortcut"
    let stride = Graph.Extent(block.stride)
    if let shortcut = block.shortcut {
      var flow = projected
      if shortcutKind == .averagePooledProjection, block.stride > 1 {
        flow = add(
          .averagePool(Graph.Pooling(Graph.Window(kernel: 2, stride: stride, roundsUp: true))), to: flow,
          as: "\(name).pool")
      }
      return try add(shortcut, to: flow, at: place.shortcut, relu: false)
    }
    let added = (block.units.last?.convolution.outputs ?? input.channels) - input.channels
    guard added >= 0 else {
      throw ResectError(
        .notApplicable, "\(name): there is no projection, and fewer channels go out than in")
    }
    var flow = input
    if block.stride > 1 {
      // A window of one pixel takes every second one.
      flow = add(
        .maxPool(Graph.Pooling(Graph.Window(kernel: 1, stride: stride))), to: flow,
        as: added > 0 ? "\(name).subsample" : name)
    }
    guard added > 0 else { return flow }
    let before = shortcutKind == .zeroPaddedAtEnd ? 0 : added / 2
    return add(
      .pad(Graph.Border(channelsBefore: before, channelsAfter: added - before)), to: flow,
      channels: input.channels + added, as: name)
  }

  /// Multiplies each channel by a number between 0 and 1 that its mean and the others' decide.
  private mutating func add(
    _ attention: ResNet.Attention, to input: Flow, at place: Place
  ) throws(ResectError) -> Flow {
    let name = "\(place.name).attention"
    var flow = add(.globalAveragePool(keepsImage: false), to: input, as: "\(name).pool")
    switch attention.kind {
    case .squeezeExcitation, .linearSqueezeExcitation:
      for (index, layer) in attention.layers.enumerated() {
        if index > 0 { flow = add(.activation(.relu), to: flow, as: name) }
        let matrix = try layer.weight.reshaped(Array(layer.weight.shape.axes.prefix(2)))
        flow = add(.linear(Graph.Linear(weight: matrix, bias: layer.bias)), to: flow, as: "\(name).\(index + 1)")
      }
    case .efficientChannel:
      for layer in attention.layers {
        flow = add(
          .channelConvolution(Graph.ChannelConvolution(kernel: layer.weight, bias: layer.bias)), to: flow,
          as: "\(name).1")
      }
    }
    flow = add(.activation(.sigmoid), to: flow, as: "\(name).sigmoid")
    return Flow(
      value: builder.add(.multiply, of: input.value, flow.value, as: "\(name).gate"), channels: input.channels)
  }
}

extension Architecture.StemPooling {
  /// The windows of a stem's max-pooling.
  fileprivate var window: Graph.Window {
    let padding: Graph.Padding =
      switch self {
      case .symmetric: .each(1)
      case .symmetricZeros, .unpadded: .none
      case .same: .same
      }
    return Graph.Window(kernel: 3, stride: 2, padding: padding)
  }
}
