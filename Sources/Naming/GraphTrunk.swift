internal import ResectBytes
internal import ResectResNets

/// A graph taken apart at its additions.
struct GraphTrunk {
  /// A block: what comes between the addition before it and where its two ways part, the ways, and the addition at its end.
  struct Block {
    /// Before the ways part.
    let lead: [Int]
    /// The way with more convolutions.
    let residual: [Int]
    /// The other way; empty where the input is added as it is.
    let shortcut: [Int]
    let addition: Int
  }

  /// The nodes before the first block, but for its lead.
  private(set) var stem: [Int] = []
  private(set) var blocks: [Block] = []
  /// The nodes after the last addition.
  private(set) var tail: [Int] = []
  /// Whether blocks are pre-activated: no ReLU follows the additions.
  private(set) var isPreactivated = false
  /// Whether the projections of pre-activated blocks take the blocks' inputs, before any batch-norm and ReLU.
  private(set) var projectsInputs = false

  init(_ graph: LayerGraph) throws(ResectError) {
    let walk = Walk(graph: graph)
    var (chain, end) = try walk.back(from: graph.output)
    tail = chain
    while let addition = end {
      let ends = try walk.ways(into: addition)
      let behind = Set(ends.one.nodes + (ends.one.end.map { [$0] } ?? []))
      guard ends.one.end == ends.other.end else {
        throw ResectError(
          .unsupported, "the addition takes what does not come from the same block", tensor: graph.nodes[addition].name)
      }
      let shared = ends.other.nodes.filter(behind.contains)
      let ways = [ends.one.nodes, ends.other.nodes].map { $0.filter { !shared.contains($0) } }
      let counts = ways.map(walk.convolutions)
      let longer = counts[0] >= counts[1] ? 0 : 1
      guard counts[longer] > 0 else {
        throw ResectError(
          .unsupported, "the addition adds nothing that is convolved", tensor: graph.nodes[addition].name)
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
    isPreactivated = after.first.map { graph.nodes[$0].operation != .relu } ?? true
    projectsInputs =
      isPreactivated && blocks.dropFirst().contains { $0.lead.isEmpty && walk.convolutions($0.shortcut) > 0 }
    splitStem(first, graph)
    // A block alone may be of this kind too.
    if isPreactivated, blocks[0].lead.isEmpty, walk.convolutions(blocks[0].shortcut) > 0 { projectsInputs = true }
  }

  /// In a pre-activated network, the batch-norm and the ReLU before the ways of the first block are the block's, unless it
  /// begins with its own, or projections take the blocks' inputs: then they are the stem's.
  private mutating func splitStem(_ first: Block, _ graph: LayerGraph) {
    var stem = first.lead
    var lead: [Int] = []
    let start = first.residual.first.map { graph.nodes[$0].operation }
    let beginsWithConvolution =
      switch start {
      case .convolution?, .zeroPadding?: true
      default: false
      }
    if isPreactivated, !projectsInputs, beginsWithConvolution, let last = stem.last,
      graph.nodes[last].operation == .relu
    {
      lead = [stem.removeLast()]
      if let norm = stem.last, case .batchNorm = graph.nodes[norm].operation { lead.insert(stem.removeLast(), at: 0) }
    }
    self.stem = stem
    blocks[0] = Block(
      lead: lead, residual: first.residual, shortcut: first.shortcut, addition: first.addition)
  }
}

/// Goes through a graph against its direction.
private struct Walk {
  let graph: LayerGraph

  /// The nodes from the last addition, or from the input, to `node`, in the order of the forward pass and without those that do
  /// nothing; and that addition.
  func back(from node: Int) throws(ResectError) -> (nodes: [Int], end: Int?) {
    var nodes: [Int] = []
    var next = node
    while true {
      let here = graph.nodes[next]
      if here.operation == .add { return (nodes.reversed(), next) }
      if here.operation != .identity { nodes.append(next) }
      switch here.inputs.count {
      case 0: return (nodes.reversed(), nil)
      case 1: next = here.inputs[0]
      default:
        throw ResectError(
          .unsupported, "the layer takes \(here.inputs.count) others, which a ResNet has only for additions",
          tensor: here.name)
      }
    }
  }

  typealias Way = (nodes: [Int], end: Int?)

  func ways(into addition: Int) throws(ResectError) -> (one: Way, other: Way) {
    let inputs = graph.nodes[addition].inputs
    guard inputs.count == 2 else {
      throw ResectError(
        .unsupported, "the addition takes \(inputs.count) layers, a ResNet's two", tensor: graph.nodes[addition].name)
    }
    return (try back(from: inputs[0]), try back(from: inputs[1]))
  }

  func convolutions(_ nodes: [Int]) -> Int {
    nodes.count { if case .convolution = graph.nodes[$0].operation { true } else { false } }
  }
}
