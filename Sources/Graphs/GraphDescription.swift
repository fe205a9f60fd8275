package import ResectBytes

/// A graph as files have it: nodes in any order that take each other by name.
package struct GraphDescription: Sendable {
  /// An operation that takes others by name.
  package struct Node: Sendable {
    package let name: String
    package let operation: Graph.Operation
    package let inputs: [String]

    package init(_ name: String, _ operation: Graph.Operation, of inputs: [String]) {
      self.name = name
      self.operation = operation
      self.inputs = inputs
    }
  }

  package let input: Graph.Input
  package let nodes: [Node]

  package init(input: Graph.Input, nodes: [Node]) {
    self.input = input
    self.nodes = nodes
  }

  /// The graph in an order in which it can run, which keeps that of the nodes wherever it can.
  ///
  /// Throws `ResectError.Code.malformed`, with the node's name, where a name is used twice, where a node takes one that is not there, and
  /// where nodes take each other in a circle.
  package func graph(
    outputs: [(name: String, of: String)], features: String? = nil, appendsConstantFeature: Bool = false
  ) throws(ResectError) -> Graph {
    guard nodes.count <= Limits.graphNodes else {
      throw ResectError(.limit, "the network has \(nodes.count) operations, at most \(Limits.graphNodes) are taken")
    }
    var positions: [String: Int] = [:]
    for (position, node) in nodes.enumerated() {
      guard node.name != input.name, positions.updateValue(position, forKey: node.name) == nil else {
        throw ResectError(.malformed, "two operations have one name", tensor: node.name)
      }
    }
    var values: [String: Graph.ValueID] = [input.name: 0]
    let order = try order(positions)
    for (place, position) in order.enumerated() { values[nodes[position].name] = place + 1 }
    func value(_ name: String) throws(ResectError) -> Graph.ValueID {
      guard let value = values[name] else {
        throw ResectError(.malformed, "the network gives an operation that it does not have", tensor: name)
      }
      return value
    }
    var ordered: [Graph.Node] = []
    for position in order {
      let node = nodes[position]
      ordered.append(Graph.Node(node.name, node.operation, of: node.inputs.compactMap { values[$0] }))
    }
    var given: [Graph.Output] = []
    for output in outputs { given.append(Graph.Output(output.name, try value(output.of))) }
    return try Graph(
      input: input, nodes: ordered, outputs: given,
      features: try features.map { name throws(ResectError) in try value(name) },
      appendsConstantFeature: appendsConstantFeature)
  }

  /// The positions of the nodes, each after those that it takes.
  ///
  /// Nodes that come sorted keep their order. One that comes before what it takes moves behind it.
  private func order(_ positions: [String: Int]) throws(ResectError) -> [Int] {
    var missing = [Int](repeating: 0, count: nodes.count)
    var takers = [[Int]](repeating: [], count: nodes.count)
    for (position, node) in nodes.enumerated() {
      for name in node.inputs where name != input.name {
        guard let taken = positions[name] else {
          throw ResectError(
            .malformed, "the operation takes \(name.printable(limit: 80)), which is not there", tensor: node.name)
        }
        missing[position] += 1
        takers[taken].append(position)
      }
    }
    var order: [Int] = []
    var isDone = [Bool](repeating: false, count: nodes.count)
    var ready: [Int] = []
    for start in nodes.indices {
      ready.append(start)
      while let position = ready.popLast() {
        guard missing[position] == 0, !isDone[position] else { continue }
        isDone[position] = true
        order.append(position)
        // The first of the takers is put on top.
        for taker in takers[position].reversed() {
          missing[taker] -= 1
          // Those behind `start` have their turn.
          if taker < start { ready.append(taker) }
        }
      }
    }
    guard order.count < nodes.count else { return order }
    let stuck = nodes.indices.first { !isDone[$0] } ?? 0
    throw ResectError(
      .malformed, "operations take each other in a circle: this one waits for itself", tensor: nodes[stuck].name)
  }
}
