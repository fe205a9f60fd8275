public import ResectTensors

extension Graph {
  /// A tensor of a node.
  public struct Parameter: Sendable {
    /// The node's name.
    public let node: String
    /// What it is to the node, by torch's word: `weight`, `bias`, `running_mean`, `running_var`.
    public let role: String
    /// The tensor.
    public let tensor: LazyTensor
    /// Whether it is trained; statistics and constants are not.
    public let isTrained: Bool

    /// As `conv1.weight`.
    public var name: String { "\(node).\(role)" }
  }

  /// Every tensor, in the order of the nodes.
  public var parameters: [Parameter] {
    nodes.flatMap { node in
      node.operation.tensors.map {
        Parameter(node: node.name, role: $0.role, tensor: $0.tensor, isTrained: $0.isTrained)
      }
    }
  }

  /// The graph with every tensor replaced by what `change` makes of it.
  public func mapTensors<Failure: Error>(
    _ change: (Parameter) throws(Failure) -> LazyTensor
  ) throws(Failure) -> Graph {
    var nodes = nodes
    for index in nodes.indices {
      let name = nodes[index].name
      try nodes[index].operation.updateTensors { role, isTrained, tensor throws(Failure) in
        tensor = try change(Parameter(node: name, role: role, tensor: tensor, isTrained: isTrained))
      }
    }
    return Graph(self, replacing: nodes)
  }

  /// `graph` with `nodes` of the same names and inputs, which need no check.
  private init(_ graph: Graph, replacing nodes: [Node]) {
    self.input = graph.input
    self.nodes = nodes
    self.outputs = graph.outputs
    self.features = graph.features
    self.appendsConstantFeature = graph.appendsConstantFeature
  }
}

extension Graph.Operation {
  /// The tensors of the operation, with torch's word for each.
  package var tensors: [(role: String, tensor: LazyTensor, isTrained: Bool)] {
    var list: [(role: String, tensor: LazyTensor, isTrained: Bool)] = []
    var copy = self
    copy.updateTensors { role, isTrained, tensor in list.append((role, tensor, isTrained)) }
    return list
  }

  /// Lets `update` change each tensor, in torch's order; a tensor that is absent stays so.
  package mutating func updateTensors<Failure: Error>(
    _ update: (_ role: String, _ isTrained: Bool, inout LazyTensor) throws(Failure) -> Void
  ) throws(Failure) {
    func change(_ role: String, _ isTrained: Bool = true, _ tensor: inout LazyTensor?) throws(Failure) {
      guard var present = tensor else { return }
      try update(role, isTrained, &present)
      tensor = present
    }
    switch self {
    case .convolution(var convolution):
      try update("weight", true, &convolution.weight)
      try change("bias", true, &convolution.bias)
      self = .convolution(convolution)
    case .linear(var linear):
      try update("weight", true, &linear.weight)
      try change("bias", true, &linear.bias)
      self = .linear(linear)
    case .batchNorm(var norm):
      try change("weight", true, &norm.weight)
      try change("bias", true, &norm.bias)
      try update("running_mean", false, &norm.mean)
      try update("running_var", false, &norm.variance)
      self = .batchNorm(norm)
    case .scaleShift(var affine):
      try change("weight", true, &affine.scale)
      try change("bias", true, &affine.shift)
      self = .scaleShift(affine)
    case .activation(.prelu(var slopes)):
      try update("weight", true, &slopes)
      self = .activation(.prelu(slopes: slopes))
    case .channelConvolution(var convolution):
      try update("weight", true, &convolution.kernel)
      try change("bias", true, &convolution.bias)
      self = .channelConvolution(convolution)
    case .constant(var tensor):
      try update("value", false, &tensor)
      self = .constant(tensor)
    case .activation, .maxPool, .averagePool, .globalAveragePool, .globalMaxPool, .add, .multiply, .concatenate,
      .flatten, .toImage, .pad, .normalize, .identity:
      break
    }
  }
}
