public import Bytes
public import ResNets
internal import Surgery
internal import Tensors

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
    var value = 0
    if let normalization = architecture.inputNormalization {
      value = add(.normalize(normalization), of: value, as: "input")
    }
    value = try builder.add(
      network.stem, to: &self, of: value, stride: architecture.stem == .sevenWithMaxPool ? 2 : 1,
      at: .init(convolution: .stemConvolution, norm: .stemNorm), relu: true)
    if architecture.stem == .sevenWithMaxPool {
      value = add(
        .maxPool(Window(kernel: 3, stride: 2, padding: 1, roundsUp: false)), of: value, as: "stem.pool")
    }
    for (stage, blocks) in network.stages.enumerated() {
      for (position, block) in blocks.enumerated() {
        value = try builder.add(
          block, to: &self, of: value, stage: stage + 1, position: position,
          stride: stage > 0 && position == 0 ? 2 : 1)
      }
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
  let architecture: Architecture

  /// A convolution with its batch-norm: one operation where there is no batch-norm, else one for each.
  func add(
    _ unit: ResNet.ConvolutionUnit, to graph: inout Graph, of input: Graph.ValueID, stride: Int,
    groups: Int = 1, at paths: ResNet.UnitPaths, relu: Bool, adding other: Graph.ValueID? = nil
  ) throws(ResectError) -> Graph.ValueID {
    let weight = unit.convolution.weight
    var convolution = Graph.Convolution(
      weight: weight, bias: unit.convolution.bias, stride: stride, padding: weight.shape.axes[2] / 2,
      groups: groups, dilation: 1, adds: false, relu: false)
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

  func batchNorm(
    _ norm: ResNet.BatchNorm, at path: ModulePath, relu: Bool
  ) throws(ResectError) -> Graph.BatchNorm {
    guard let mean = norm.runningMean, let variance = norm.runningVariance else {
      throw ResectError(
        .notApplicable, "the batch-norms keep no running statistics: they normalise by the batch",
        tensor: path.description)
    }
    guard let epsilon = architecture.epsilon.value else {
      throw ResectError(
        .notApplicable, "nobody says what the batch-norms add to the variance", advice: "--epsilon says it")
    }
    return Graph.BatchNorm(
      weight: norm.weight, bias: norm.bias, mean: mean, variance: variance, epsilon: epsilon, relu: relu)
  }

  func add(
    _ block: ResNet.ResidualBlock, to graph: inout Graph, of input: Graph.ValueID, stage: Int,
    position: Int, stride: Int
  ) throws(ResectError) -> Graph.ValueID {
    let added = try shortcut(
      of: block, to: &graph, of: input, stage: stage, position: position, stride: stride)
    let strider = try striding(stride)
    var value = input
    for (index, unit) in block.units.enumerated() {
      let isLast = index == block.units.count - 1
      value = try add(
        unit, to: &graph, of: value, stride: index == strider ? stride : 1,
        groups: architecture.block == .bottleneck && index == 1 ? architecture.groups : 1,
        at: .init(
          convolution: .convolution(stage: stage, block: position, index: index + 1),
          norm: .norm(stage: stage, block: position, index: index + 1)),
        relu: true, adding: isLast ? added : nil)
    }
    return value
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
          .notApplicable, "nobody says which convolution of a bottleneck strides", advice: "--stride says it")
      }
      return 0
    }
  }

  /// What is added to a block's result.
  private func shortcut(
    of block: ResNet.ResidualBlock, to graph: inout Graph, of input: Graph.ValueID, stage: Int,
    position: Int, stride: Int
  ) throws(ResectError) -> Graph.ValueID {
    if let shortcut = block.shortcut {
      return try add(
        shortcut, to: &graph, of: input, stride: stride,
        at: .init(
          convolution: .shortcutConvolution(stage: stage, block: position),
          norm: .shortcutNorm(stage: stage, block: position)), relu: false)
    }
    let channels = inputChannels(stage: stage, position: position)
    let outputs = architecture.channels[stage - 1][position].last ?? channels
    guard stride != 1 || outputs != channels else { return input }
    let added = outputs - channels
    guard added >= 0 else {
      throw ResectError(
        .notApplicable, "stage\(stage).\(position) has no projection and fewer channels than its input")
    }
    return graph.add(
      .zeroPaddedShortcut(stride: stride, before: added / 2, after: added - added / 2), of: input,
      as: "stage\(stage).\(position).shortcut")
  }

  private func inputChannels(stage: Int, position: Int) -> Int {
    if position > 0 { return architecture.channels[stage - 1][position - 1].last ?? 0 }
    return stage > 1 ? architecture.stageOutputs[stage - 2] : architecture.stemWidth
  }
}
