package import ResectBytes
package import ResectGraphs
package import ResectTensors

/// A graph that is recognised as a ResNet: the places of its nodes in the tree, and what it says that weights do not.
///
/// The graph is walked from its result to its input, from addition to addition: what lies between two of them is a block, its
/// longer way the residual's, its shorter one the shortcut. Whatever a ResNet does not do there is refused by its name, since the
/// weights would fit and the results would be wrong.
package struct GraphMatch: Sendable {
  /// A tensor of the graph and its place.
  package struct Parameter: Sendable {
    /// Its node's name and its role, as `conv1.weight`.
    package let name: String
    package let path: ParameterPath
    package let tensor: LazyTensor
  }

  /// The place of each node that has weights, by its name.
  package let places: [String: ModulePath]
  /// The tensors in their places. A batch-norm of the graph may lack a scale or a shift, one of the tree has ones and zeros there.
  package let parameters: [Parameter]
  let stem: Architecture.Stem
  let stemPooling: Architecture.StemPooling
  let isPreactivated: Bool
  private(set) var shortcut = Architecture.Shortcut.projection
  let stridedBlocks: Architecture.StridedBlocks
  let stridePlacement: Architecture.StridePlacement
  private let input: GraphInput
  /// How convolutions pad of which that matters.
  let paddings: [ModulePath: Architecture.Padding]
  /// What the batch-norms add to the variance.
  let epsilons: [ModulePath: Double]

  /// Throws why the graph is no ResNet, with the node's name.
  package init(_ graph: Graph) throws(ResectError) {
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
    (stridedBlocks, stridePlacement) = try GraphMatch.strides(of: blocks)
    parameters = try GraphMatch.parameters(of: graph, places)
    if trunk.projectsInputs { shortcut = .inputProjection }
    if blocks.contains(where: \.isPooled) { shortcut = .averagePooledProjection }
  }

  private static func parameters(
    of graph: Graph, _ places: [String: ModulePath]
  ) throws(ResectError) -> [Parameter] {
    var parameters: [Parameter] = []
    for node in graph.nodes {
      guard let place = places[node.name] else { continue }
      var operation = node.operation
      if case .batchNorm(var norm) = operation {
        let (count, dtype) = (norm.mean.shape.elementCount, norm.mean.dtype)
        norm.weight = norm.weight ?? LazyTensor(values: [Double](repeating: 1, count: count), dtype: dtype)
        norm.bias = norm.bias ?? LazyTensor(values: [Double](repeating: 0, count: count), dtype: dtype)
        operation = .batchNorm(norm)
      }
      for (role, tensor, _) in operation.tensors {
        guard let kind = ParameterPath.Kind(rawValue: role) else { continue }
        var tensor = tensor
        if case .classifier = place, kind == .weight {
          tensor = try tensor.reshaped(Array(tensor.shape.axes.prefix(2)))
        }
        parameters.append(
          Parameter(name: "\(node.name).\(role)", path: ParameterPath(place, kind), tensor: tensor))
      }
    }
    return parameters
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
  package func apply(to architecture: inout Architecture) throws(ResectError) {
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
      parameters.lazy.map(\.path).filter { $0.kind == .bias && $0.module.isConvolution }.map(\.module))
    let convolutions = present.filter(\.isConvolution)
    if architecture.biasExceptions == convolutions {
      (architecture.hasConvolutionBias, architecture.biasExceptions) = (true, [])
    }
  }
}
