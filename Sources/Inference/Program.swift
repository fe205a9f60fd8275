package import ResectBytes
package import ResectGraphs
internal import ResectSurgery

/// A graph as an engine runs it: steps in order, each an operation and what is computed in the same go.
///
/// The values are the graph's, by its numbers. A step makes one of them; those between its operation and that one are never in
/// memory, since nobody else takes them.
package struct Program: Sendable {
  /// How true a program is to its graph.
  package enum Fidelity: Sendable, Hashable {
    /// Batch-norms are folded into the convolutions before them.
    case fused
    /// Each operation runs as it stands.
    case exact
  }

  /// An operation, and what follows it in the same step: an addition, then an activation.
  package struct Step: Sendable {
    /// The name of the operation's node. In errors and in ranges of activations, it stands for what the step makes.
    package let name: String
    /// What is computed.
    package internal(set) var operation: Graph.Operation
    /// The values that are taken, in the operation's order; behind them, where it adds, the one that is added.
    package internal(set) var inputs: [Graph.ValueID]
    /// Whether the last of the values is added to what the operation makes of the others.
    package internal(set) var adds = false
    /// What each number becomes after that.
    package internal(set) var activation: Graph.Activation?
    /// The value that is made.
    package internal(set) var output: Graph.ValueID
  }

  /// What is computed. Without batch-norms that were folded, its values are other ones than those of the graph that was given.
  package let graph: Graph
  /// The steps, each after those whose results it takes.
  package let steps: [Step]
  /// By value of the graph, the position of the step that makes it; absent for the input and for what is never in memory.
  private let makers: [Int?]
  /// By value, the one that has the same numbers and is made by a step, or is the input: another one only behind an identity.
  private let twins: [Graph.ValueID]

  /// The steps that compute `graph`.
  package init(_ graph: Graph, fidelity: Fidelity = .fused) throws(ResectError) {
    let graph = fidelity == .fused ? try graph.foldingBatchNorm().graph : graph
    var fusion = Fusion(graph)
    for node in graph.nodes { fusion.add(node) }
    self.graph = graph
    steps = fusion.finished
    twins = fusion.twins
    var makers = [Int?](repeating: nil, count: graph.nodes.count + 1)
    for (position, step) in steps.enumerated() { makers[step.output] = position }
    self.makers = makers
  }

  /// The value that has the numbers of the graph's `value`, and is made by a step, or is the input.
  package func twin(of value: Graph.ValueID) -> Graph.ValueID { twins[value] }

  /// The position of the step that makes a value; absent for the input.
  package func maker(of value: Graph.ValueID) -> Int? { makers[twins[value]] }

  /// By position, whether `value` needs the step.
  package func steps(neededFor value: Graph.ValueID) -> [Bool] {
    var isNeeded = [Bool](repeating: false, count: steps.count)
    if let last = maker(of: value) { isNeeded[last] = true }
    for position in steps.indices.reversed() where isNeeded[position] {
      for input in steps[position].inputs { if let maker = makers[input] { isNeeded[maker] = true } }
    }
    return isNeeded
  }
}

extension Program {
  /// The name of what the first convolution takes: the input, or what is made of it by normalising.
  package static let inputName = "input"

  /// The name of a value that a step makes, or of the input.
  package func name(of value: Graph.ValueID) -> String {
    guard let position = maker(of: value) else {
      return graph.inputNormalization == nil ? Program.inputName : "pixels"
    }
    if position == 0, case .normalize = steps[0].operation { return Program.inputName }
    return steps[position].name
  }

}
