internal import ResectBytes
internal import ResectGraphs

/// Reads the stretches of a graph as parts of a ResNet, in the order of the forward pass.
struct GraphReader {
  /// What was read of a block.
  struct Block {
    /// Its addition's name.
    let name: String
    let stage: Int
    let index: Int
    /// How many convolutions the residual has.
    let count: Int
    let stride: Int
    /// Which of its convolutions strides.
    let strider: Int?
    /// Whether the shortcut is pooled before its projection.
    let isPooled: Bool
  }

  let graph: Graph
  private(set) var places: [String: ModulePath] = [:]
  private(set) var stem = Architecture.Stem.sevenWithMaxPool
  private(set) var stemPooling = Architecture.StemPooling.symmetric
  private(set) var input = GraphInput()
  /// How convolutions pad of which that matters.
  private(set) var paddings: [String: Architecture.Padding] = [:]
  /// What batch-norms add to the variance.
  private(set) var epsilons: [String: Double] = [:]
  /// Whether what the stem gives has passed a ReLU.
  private var isStemRectified = false

  init(graph: Graph) { self.graph = graph }

  // MARK: Stem

  /// The stem: what normalises the image, one convolution or three, then pooling or a fourth. With activation, each convolution is followed by a ReLU.
  mutating func readStem(_ nodes: [Graph.ValueID], isPreactivated: Bool) throws(ResectError) {
    var rest = Stretch(graph: graph, nodes: nodes)
    guard case .image = graph.input.kind else {
      throw ResectError(.notAResNet, "the model's layers do not begin with an image")
    }
    while let step = rest.takeInputStep() { input.append(step) }
    var units: [Unit] = []
    while let unit = try readUnit(&rest, place: nil) {
      guard isStemRectified || units.isEmpty else {
        throw rest.refusal("expected a ReLU after the stem's convolution \(units[units.count - 1].convolution)")
      }
      units.append(unit)
      isStemRectified = rest.takeReLU() != nil
    }
    // Before pre-activated blocks, a batch-norm brings a ReLU, and nothing else does.
    if let last = units.last, isStemRectified != (!isPreactivated || last.norm != nil) {
      throw rest.refusal(
        "expected \(isStemRectified ? "no" : "a") ReLU after the stem's \(last.norm ?? last.convolution)")
    }
    let pool = try readStemPool(&rest)
    try rest.end("the stem")
    let kernels = units.map(\.kernel)
    let strides = units.map(\.stride)
    switch (kernels, strides, pool) {
    case ([7], [2], true): stem = .sevenWithMaxPool
    case ([3], [1], false): stem = .three
    case ([3, 3, 3], [2, 1, 1], true): stem = .deepWithMaxPool
    case ([3, 3, 3, 3], [2, 1, 1, 2], false) where !isPreactivated: stem = .deepWithConvolution
    default:
      let list = units.map { "\($0.kernel)×\($0.kernel) of stride \($0.stride)" }.joined(separator: ", ")
      throw ResectError(
        .unsupported,
        "the stem (\(list.isEmpty ? "no convolution" : list), \(pool ? "max-pooling" : "no pooling")) is none of a known ResNet",
        tensor: units.first?.convolution)
    }
    if stem == .deepWithConvolution, let pool = units.popLast() {
      places[pool.convolution] = .stemPoolConvolution
      if let norm = pool.norm { places[norm] = .stemPoolNorm }
    }
    for (index, unit) in units.enumerated() {
      let isLast = index == units.count - 1
      places[unit.convolution] = isLast ? .stemConvolution : .innerStemConvolution(index: index + 1)
      if let norm = unit.norm { places[norm] = isLast ? .stemNorm : .innerStemNorm(index: index + 1) }
    }
  }

  /// Reads max-pooling of 3×3 and stride 2, if it comes next.
  private mutating func readStemPool(_ rest: inout Stretch) throws(ResectError) -> Bool {
    let border = rest.takeBorder()
    guard case .maxPool(let pooling)? = rest.next?.operation else {
      guard border == nil else { throw rest.refusal("expected a max-pooling after the stem's padding") }
      return false
    }
    let window = pooling.window
    guard window.kernel == 3, window.stride == 2, window.dilation == 1, !window.roundsUp else {
      throw rest.refusal("the pooling is not 3×3 of stride 2, as a ResNet's")
    }
    switch (border, window.padding) {
    case (nil, .same): stemPooling = .same
    case (nil, .none): stemPooling = .unpadded
    case (nil, .each(1)): stemPooling = .symmetric
    // Zeros never win against what a ReLU lets through.
    case (.zeros(1)?, .none): stemPooling = isStemRectified ? .symmetric : .symmetricZeros
    default: throw rest.refusal("the padding before the pooling is not 1 on every side, as a ResNet's")
    }
    rest.advance()
    return true
  }

  // MARK: Blocks

  mutating func readBlocks(_ trunk: GraphTrunk) throws(ResectError) -> [Block] {
    let isPreactivated = trunk.isPreactivated
    var blocks: [Block] = []
    var (stage, index) = (0, 0)
    for (position, block) in trunk.blocks.enumerated() {
      let name = graph.name(of: block.addition)
      let residual = try readResidual(block, isFirst: position == 0, isPreactivated: isPreactivated)
      let shortcut = try readShortcut(block.shortcut, isPreactivated: isPreactivated)
      guard residual.count == 2 || residual.count == 3 else {
        throw ResectError(
          .unsupported, "the block has \(residual.count) convolutions, a ResNet's has 2 or 3", tensor: name)
      }
      // A v2's projections take what the first batch-norm and ReLU give, or all the block's input; what is no projection takes that.
      let takesInput = trunk.projectsInputs || shortcut.projection == nil
      guard !isPreactivated || block.lead.isEmpty == takesInput else {
        let what = block.lead.isEmpty ? "the block's input" : "what its first ReLU gives"
        throw ResectError(
          .unsupported,
          "the shortcut takes \(what), unlike \(takesInput ? "others of this network" : "a pre-activated ResNet's")",
          tensor: name)
      }
      let stride = residual.reduce(1) { $0 * $1.stride }
      guard stride == shortcut.stride else {
        throw ResectError(
          .malformed, "the block strides by \(stride), its shortcut by \(shortcut.stride)", tensor: name)
      }
      // A stage begins where the shape changes: v2's last block of a stage strides and changes no channels.
      if position == 0 || shortcut.changesShape { (stage, index) = (stage + 1, 0) } else { index += 1 }
      for (number, unit) in residual.enumerated() {
        places[unit.convolution] = .convolution(stage: stage, block: index, index: number + 1)
        if let norm = unit.norm { places[norm] = .norm(stage: stage, block: index, index: number + 1) }
      }
      if let projection = shortcut.projection {
        places[projection.convolution] = .shortcutConvolution(stage: stage, block: index)
        if let norm = projection.norm { places[norm] = .shortcutNorm(stage: stage, block: index) }
      }
      blocks.append(
        Block(
          name: name, stage: stage, index: index, count: residual.count, stride: stride,
          strider: residual.firstIndex { $0.stride > 1 }, isPooled: shortcut.isPooled))
    }
    return blocks
  }

  private mutating func readResidual(
    _ block: GraphTrunk.Block, isFirst: Bool, isPreactivated: Bool
  ) throws(ResectError) -> [Unit] {
    var units: [Unit] = []
    if isPreactivated {
      var rest = Stretch(graph: graph, nodes: block.lead + block.residual)
      while !rest.isEmpty {
        let norm = rest.takeNorm(&epsilons)
        // A second ReLU behind the stem's would change nothing.
        let isActivated = isFirst && units.isEmpty && norm == nil && isStemRectified
        guard rest.takeReLU() != nil || isActivated else {
          throw rest.refusal("expected a ReLU before a convolution of the block")
        }
        guard let unit = try readUnit(&rest, place: norm, hasNorm: false) else {
          throw rest.refusal("expected a convolution")
        }
        units.append(unit)
      }
      return units
    }
    if !isFirst {
      var lead = Stretch(graph: graph, nodes: block.lead)
      guard lead.takeReLU() != nil else { throw lead.refusal("expected a ReLU after the addition") }
      try lead.end("what follows the addition")
    }
    var rest = Stretch(graph: graph, nodes: block.residual)
    while let unit = try readUnit(&rest, place: nil) {
      units.append(unit)
      if rest.isEmpty { return units }
      guard rest.takeReLU() != nil else {
        throw rest.refusal("expected a ReLU after the convolution \(unit.convolution)")
      }
    }
    throw rest.refusal("expected a convolution")
  }

  private mutating func readShortcut(
    _ nodes: [Graph.ValueID], isPreactivated: Bool
  ) throws(ResectError) -> (projection: Unit?, stride: Int, isPooled: Bool, changesShape: Bool) {
    var rest = Stretch(graph: graph, nodes: nodes)
    guard !rest.isEmpty else { return (nil, 1, false, false) }
    if isPreactivated, case .maxPool(let pooling)? = rest.next?.operation, pooling.window.kernel == 1,
      pooling.window.stride == 2, pooling.window.padding == .none || pooling.window.padding == .same
    {
      rest.advance()
      try rest.end("the shortcut")
      return (nil, 2, false, false)
    }
    var isPooled = false
    if case .averagePool(let pooling)? = rest.next?.operation {
      // Where the image has an odd edge, VALID leaves it out.
      guard pooling.window.kernel == 2, pooling.window.stride == 2, pooling.window.padding == .same else {
        throw rest.refusal("the pooling of the shortcut is not 2×2 of stride 2 with padding \"same\"")
      }
      rest.advance()
      isPooled = true
    }
    guard let unit = try readUnit(&rest, place: nil) else {
      throw rest.refusal("a shortcut is a convolution, or nothing")
    }
    try rest.end("the shortcut")
    guard !isPooled || unit.stride == 1 else {
      throw ResectError(
        .unsupported, "the shortcut is pooled and strides at its convolution", tensor: unit.convolution)
    }
    return (unit, isPooled ? 2 : unit.stride, isPooled, true)
  }

  // MARK: Head

  /// What follows the last block: activation, global pooling and linear layers.
  mutating func readTail(_ nodes: [Graph.ValueID], isPreactivated: Bool) throws(ResectError) {
    var rest = Stretch(graph: graph, nodes: nodes)
    if isPreactivated {
      if let norm = rest.takeNorm(&epsilons) {
        places[norm] = .finalNorm
        guard rest.takeReLU() != nil else { throw rest.refusal("expected a ReLU after the last batch-norm") }
      }
    } else {
      guard rest.takeReLU() != nil else { throw rest.refusal("expected a ReLU after the last addition") }
    }
    guard !rest.isEmpty else { return }
    try readGlobalPool(&rest)
    var layers: [String] = []
    while let node = rest.next {
      switch node.operation {
      case .linear: layers.append(node.name)
      // Of one pixel, a convolution of one pixel is a linear layer, and each order of numbers the same.
      case .convolution(let convolution) where convolution.kernel == 1 && convolution.groups == 1:
        layers.append(node.name)
      case .flatten, .toImage: break
      case .activation(.relu) where !layers.isEmpty: break
      default: throw rest.refusal("no part of a ResNet's head")
      }
      rest.advance()
    }
    for (index, layer) in layers.enumerated() {
      places[layer] = .classifier(layer: layers.count == 1 ? nil : index)
    }
  }

  private mutating func readGlobalPool(_ rest: inout Stretch) throws(ResectError) {
    switch rest.next?.operation {
    case .globalAveragePool?: break
    case .averagePool(let pooling)?:
      let window = pooling.window
      let size = rest.next.flatMap { node in self.size(of: node.inputs[0]) }
      let isWhole =
        window.kernel == size && (window.padding == .none || window.padding == .same && window.stride == size)
      guard isWhole else {
        let found = size?.description ?? "of an unknown size"
        throw rest.refusal(
          "the pooling takes \(window.kernel.description) pixels and the image is \(found): a ResNet's takes all")
      }
    default: throw rest.refusal("expected global average pooling")
    }
    rest.advance()
  }

  /// The size of an image on its way, where the input's is fixed.
  private func size(of value: Graph.ValueID) -> Graph.Extent? {
    guard case .image(_, let height?, let width?) = graph.input.kind,
      case .image(_, let height, let width)? = try? graph.shapes(height: height, width: width)[value]
    else { return nil }
    return Graph.Extent(height, width)
  }

  // MARK: Units

  /// A convolution and its batch-norm.
  struct Unit {
    let convolution: String
    let norm: String?
    let kernel: Int
    let stride: Int
  }

  /// Reads padding, a convolution and, where `hasNorm` says that it comes behind, a batch-norm. Nil where no convolution
  /// comes next.
  private mutating func readUnit(
    _ rest: inout Stretch, place norm: String?, hasNorm: Bool = true
  ) throws(ResectError) -> Unit? {
    let start = rest
    let border = rest.takeBorder()
    guard case .convolution(let convolution)? = rest.next?.operation, let name = rest.next?.name else {
      rest = start
      return nil
    }
    let window = convolution.window
    let (kernel, stride) = (window.kernel.height, window.stride.height)
    guard window.kernel.isSquare, window.stride.isSquare, window.dilation == 1, kernel % 2 == 1,
      stride == 1 || stride == 2
    else {
      throw rest.refusal(
        "the convolution (kernel \(window.kernel.description), strides \(window.stride.description), dilation \(window.dilation.description)) is none of a ResNet"
      )
    }
    try notePadding(of: window, border: border, name, in: rest)
    rest.advance()
    return Unit(
      convolution: name, norm: hasNorm ? rest.takeNorm(&epsilons) : norm, kernel: kernel, stride: stride)
  }

  private mutating func notePadding(
    of window: Graph.Window, border: Graph.Border?, _ name: String, in rest: Stretch
  ) throws(ResectError) {
    let half = window.kernel.height / 2
    // An odd kernel that does not stride is padded by half of it either way.
    switch (border, window.padding) {
    case (nil, .same):
      if half > 0, window.stride != 1 { paddings[name] = .same }
    case (.zeros(half)?, .none), (nil, .each(half)):
      if half > 0, window.stride != 1 { paddings[name] = .symmetric }
    default:
      let around = border?.description ?? (window.padding == .none ? "nothing" : "")
      let found = [around, window.padding.description].filter { !$0.isEmpty }.joined(separator: " and ")
      throw rest.refusal(
        "the convolution of \(window.kernel.height)×\(window.kernel.height) is padded by \(found): a ResNet's is padded by \(half) on every side, or as \"same\""
      )
    }
  }

  /// Facts of layers by their places.
  func byPlace<Fact>(_ facts: [String: Fact]) -> [ModulePath: Fact] {
    var byPlace: [ModulePath: Fact] = [:]
    for (name, fact) in facts {
      if let place = places[name] { byPlace[place] = fact }
    }
    return byPlace
  }
}

/// Nodes in the order of the forward pass, taken one after the other.
struct Stretch {
  let graph: Graph
  private var nodes: ArraySlice<Graph.ValueID>

  init(graph: Graph, nodes: [Graph.ValueID]) {
    self.graph = graph
    self.nodes = nodes[...]
  }

  var isEmpty: Bool { nodes.isEmpty }
  var next: Graph.Node? { nodes.first.flatMap { graph.node(making: $0) } }

  mutating func advance() { nodes = nodes.dropFirst() }

  mutating func takeReLU() -> String? {
    guard let next, next.operation.isReLU else { return nil }
    advance()
    return next.name
  }

  mutating func takeBorder() -> Graph.Border? {
    guard case .pad(let border)? = next?.operation else { return nil }
    advance()
    return border
  }

  /// A layer that normalises the input.
  mutating func takeInputStep() -> Graph.Node? {
    switch next?.operation {
    case .scaleShift?, .normalize?:
      let node = next
      advance()
      return node
    default: return nil
    }
  }

  mutating func takeNorm(_ epsilons: inout [String: Double]) -> String? {
    guard let next, case .batchNorm(let norm) = next.operation else { return nil }
    epsilons[next.name] = norm.epsilon
    advance()
    return next.name
  }

  func end(_ what: String) throws(ResectError) {
    guard isEmpty else { throw refusal("no part of \(what) of a ResNet") }
  }

  /// An error about the next node.
  func refusal(_ what: String) -> ResectError {
    guard let next else { return ResectError(.unsupported, "the model's layers end early: \(what)") }
    return ResectError(.unsupported, "\(what); found \(next.operation.word)", tensor: next.name)
  }
}

extension Graph.Border {
  /// Zeros, so many on every side.
  fileprivate static func zeros(_ count: Int) -> Graph.Border {
    Graph.Border(top: count, bottom: count, left: count, right: count)
  }

  /// For errors.
  fileprivate var description: String {
    var text = "\(top) above, \(bottom) below, \(left) left, \(right) right"
    if channelsBefore != 0 || channelsAfter != 0 { text += ", \(channelsBefore) and \(channelsAfter) channels" }
    return value == 0 ? text : "\(text) of \(value)"
  }
}

extension Graph.Padding {
  /// For errors; empty where there is none.
  fileprivate var description: String {
    switch self {
    case .none: ""
    case .sides(let top, let bottom, let left, let right):
      "\(top) above, \(bottom) below, \(left) left, \(right) right"
    case .same: "as \"same\""
    }
  }
}

extension Graph.Extent {
  /// For errors.
  fileprivate var description: String { "\(height)×\(width)" }
}
