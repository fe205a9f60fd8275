internal import ResectGraphs
internal import ResectBytes
internal import ResectResNets

/// The places of a graph's layers in the tree, and what the graph says that weights do not.
///
/// The graph is walked from its result to its input, from addition to addition: what lies between two of them is a block, its
/// longer way the residual's, its shorter one the shortcut. Whatever a ResNet does not do there is refused by its name, since the
/// weights would fit and the results would be wrong.
struct GraphMatch {
  /// The place of each layer that has weights.
  private(set) var places: [String: ModulePath] = [:]
  private(set) var stem = Architecture.Stem.sevenWithMaxPool
  private(set) var stemPooling = Architecture.StemPooling.symmetric
  private(set) var isPreactivated = false
  private(set) var shortcut = Architecture.Shortcut.projection
  private(set) var stridedBlocks = Architecture.StridedBlocks.first
  private(set) var stridePlacement = Architecture.StridePlacement.v15
  private let input: GraphInput
  /// How convolutions pad of which that matters.
  let paddings: [ModulePath: Architecture.Padding]
  /// What the batch-norms add to the variance.
  let epsilons: [ModulePath: Double]

  init(_ graph: LayerGraph) throws(ResectError) {
    let trunk = try GraphTrunk(graph)
    var reader = GraphReader(graph: graph)
    isPreactivated = trunk.isPreactivated
    try reader.readStem(trunk.stem, isPreactivated: isPreactivated)
    let blocks = try reader.readBlocks(trunk)
    try reader.readTail(trunk.tail, isPreactivated: isPreactivated)
    places = reader.places
    (stem, stemPooling) = (reader.stem, reader.stemPooling)
    input = reader.input
    paddings = reader.byPlace(reader.paddings)
    epsilons = reader.byPlace(reader.epsilons)
    if let odd = reader.epsilons.filter({ !$0.value.isFinite || $0.value < 0 }).min(by: { $0.key < $1.key }) {
      throw ResectError(.badValue, "the batch-norm adds \(odd.value) to the variance", tensor: odd.key)
    }
    (stridedBlocks, stridePlacement) = try GraphMatch.strides(of: blocks)
    if trunk.projectsInputs { shortcut = .inputProjection }
    if blocks.contains(where: \.isPooled) { shortcut = .averagePooledProjection }
  }

  /// Which blocks stride, and where. Refuses what no ResNet does.
  private static func strides(
    of blocks: [GraphReader.Block]
  ) throws(ResectError) -> (Architecture.StridedBlocks, Architecture.StridePlacement) {
    let stages = (blocks.last?.stage ?? 0)
    func expected(_ block: GraphReader.Block, _ strided: Architecture.StridedBlocks, isLast: Bool) -> Int {
      switch strided {
      case .first: block.stage > 1 && block.index == 0 ? 2 : 1
      case .last: block.stage < stages && isLast ? 2 : 1
      }
    }
    let lasts = blocks.indices.map { $0 + 1 == blocks.count || blocks[$0 + 1].stage != blocks[$0].stage }
    guard
      let strided = Architecture.StridedBlocks.allCases.first(where: { strided in
        zip(blocks, lasts).allSatisfy { $0.stride == expected($0, strided, isLast: $1) }
      })
    else {
      let odd = zip(blocks, lasts).first { $0.0.stride != expected($0.0, .first, isLast: $0.1) }
      throw ResectError(
        .unsupported,
        "the block strides by \(odd?.0.stride ?? 0), a ResNet's by \(odd.map { expected($0.0, .first, isLast: $0.1) } ?? 0) here",
        tensor: odd?.0.name)
    }
    var placement: Architecture.StridePlacement?
    for block in blocks where block.stride == 2 {
      guard let position = block.strider else { continue }
      let here: Architecture.StridePlacement = position == 0 && block.count == 3 ? .v1 : .v15
      guard position == 0 || (position == 1 && block.count == 3), placement ?? here == here else {
        throw ResectError(.unsupported, "the stages stride at different convolutions", tensor: block.name)
      }
      placement = here
    }
    return (strided, placement ?? .v15)
  }

  /// Takes over what the graph says of a network that has `tensors`. Throws where the weights form another network than the graph.
  func apply(to architecture: inout Architecture, tensors: [ParameterPath]) throws(ResectError) {
    guard architecture.stem == stem else {
      throw ResectError(
        .mismatch,
        "the model's configuration contradicts the weights: the stem is \(stem.rawValue) by its layers, \(architecture.stem.rawValue) by its weights"
      )
    }
    architecture.stemPooling = stemPooling
    architecture.isPreactivated = isPreactivated
    if architecture.shortcut.isProjection { architecture.shortcut = shortcut }
    architecture.stridedBlocks = stridedBlocks
    architecture.stridePlacement = .init(stridePlacement, from: .graph)
    let same = paddings.filter { $0.value == .same }.keys
    let isSame = same.count * 2 > paddings.count
    architecture.padding = isSame ? .same : .symmetric
    architecture.paddingExceptions = Set(isSame ? Set(paddings.keys).subtracting(same) : Set(same))
    architecture.setEpsilons(epsilons, from: .graph)
    // Where the graph has no layers for it, a file of Resect's may still say it.
    architecture.inputNormalization =
      try input.normalization(channels: architecture.inputChannels) ?? architecture.inputNormalization
    let present = Set(places.values)
    architecture.hasFinalNorm = present.contains(.finalNorm)
    architecture.absentNorms = []
    let norms = Set(architecture.parameters.lazy.map(\.path.module).filter(\.isNorm))
    architecture.absentNorms = norms.subtracting(present)
    architecture.hasConvolutionBias = false
    architecture.biasExceptions = Set(
      tensors.lazy.filter { $0.kind == .bias && $0.module.isConvolution }.map(\.module))
    let convolutions = present.filter(\.isConvolution)
    if architecture.biasExceptions == convolutions {
      (architecture.hasConvolutionBias, architecture.biasExceptions) = (true, [])
    }
  }

  /// The place of each tensor, by its name: its layer's and what torch calls it. Those that normalise the input have none: the
  /// architecture says their numbers.
  func mapping(of tensors: [NamedTensor]) -> Mapping {
    var mapped: [String: ParameterPath] = [:]
    var leftOut: Set<String> = []
    let inputLayers = Set(input.layers)
    for tensor in tensors {
      guard let dot = tensor.name.lastIndex(of: ".") else { continue }
      let layer = String(tensor.name[..<dot])
      if inputLayers.contains(layer) { leftOut.insert(tensor.name) }
      guard let place = places[layer],
        let kind = ParameterPath.Kind(rawValue: String(tensor.name[tensor.name.index(after: dot)...]))
      else { continue }
      mapped[tensor.name] = ParameterPath(place, kind)
    }
    return Mapping(places: mapped, leftOut: leftOut)
  }
}
