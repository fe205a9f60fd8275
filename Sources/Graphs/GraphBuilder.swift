public import ResectBytes

/// Makes a graph operation by operation.
public struct GraphBuilder {
  private let given: Graph.Input
  private var nodes: [Graph.Node] = []
  private var names: Set<String>

  /// Begins a graph that takes `input`.
  public init(_ input: Graph.Input) {
    given = input
    names = [input.name]
  }

  /// Begins a graph that takes what `kind` says, under the name `input`.
  public init(input kind: Graph.Input.Kind) { self.init(Graph.Input(kind)) }

  /// The value that goes in.
  public var input: Graph.ValueID { 0 }

  /// The node that makes a value; absent for the input.
  public func node(making value: Graph.ValueID) -> Graph.Node? { value == 0 ? nil : nodes[value - 1] }

  /// Adds an operation. Returns the value that it makes.
  public mutating func add(
    _ operation: Graph.Operation, of inputs: Graph.ValueID..., as name: String
  ) -> Graph.ValueID {
    add(operation, ofAll: inputs, as: name)
  }

  /// Adds an operation that takes a list of values. Returns the value that it makes.
  public mutating func add(
    _ operation: Graph.Operation, ofAll inputs: [Graph.ValueID], as name: String
  ) -> Graph.ValueID {
    nodes.append(Graph.Node(name, operation, of: inputs))
    names.insert(name)
    return nodes.count
  }

  /// `name` or, where it is taken, with the first number behind it that makes it free.
  public func freeName(_ name: String) -> String {
    guard names.contains(name) else { return name }
    var number = 1
    while names.contains("\(name).\(number)") { number += 1 }
    return "\(name).\(number)"
  }

  /// The graph. Throws as ``Graph/init(input:nodes:outputs:features:appendsConstantFeature:)``.
  public func graph(
    outputs: [Graph.Output], features: Graph.ValueID? = nil, appendsConstantFeature: Bool = false
  ) throws(ResectError) -> Graph {
    try Graph(
      input: given, nodes: nodes, outputs: outputs, features: features,
      appendsConstantFeature: appendsConstantFeature)
  }
}
