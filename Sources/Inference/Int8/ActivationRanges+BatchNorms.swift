package import ResectBytes
package import ResectGraphs
package import ResectResNets

extension ActivationRanges {
  /// What lies further out is cut off, which costs more than coarser steps: activations have longer tails than normal
  /// distributions, above all of inputs that are mostly empty. `Docs/Inference.md` has what was measured.
  private static let deviations = 12.0
  /// Normalised images reach about so far.
  private static let inputDeviations = 3.0

  /// The ranges of the values of `program` that the batch-norms of `graph` tell, without any data; nothing where they do not tell all of
  /// them, as after folding. The program is that of the graph, or of the graph with its batch-norms folded.
  ///
  /// See `Graph.moments(image:)`.
  package init?(batchNormsOf graph: Graph, for program: Program) throws(ResectError) {
    let moments = try graph.moments()
    let twins = Unfolding(of: program.graph, in: graph)
    self.init(from: .batchNorms)
    for value in program.convolvedValues {
      guard let twin = twins.twin(of: value), let known = moments[twin] else { return nil }
      let name = program.name(of: value)
      let isInput = name == Program.inputName
      self[name] = known.range(
        deviations: isInput ? ActivationRanges.inputDeviations : ActivationRanges.deviations)
    }
  }
}

/// Which values of a graph have the numbers of those of another one, in which its batch-norms are folded.
private struct Unfolding {
  private let folded: Graph
  private let graph: Graph
  private let consumers: [[Int]]
  /// By name, the node of the graph.
  private let positions: [String: Int]
  private let foldedNames: Set<String>

  init(of folded: Graph, in graph: Graph) {
    self.folded = folded
    self.graph = graph
    consumers = graph.consumers
    positions = Dictionary(graph.nodes.enumerated().map { ($1.name, $0) }) { first, _ in first }
    foldedNames = Set(folded.nodes.map(\.name))
  }

  /// The value of the graph that has the numbers of `value`: behind the batch-norm that was folded into the node that makes it.
  func twin(of value: Graph.ValueID) -> Graph.ValueID? {
    var value = value
    // An activation is called after what it follows, which the batch-norm no longer is: it is found behind that.
    while let node = folded.node(making: value), positions[node.name] == nil {
      guard case .activation = node.operation else { return nil }
      value = node.inputs[0]
    }
    guard let node = folded.node(making: value) else { return 0 }
    guard let position = positions[node.name] else { return nil }
    var twin = position + 1
    while let only = consumers[twin].first, consumers[twin].count == 1, !foldedNames.contains(graph.nodes[only].name) {
      twin = only + 1
    }
    return twin
  }
}
