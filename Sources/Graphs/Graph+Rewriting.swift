public import ResectBytes

extension Graph {
  /// What becomes of a node when a graph is rewritten.
  public enum Rewriting: Sendable {
    /// It stays.
    case keep
    /// It computes something else of the same values.
    case replace(Operation)
    /// It goes; what took its result takes the node's first input.
    case drop
  }

  /// The graph with each node kept, changed or dropped as `decide` says, by its position.
  ///
  /// Throws where a node is dropped that takes nothing.
  public func rewritten(_ decide: (Int, Node) -> Rewriting) throws(ResectError) -> Graph {
    var values = [0]
    var nodes: [Node] = []
    for (position, node) in self.nodes.enumerated() {
      let inputs = node.inputs.map { values[$0] }
      switch decide(position, node) {
      case .keep:
        nodes.append(Node(node.name, node.operation, of: inputs))
        values.append(nodes.count)
      case .replace(let operation):
        nodes.append(Node(node.name, operation, of: inputs))
        values.append(nodes.count)
      case .drop:
        guard let first = inputs.first else {
          throw ResectError(.notApplicable, "nothing could take the place of this operation", tensor: node.name)
        }
        values.append(first)
      }
    }
    return try Graph(
      input: input, nodes: nodes, outputs: outputs.map { Output($0.name, values[$0.value]) },
      features: features.map { values[$0] }, appendsConstantFeature: appendsConstantFeature)
  }

  /// The graph with `operation` before everything else.
  public func preceded(by operation: Operation, as name: String) throws(ResectError) -> Graph {
    let moved = nodes.map { Node($0.name, $0.operation, of: $0.inputs.map { $0 + 1 }) }
    return try Graph(
      input: input, nodes: [Node(name, operation, of: [0])] + moved,
      outputs: outputs.map { Output($0.name, $0.value + 1) }, features: features.map { $0 + 1 },
      appendsConstantFeature: appendsConstantFeature)
  }

  /// The graph that computes `outputs` alone: nodes that none of them needs are gone. Features stay where they are computed.
  public func computing(_ outputs: [Output]) throws(ResectError) -> Graph {
    var isNeeded = [Bool](repeating: false, count: nodes.count + 1)
    isNeeded[0] = true
    for output in outputs where isNeeded.indices ~= output.value { isNeeded[output.value] = true }
    for (position, node) in nodes.enumerated().reversed() where isNeeded[position + 1] {
      for value in node.inputs { isNeeded[value] = true }
    }
    var values = [Int](repeating: 0, count: nodes.count + 1)
    var kept: [Node] = []
    for (position, node) in nodes.enumerated() where isNeeded[position + 1] {
      kept.append(Node(node.name, node.operation, of: node.inputs.map { values[$0] }))
      values[position + 1] = kept.count
    }
    return try Graph(
      input: input, nodes: kept,
      outputs: outputs.map { Output($0.name, values.indices ~= $0.value ? values[$0.value] : -1) },
      features: features.flatMap { isNeeded[$0] ? values[$0] : nil }, appendsConstantFeature: appendsConstantFeature)
  }

  /// The graph that ends in the features: its one output. Throws where no single value is the features.
  public func untilFeatures() throws(ResectError) -> Graph {
    guard let features else {
      throw ResectError(.notApplicable, "which value of this network is the features is unknown")
    }
    return try computing([Output(Output.features, features)])
  }
}
