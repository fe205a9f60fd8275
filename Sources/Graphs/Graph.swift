public import ResectBytes

/// What a network computes: named operations in an order in which they can run, with no word on how, and no format's.
///
/// Values are numbered: 0 is the input, each node makes the next one. A value is an image (channels × height × width) or a
/// vector; the number of images is open, and so is their size unless ``input`` fixes it. Parameters are tensors that nobody has
/// read yet. A graph is checked when it is made: each node takes values before its own, names are not used twice, and each
/// output is a value that is there. Whether shapes fit, ``shapes(height:width:)`` tells.
///
/// ```swift
/// var builder = GraphBuilder(input: .image(channels: 3))
/// let made = try builder.add(.convolution(.init(weight: weight)), of: builder.input, as: "conv1")
/// let graph = try builder.graph(outputs: [.init("logits", made)])
/// ```
public struct Graph: Sendable {
  /// The number of a value: 0 for the input, one more than a node's position for what it makes.
  public typealias ValueID = Int

  /// An operation, its name and the values that it takes. It makes one value.
  public struct Node: Sendable {
    /// The name of the module or layer; no other node and no input has it.
    public let name: String
    /// What is computed.
    public var operation: Operation
    /// The values that it takes, in the operation's order.
    public let inputs: [ValueID]

    /// A node.
    public init(_ name: String, _ operation: Operation, of inputs: [ValueID]) {
      self.name = name
      self.operation = operation
      self.inputs = inputs
    }
  }

  /// What goes in.
  public struct Input: Sendable, Hashable {
    /// What a graph takes.
    public enum Kind: Sendable, Hashable {
      /// Images of so many channels; height and width where they are fixed.
      case image(channels: Int, height: Int? = nil, width: Int? = nil)
      /// Vectors of so many elements: the features that a backbone computed.
      case features(Int)
    }

    /// Its name.
    public var name: String
    /// What it is.
    public var kind: Kind

    /// An input.
    public init(name: String = "input", _ kind: Kind) {
      self.name = name
      self.kind = kind
    }

    /// Channels of an image, or elements of a vector.
    public var channels: Int {
      switch kind {
      case .image(let channels, _, _): channels
      case .features(let count): count
      }
    }
  }

  /// A value that a network gives, by name.
  public struct Output: Sendable, Hashable {
    /// As `logits`, `features` or `probabilities`.
    public var name: String
    /// The value.
    public var value: ValueID

    /// An output.
    public init(_ name: String, _ value: ValueID) {
      self.name = name
      self.value = value
    }

    /// A number for each class, before any softmax.
    public static let logits = "logits"
    /// What the backbone computes.
    public static let features = "features"
    /// What a softmax or a sigmoid makes of the logits.
    public static let probabilities = "probabilities"
  }

  /// What goes in.
  public let input: Input
  /// The operations, each after those whose results it takes.
  public let nodes: [Node]
  /// What comes out; the first is what the network is for.
  public let outputs: [Output]
  /// The value that is the features: what enters the last linear layer, or what a backbone ends in. Absent where no single value is.
  public let features: ValueID?
  /// Whether the features that are handed out end in a constant 1, so that a class embedding's last column is its bias.
  public let appendsConstantFeature: Bool

  /// A graph of these parts.
  ///
  /// Throws `ResectError.Code.malformed`, with the node's name, where a name is used twice, where a node takes a value that is not
  /// before it or another number of values than its operation takes, where an epsilon, a stride or the like is none, and where an
  /// output is no value; `ResectError.Code.mismatch` where the tensors of a node do not fit each other; `ResectError.Code.limit` where
  /// there are too many nodes.
  public init(
    input: Input, nodes: [Node], outputs: [Output], features: ValueID? = nil, appendsConstantFeature: Bool = false
  ) throws(ResectError) {
    self.input = input
    self.nodes = nodes
    self.outputs = outputs
    self.features = features
    self.appendsConstantFeature = appendsConstantFeature
    try check()
  }

  /// The value that the network is for: its first output.
  public var output: ValueID { outputs[0].value }

  /// The output of a name.
  public func output(named name: String) -> ValueID? { outputs.first { $0.name == name }?.value }

  /// The node that makes a value; absent for the input.
  public func node(making value: ValueID) -> Node? { value == 0 ? nil : nodes[value - 1] }

  /// The name of a value: its node's, or the input's.
  public func name(of value: ValueID) -> String { node(making: value)?.name ?? input.name }

  /// By value, the positions of the nodes that take it, in order; a node that takes a value twice stands there twice.
  public var consumers: [[Int]] {
    var consumers = [[Int]](repeating: [], count: nodes.count + 1)
    for (position, node) in nodes.enumerated() {
      for value in node.inputs { consumers[value].append(position) }
    }
    return consumers
  }

  /// Whether something follows the features.
  public var computesLogits: Bool { features.map { output > $0 } ?? true }

  /// How the graph normalises the pixels that it takes; absent where its input comes normalised.
  public var inputNormalization: InputNormalization? {
    let takers = nodes.filter { $0.inputs.contains(0) }
    guard takers.count == 1, case .normalize(let normalization) = takers[0].operation else { return nil }
    return normalization
  }
}
