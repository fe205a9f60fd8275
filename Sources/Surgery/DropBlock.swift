public import ResectBytes
public import ResectGraphs
public import ResectResNets
internal import ResectTensors

/// Removes a residual block whose shortcut is the identity. See `ResNet.droppingBlock(_:)` and `Graph.droppingBlock(_:)`.
public struct DropBlock: Surgery {
  /// The block: its place in the tree, as `stage3.1`; in a graph, the name of its addition, or what that begins with.
  public var name: String

  /// The surgery.
  public init(_ name: String) { self.name = name }

  /// The network without the block.
  public func operate(
    on network: Network, knowing facts: SurgeryFacts
  ) throws(ResectError) -> SurgeryOutcome<Network> {
    try network.operated(
      effect: .changesOutputs, resNet: { network throws(ResectError) in try network.droppingBlock(name) },
      graph: { graph throws(ResectError) in try graph.droppingBlock(name) })
  }
}

extension ResNet {
  /// Removes the residual block at a place of the tree, as `stage3.1`: its input goes on as it is.
  ///
  /// - *Requires*: a block whose shortcut is the identity, so that what goes in and what comes out have one shape; another block in the
  ///   stage.
  /// - *Changes*: the network by that block. Those behind it in its stage move up: `stage3.2` becomes `stage3.1`.
  /// - *Preserves*: every bit of the other weights. The outputs change, and nothing is promised of them.
  ///
  /// Source: Veit et al., "Residual Networks Behave Like Ensembles of Relatively Shallow Networks" (2016).
  public func droppingBlock(_ name: String) throws(ResectError) -> (network: ResNet, record: SurgeryRecord) {
    guard let place = blockPlaces.first(where: { $0.description == name }) else {
      let possible = blockPlaces.filter { isDroppable($0) }.map(\.description)
      throw ResectError(
        .badArgument, "there is no residual block \(name.printable(limit: 80))", advice: .droppable(possible))
    }
    let blocks = stages[place.stage - 1]
    guard blocks[place.block].hasIdentityShortcut else {
      throw ResectError(
        .notApplicable, "the block's shortcut is not the identity: what goes in has another shape than what comes out",
        tensor: name)
    }
    guard blocks.count > 1 else {
      throw ResectError(.notApplicable, "the block is the only one of its stage", tensor: name)
    }
    var dropped = self
    dropped.stages[place.stage - 1].remove(at: place.block)
    let moved = blocks.count - 1 - place.block
    let followers = moved == 1 ? "the one behind it in its stage moves" : "the \(moved) behind it in its stage move"
    let record = SurgeryRecord(
      droppingBlock: name,
      parameters: ResNet.elements(parameters.map(\.tensor)) - ResNet.elements(dropped.parameters.map(\.tensor)),
      note: moved == 0 ? "" : "; \(followers) up by one")
    return (dropped, record)
  }

  /// The place of each residual block.
  package var blockPlaces: [BlockPlace] {
    stages.indices.flatMap { stage in
      stages[stage].indices.map { BlockPlace(stage: stage + 1, block: $0) }
    }
  }

  private func isDroppable(_ place: BlockPlace) -> Bool {
    stages[place.stage - 1].count > 1 && stages[place.stage - 1][place.block].hasIdentityShortcut
  }

  private static func elements(_ tensors: [LazyTensor]) -> Int { tensors.reduce(0) { $0 + $1.shape.elementCount } }
}

/// The place of a residual block: stages count from 1, blocks from 0.
package struct BlockPlace: CustomStringConvertible {
  package let stage: Int
  package let block: Int

  /// As `stage3.1`.
  package var description: String { "stage\(stage).\(block)" }
}

extension ResNet.ResidualBlock {
  /// Whether the block's input is added to what its convolutions make as it is.
  fileprivate var hasIdentityShortcut: Bool {
    guard shortcut == nil, stride == 1, let first = units.first?.convolution, let last = units.last?.convolution else {
      return false
    }
    let axes = first.weight.shape.axes
    return axes.count > 1 && first.groups > 0 && last.outputs % first.groups == 0
      && axes[1] == last.outputs / first.groups
  }
}

extension Graph {
  /// Removes a residual block: what goes into it takes the place of the addition at its end.
  ///
  /// `name` is that of the addition, or what its name begins with before a dot, an underscore or a slash.
  ///
  /// - *Requires*: an addition of two values one of which is computed from the other, which therefore is the block's input as it is.
  /// - *Changes*: the network by the addition and by all that nothing else takes.
  /// - *Preserves*: every bit of the other weights. The outputs change, and nothing is promised of them.
  public func droppingBlock(_ name: String) throws(ResectError) -> (graph: Graph, record: SurgeryRecord) {
    let position = try addition(of: name)
    let node = nodes[position]
    guard let shortcut = shortcut(of: node) else {
      throw ResectError(
        .notApplicable,
        "neither of the two values that are added is computed from the other: no shortcut is the identity",
        tensor: node.name)
    }
    func redirected(_ value: ValueID) -> ValueID { value == position + 1 ? shortcut : value }
    let outputs = outputs.map { Output($0.name, redirected($0.value)) }
    let bypassed = try Graph(
      input: input, nodes: nodes.map { Node($0.name, $0.operation, of: $0.inputs.map(redirected)) }, outputs: outputs,
      features: features.map(redirected), appendsConstantFeature: appendsConstantFeature)
    let dropped = try bypassed.computing(outputs)
    let count = { (graph: Graph) in graph.parameters.reduce(0) { $0 + $1.tensor.shape.elementCount } }
    return (dropped, SurgeryRecord(droppingBlock: node.name, parameters: count(self) - count(dropped), note: ""))
  }

  /// The position of the one addition that `name` means.
  private func addition(of name: String) throws(ResectError) -> Int {
    let additions = nodes.indices.filter { if case .add = nodes[$0].operation { true } else { false } }
    if let exact = additions.first(where: { nodes[$0].name == name }) { return exact }
    let found = additions.filter { nodes[$0].name.begins(withPart: name) }
    if found.count == 1 { return found[0] }
    guard found.isEmpty else {
      let names = found.prefix(8).map { nodes[$0].name }.joined(separator: ", ")
      throw ResectError(
        .ambiguous, "\(found.count) additions have names that begin so: \(names)", advice: "name the one meant",
        tensor: name)
    }
    let possible = additions.lazy.filter { shortcut(of: nodes[$0]) != nil }.prefix(8).map { nodes[$0].name }
    throw ResectError(
      .badArgument, "there is no residual block \(name.printable(limit: 80))", advice: .droppable(Array(possible)))
  }

  /// The value that an addition of two takes as it is, and the other is computed from; absent where there is none.
  private func shortcut(of addition: Node) -> ValueID? {
    guard addition.inputs.count == 2, let first = addition.inputs.min(), let last = addition.inputs.max(), first < last
    else { return nil }
    // Nothing before the first value can lead to it.
    var pending = [last]
    var seen: Set<ValueID> = []
    while let value = pending.popLast() {
      if value == first { return first }
      guard value > first, seen.insert(value).inserted, let node = node(making: value) else { continue }
      pending += node.inputs
    }
    return nil
  }
}

extension String {
  /// Whether the name begins with `part` and a separator behind it.
  package func begins(withPart part: String) -> Bool {
    guard hasPrefix(part), let next = dropFirst(part.count).first else { return false }
    return [".", "_", "/"].contains(next)
  }
}

extension ResectError.Advice {
  /// Which blocks could be named instead.
  fileprivate static func droppable(_ names: [String]) -> Self {
    guard !names.isEmpty else { return "it has none whose shortcut is the identity" }
    let rest = names.count > 8 ? ", …" : ""
    return "name one whose shortcut is the identity: \(names.prefix(8).joined(separator: ", "))\(rest)"
  }
}

extension SurgeryRecord {
  fileprivate init(droppingBlock name: String, parameters: Int, note: String) {
    self.init(
      name: "drop-block", parameters: .object(["block": .string(name)]),
      report: .object(["parameters": .integer(parameters)]),
      summary: "removed the residual block \(name), \(parameters) parameters\(note)")
  }
}
