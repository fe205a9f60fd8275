public import ResectBytes
public import ResectResNets
internal import ResectSurgery
internal import ResectTensors

extension Graph {
  /// How true a graph is to its network.
  public enum Fidelity: Sendable, Hashable {
    /// Batch-norms are folded into the convolutions before them, and additions and relus run with them.
    case fused
    /// Every module runs as it stands.
    case exact
  }

  /// The forward pass of `network`.
  ///
  /// Throws `ResectError.Code.notApplicable` where something that the weights do not tell is unknown (the stride placement,
  /// epsilon), and where the network cannot run without its batch.
  public init(_ network: ResNet, fidelity: Fidelity = .fused) throws(ResectError) {
    var network = network
    if fidelity == .fused, network.architecture.normalization != .none {
      network = try network.foldingBatchNorm().network
    }
    self.init(inputChannels: network.architecture.inputChannels)
    try add(Builder(architecture: network.architecture), network)
  }

  /// The forward pass of a classifier's half: from features to logits.
  public init(_ classes: ClassEmbedding) throws(ResectError) {
    self.init(inputChannels: classes.features - (classes.hasConstantFeature ? 1 : 0))
    takesFeatures = true
    features = 0
    appendsConstantFeature = classes.hasConstantFeature
    try add(
      Linear(weight: classes.weight, bias: classes.bias), hasConstantFeature: classes.hasConstantFeature,
      to: 0, as: ModulePath.classifier(layer: classes.layer))
  }

  private mutating func add(_ builder: Builder, _ network: ResNet) throws(ResectError) {
    let architecture = network.architecture
    var value = try builder.addStem(of: network, to: &self)
    for (stage, blocks) in network.stages.enumerated() {
      for (position, block) in blocks.enumerated() {
        let place = Builder.Place(
          stage: stage + 1, block: position, stride: architecture.stride(stage: stage + 1, block: position))
        value =
          architecture.isPreactivated
          ? try builder.addPreactivated(block, to: &self, of: value, at: place)
          : try builder.add(block, to: &self, of: value, at: place)
      }
    }
    if let norm = network.finalNorm {
      value = add(.batchNorm(try builder.batchNorm(norm, at: .finalNorm, relu: true)), of: value, as: "norm")
    }
    value = add(.globalAveragePool, of: value, as: "pool")
    features = value
    appendsConstantFeature = architecture.appendsConstantFeature
    if network.head.count > 1 {
      throw ResectError(
        .notApplicable,
        "the head is a sequence of \(network.head.count) linear layers, and weights do not tell what lies between them",
        advice: "split the backbone off, or run for features")
    }
    for linear in network.head {
      try add(
        Linear(weight: linear.weight, bias: linear.bias), hasConstantFeature: architecture.appendsConstantFeature,
        to: value, as: .classifier(layer: linear.layer))
    }
  }

  /// Adds a linear layer. The column of a constant feature is its bias: the sum is the same, and the feature need not be there.
  private mutating func add(
    _ linear: Linear, hasConstantFeature: Bool, to value: ValueID, as module: ModulePath
  ) throws(ResectError) {
    var linear = linear
    if hasConstantFeature {
      let last = linear.weight.shape.axes[1] - 1
      linear.bias = try linear.weight.column(last)
      linear.weight = try linear.weight.columns(0..<last)
    }
    _ = add(.linear(linear), of: value, as: module.description)
  }

  /// The graph without what follows the features.
  public func untilFeatures() -> Graph {
    var graph = Graph(inputChannels: inputChannels)
    graph.takesFeatures = takesFeatures
    graph.features = features
    graph.appendsConstantFeature = appendsConstantFeature
    for node in nodes.prefix(features ?? nodes.count) { graph.append(node) }
    return graph
  }
}

/// Adds the modules of a network to a graph.
private struct Builder {
  /// A block and what it does to the size of an image.
  struct Place {
    let stage: Int
    let block: Int
    let stride: Int

    func unit(_ index: Int) -> ResNet.UnitPaths {
      .init(
        convolution: .convolution(stage: stage, block: block, index: index + 1),
        norm: .norm(stage: stage, block: block, index: index + 1))
    }

    var shortcut: ResNet.UnitPaths {
      .init(
        convolution: .shortcutConvolution(stage: stage, block: block), norm: .shortcutNorm(stage: stage, block: block))
    }
  }

  let architecture: Architecture

  // MARK: Units

  /// A convolution with its batch-norm: one operation where there is no batch-norm, else one for each.
  func add(
    _ unit: ResNet.ConvolutionUnit, to graph: inout Graph, of input: Graph.ValueID, stride: Int,
    groups: Int = 1, at paths: ResNet.UnitPaths, relu: Bool, adding other: Graph.ValueID? = nil
  ) throws(ResectError) -> Graph.ValueID {
    var convolution = convolution(
      unit.convolution, stride: stride, padding: architecture.padding(at: paths.convolution), groups: groups)
    let name = paths.convolution.description
    guard let norm = unit.norm else {
      convolution.relu = relu
      guard let other else { return graph.add(.convolution(convolution), of: input, as: name) }
      convolution.adds = true
      return graph.add(.convolution(convolution), of: input, other, as: name)
    }
    let made = graph.add(.convolution(convolution), of: input, as: name)
    let normalized = graph.add(
      .batchNorm(try batchNorm(norm, at: paths.norm, relu: relu && other == nil)), of: made,
      as: paths.norm.description)
    guard let other else { return normalized }
    return graph.add(.add(relu: relu), of: normalized, other, as: "\(name)+")
  }

  private func convolution(
    _ convolution: ResNet.Convolution, stride: Int, padding: Architecture.Padding, groups: Int
  ) -> Graph.Convolution {
    Graph.Convolution(
      weight: convolution.weight, bias: convolution.bias, stride: stride,
      padding: padding == .same ? .same : .each(convolution.weight.shape.axes[2] / 2), groups: groups,
      dilation: 1, adds: false, relu: false)
  }

  /// What precedes a convolution in a pre-activated block: its batch-norm, if it was not folded away, and a relu.
  private func activation(
    of unit: ResNet.ConvolutionUnit, to graph: inout Graph, of input: Graph.ValueID, at path: ModulePath
  ) throws(ResectError) -> Graph.ValueID {
    guard let norm = unit.norm else { return graph.add(.relu, of: input, as: path.description) }
    return graph.add(.batchNorm(try batchNorm(norm, at: path, relu: true)), of: input, as: path.description)
  }

  func batchNorm(
    _ norm: ResNet.BatchNorm, at path: ModulePath, relu: Bool
  ) throws(ResectError) -> Graph.BatchNorm {
    if architecture.normalization == .scaleAndShift, let scale = norm.weight {
      let count = scale.shape.elementCount
      return Graph.BatchNorm(
        weight: scale, bias: norm.bias,
        mean: LazyTensor(values: [Double](repeating: 0, count: count), dtype: .float32),
        variance: LazyTensor(values: [Double](repeating: 1, count: count), dtype: .float32), epsilon: 0, relu: relu)
    }
    guard let mean = norm.runningMean, let variance = norm.runningVariance else {
      throw ResectError(
        .notApplicable, "the norms keep no running statistics: they normalise by the batch, or are no batch-norms",
        tensor: path.description)
    }
    guard let epsilon = architecture.epsilon(at: path) else {
      throw ResectError(
        .notApplicable, "nobody says what the batch-norms add to the variance", advice: .sayEpsilon)
    }
    return Graph.BatchNorm(
      weight: norm.weight, bias: norm.bias, mean: mean, variance: variance, epsilon: epsilon, relu: relu)
  }

  // MARK: The stem

  func addStem(of network: ResNet, to graph: inout Graph) throws(ResectError) -> Graph.ValueID {
    var value = 0
    if let normalization = architecture.inputNormalization {
      value = graph.add(.normalize(normalization), of: value, as: "input")
    }
    let isDeep = !network.innerStem.isEmpty
    for (index, unit) in network.innerStem.enumerated() {
      value = try add(
        unit, to: &graph, of: value, stride: index == 0 ? 2 : 1,
        at: .init(convolution: .innerStemConvolution(index: index + 1), norm: .innerStemNorm(index: index + 1)),
        relu: true)
    }
    // Before pre-activated blocks, only a batch-norm brings a relu.
    value = try add(
      network.stem, to: &graph, of: value, stride: isDeep || architecture.stem == .three ? 1 : 2,
      at: .init(convolution: .stemConvolution, norm: .stemNorm),
      relu: !architecture.isPreactivated || network.stem.norm != nil)
    switch architecture.stem {
    case .three: return value
    case .sevenWithMaxPool, .deepWithMaxPool:
      return graph.add(.maxPool(Graph.Window(architecture.stemPooling)), of: value, as: "stem.pool")
    case .deepWithConvolution:
      guard let pool = network.stemPool else { return value }
      return try add(
        pool, to: &graph, of: value, stride: 2, at: .init(convolution: .stemPoolConvolution, norm: .stemPoolNorm),
        relu: true)
    }
  }

  // MARK: Blocks

  func add(
    _ block: ResNet.ResidualBlock, to graph: inout Graph, of input: Graph.ValueID, at place: Place
  ) throws(ResectError) -> Graph.ValueID {
    let added = try shortcut(of: block, to: &graph, of: input, projecting: input, at: place)
    let strider = try striding(place.stride)
    var value = input
    for (index, unit) in block.units.enumerated() {
      let isLast = index == block.units.count - 1
      let ends = isLast && block.attention == nil
      value = try add(
        unit, to: &graph, of: value, stride: index == strider ? place.stride : 1, groups: groups(at: index),
        at: place.unit(index), relu: !isLast || ends, adding: ends ? added : nil)
    }
    guard let attention = block.attention else { return value }
    let weighed = try add(attention, to: &graph, of: value, at: place)
    return graph.add(.add(relu: true), of: weighed, added, as: "stage\(place.stage).\(place.block)+")
  }

  /// A block whose batch-norms and relus come before its convolutions (v2). A projection takes what the first relu made, or the
  /// block's input.
  func addPreactivated(
    _ block: ResNet.ResidualBlock, to graph: inout Graph, of input: Graph.ValueID, at place: Place
  ) throws(ResectError) -> Graph.ValueID {
    let first = try activation(of: block.units[0], to: &graph, of: input, at: place.unit(0).norm)
    let projected = architecture.shortcut == .inputProjection ? input : first
    let added = try shortcut(of: block, to: &graph, of: input, projecting: projected, at: place)
    let strider = try striding(place.stride)
    var value = first
    for (index, unit) in block.units.enumerated() {
      if index > 0 { value = try activation(of: unit, to: &graph, of: value, at: place.unit(index).norm) }
      let ends = index == block.units.count - 1 && block.attention == nil
      var bare = unit
      bare.norm = nil
      value = try add(
        bare, to: &graph, of: value,
        stride: index == strider ? place.stride : 1, groups: groups(at: index), at: place.unit(index), relu: false,
        adding: ends ? added : nil)
    }
    guard let attention = block.attention else { return value }
    let weighed = try add(attention, to: &graph, of: value, at: place)
    return graph.add(.add(relu: false), of: weighed, added, as: "stage\(place.stage).\(place.block)+")
  }

  private func groups(at index: Int) -> Int {
    architecture.block == .bottleneck && index == 1 ? architecture.groups : 1
  }

  /// Which of a block's convolutions strides.
  private func striding(_ stride: Int) throws(ResectError) -> Int {
    guard architecture.block == .bottleneck else { return 0 }
    switch architecture.stridePlacement.value {
    case .v1: return 0
    case .v15: return 1
    case .unknown:
      guard stride == 1 else {
        throw ResectError(
          .notApplicable, "nobody says which convolution of a bottleneck strides", advice: .sayStride)
      }
      return 0
    }
  }

  /// What is added to a block's result: its input `input`, or what a projection makes of `projected`.
  private func shortcut(
    of block: ResNet.ResidualBlock, to graph: inout Graph, of input: Graph.ValueID,
    projecting projected: Graph.ValueID, at place: Place
  ) throws(ResectError) -> Graph.ValueID {
    let name = "stage\(place.stage).\(place.block).shortcut"
    if let shortcut = block.shortcut {
      guard architecture.shortcut == .averagePooledProjection, place.stride > 1 else {
        return try add(
          shortcut, to: &graph, of: projected, stride: place.stride, at: place.shortcut, relu: false)
      }
      let pooled = graph.add(
        .averagePool(Graph.Window(kernel: 2, stride: place.stride, padding: .each(0), roundsUp: true)), of: projected,
        as: "\(name).pool")
      return try add(shortcut, to: &graph, of: pooled, stride: 1, at: place.shortcut, relu: false)
    }
    let channels = inputChannels(at: place)
    let added = (architecture.channels[place.stage - 1][place.block].last ?? channels) - channels
    guard place.stride != 1 || added != 0 else { return input }
    guard added >= 0 else {
      throw ResectError(
        .notApplicable, "\(name): there is no projection, and fewer channels go out than in")
    }
    let before = architecture.shortcut == .zeroPaddedAtEnd ? 0 : added / 2
    return graph.add(
      .zeroPaddedShortcut(stride: place.stride, before: before, after: added - before), of: input, as: name)
  }

  private func inputChannels(at place: Place) -> Int {
    if place.block > 0 { return architecture.channels[place.stage - 1][place.block - 1].last ?? 0 }
    return place.stage > 1 ? architecture.stageOutputs[place.stage - 2] : architecture.stemWidth
  }

  // MARK: Attention

  /// Multiplies each channel of `input` by a number between 0 and 1 that its mean and the others' decide.
  private func add(
    _ attention: ResNet.Attention, to graph: inout Graph, of input: Graph.ValueID, at place: Place
  ) throws(ResectError) -> Graph.ValueID {
    let name = "stage\(place.stage).\(place.block).attention"
    var value = graph.add(.globalAveragePool, of: input, as: "\(name).pool")
    switch architecture.attention?.kind {
    case .squeezeExcitation, .linearSqueezeExcitation:
      for (index, layer) in attention.layers.enumerated() {
        if index > 0 { value = graph.add(.relu, of: value, as: name) }
        let matrix = try layer.weight.reshaped(Array(layer.weight.shape.axes.prefix(2)))
        value = graph.add(
          .linear(Graph.Linear(weight: matrix, bias: layer.bias)), of: value, as: "\(name).\(index + 1)")
      }
    case .efficientChannel:
      for layer in attention.layers {
        value = graph.add(
          .channelConvolution(kernel: layer.weight, bias: layer.bias), of: value, as: "\(name).1")
      }
    case nil: return input
    }
    value = graph.add(.sigmoid, of: value, as: "\(name).sigmoid")
    return graph.add(.gate, of: input, value, as: "\(name).gate")
  }
}

extension Graph.Window {
  /// The max-pooling of a stem.
  fileprivate init(_ pooling: Architecture.StemPooling) {
    let padding: Graph.Padding =
      switch pooling {
      case .symmetric, .symmetricZeros: .each(1)
      case .same: .same
      case .unpadded: .each(0)
      }
    self.init(kernel: 3, stride: 2, padding: padding, seesZeros: pooling == .symmetricZeros, roundsUp: false)
  }
}
