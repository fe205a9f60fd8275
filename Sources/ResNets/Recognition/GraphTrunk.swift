internal import ResectBytes
internal import ResectGraphs

/// A graph taken apart at its additions. Nodes are named by the values that they make.
struct GraphTrunk {
  /// A block: what comes between the addition before it and where its two ways part, the ways, and the addition at its end.
  struct Block {
    /// Before the ways part.
    let lead: [Graph.ValueID]
    /// The way with more convolutions.
    let residual: [Graph.ValueID]
    /// The other way; empty where the input is added as it is.
    let shortcut: [Graph.ValueID]
    let addition: Graph.ValueID
  }

  /// The nodes before the first block, but for its lead.
  private(set) var stem: [Graph.ValueID] = []
  private(set) var blocks: [Block] = []
  /// The nodes after the last addition.
  private(set) var tail: [Graph.ValueID] = []
  /// Whether blocks are pre-activated: no ReLU follows the additions.
  private(set) var isPreactivated = false
  /// Whether the projections of pre-activated blocks take the blocks' inputs, before any batch-norm and ReLU.
  private(set) var projectsInputs = false

  init(_ graph: Graph) throws(ResectError) {
    let walk = Walk(graph: graph)
    var (chain, end) = try walk.back(from: graph.output)
    tail = chain
    while let addition = end {
      let ends = try walk.ways(into: addition)
      let behind = Set(ends.one.nodes + (ends.one.end.map { [$0] } ?? []))
      guard ends.one.end == ends.other.end else {
        throw ResectError(
          .unsupported, "the addition takes what does not come from the same block", tensor: graph.name(of: addition))
      }
      let shared = ends.other.nodes.filter(behind.contains)
      let ways = [ends.one.nodes, ends.other.nodes].map { $0.filter { !shared.contains($0) } }
      let counts = ways.map(walk.convolutions)
      let longer = counts[0] >= counts[1] ? 0 : 1
      guard counts[longer] > 0 else {
        throw ResectError(
          .unsupported, "the addition adds nothing that is convolved", tensor: graph.name(of: addition))
      }
      blocks.append(
        Block(lead: shared, residual: ways[longer], shortcut: ways[1 - longer], addition: addition))
      (chain, end) = (shared, ends.one.end)
    }
    blocks.reverse()
    guard let first = blocks.first else {
      throw ResectError(.notAResNet, "the model's layers form no residual blocks: nothing is added")
    }
    let after = blocks.count > 1 ? blocks[1].lead : tail
    isPreactivated = after.first.map { !walk.isReLU($0) } ?? true
    projectsInputs =
      isPreactivated && blocks.dropFirst().contains { $0.lead.isEmpty && walk.convolutions($0.shortcut) > 0 }
    splitStem(first, walk)
    // A block alone may be of this kind too.
    if isPreactivated, blocks[0].lead.isEmpty, walk.convolutions(blocks[0].shortcut) > 0 { projectsInputs = true }
  }

  /// In a pre-activated network, the batch-norm and the ReLU before the ways of the first block are the block's, unless it
  /// begins with its own, or projections take the blocks' inputs: then they are the stem's.
  private mutating func splitStem(_ first: Block, _ walk: Walk) {
    var stem = first.lead
    var lead: [Graph.ValueID] = []
    let beginsWithConvolution =
      switch first.residual.first.map(walk.operation) {
      case .convolution?, .pad?: true
      default: false
      }
    if isPreactivated, !projectsInputs, beginsWithConvolution, let last = stem.last, walk.isReLU(last) {
      lead = [stem.removeLast()]
      if let norm = stem.last, case .batchNorm = walk.operation(norm) { lead.insert(stem.removeLast(), at: 0) }
    }
    self.stem = stem
    blocks[0] = Block(
      lead: lead, residual: first.residual, shortcut: first.shortcut, addition: first.addition)
  }
}

/// Goes through a graph against its direction.
private struct Walk {
  let graph: Graph

  /// What makes a value that is not the input.
  func operation(_ value: Graph.ValueID) -> Graph.Operation { graph.nodes[value - 1].operation }

  func isReLU(_ value: Graph.ValueID) -> Bool { operation(value).isReLU }

  typealias Way = (nodes: [Graph.ValueID], end: Graph.ValueID?)

  /// The nodes from the last addition, or from the input, to `value`, in the order of the forward pass and without those that do
  /// nothing; and that addition.
  func back(from value: Graph.ValueID) throws(ResectError) -> Way {
    var nodes: [Graph.ValueID] = []
    var next = value
    while let here = graph.node(making: next) {
      switch here.operation {
      case .add: return (nodes.reversed(), next)
      case .identity: break
      default: nodes.append(next)
      }
      guard here.inputs.count == 1 else {
        throw ResectError(
          .unsupported, "the layer takes \(here.inputs.count) others, which a ResNet has only for additions",
          tensor: here.name)
      }
      next = here.inputs[0]
    }
    return (nodes.reversed(), nil)
  }

  func ways(into addition: Graph.ValueID) throws(ResectError) -> (one: Way, other: Way) {
    let inputs = graph.nodes[addition - 1].inputs
    guard inputs.count == 2 else {
      throw ResectError(
        .unsupported, "the addition takes \(inputs.count) layers, a ResNet's two", tensor: graph.name(of: addition))
    }
    return (try back(from: inputs[0]), try back(from: inputs[1]))
  }

  func convolutions(_ values: [Graph.ValueID]) -> Int {
    values.count { if case .convolution = operation($0) { true } else { false } }
  }
}

extension Graph.Operation {
  /// Whether it is a plain ReLU.
  var isReLU: Bool { if case .activation(.relu) = self { true } else { false } }
}
