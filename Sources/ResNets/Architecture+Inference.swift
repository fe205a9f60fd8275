public import ResectBytes

extension Architecture {
  /// The architecture that tensors of these places and shapes form, for any depth and width.
  ///
  /// What weights cannot tell is left open: the stride placement is *unknown* and epsilon absent. A tensor that is missing
  /// does not stop the inference as long as its neighbours show what it must be: the loader reports it with the others.
  /// Throws `ResectError.Code.notAResNet` where the tensors form none, and says why.
  public init(inferredFrom shapes: [ParameterPath: [Int]]) throws(ResectError) {
    let evidence = Evidence(shapes: shapes)
    let stem = try evidence.stem()
    let depths = evidence.depths()
    guard !depths.isEmpty else {
      throw ResectError(.notAResNet, "there are no residual stages")
    }
    let block = try evidence.block(depths)
    let channels = evidence.channels(depths, block: block)
    let declared = evidence.projections(depths)
    let shortcut: Shortcut =
      declared.joined().contains(true)
      ? .projection
      : regularNeedsShortcut(channels, stemWidth: stem.width) ? .zeroPadded : .projection
    let regular = Architecture.regularProjections(
      channels: channels, stemWidth: stem.width, shortcut: shortcut)
    let layers = evidence.headLayers()
    self.init(
      block: block, channels: channels,
      projections: zip(declared, regular).map { zip($0, $1).map { $0 || $1 } },
      groups: try evidence.groups(channels, block: block), stem: stem.kind, stemWidth: stem.width,
      inputChannels: stem.inputs, shortcut: shortcut,
      stridePlacement: Sourced(.unknown, from: .none), epsilon: Sourced(nil, from: .none),
      normalization: evidence.normalization(), hasConvolutionBias: false,
      head: evidence.head(layers),
      headWidths: layers.map { evidence.headWidth($0) },
      hasHeadBias: layers.contains { evidence.axes(.classifier(layer: $0), .bias) != nil })
    innerStemWidths = stem.innerWidths
    projectionKernels = evidence.projectionKernels(depths)
    attention = evidence.attention(depths)
    isPreactivated = evidence.isPreactivated(self)
    hasFinalNorm = shapes.keys.contains { $0.module == .finalNorm }
    // From here on, the parameters that a network of this form would have are compared with those that are there.
    absentNorms = evidence.absentNorms(of: self)
    (hasConvolutionBias, biasExceptions) = evidence.convolutionBiases(of: self)
  }
}

/// Whether, by the rule, some block needs a shortcut that is not the identity.
private func regularNeedsShortcut(_ channels: [[[Int]]], stemWidth: Int) -> Bool {
  Architecture.regularProjections(channels: channels, stemWidth: stemWidth, shortcut: .projection)
    .joined().contains(true)
}

/// The places and shapes that a file shows, and what can be read off them.
private struct Evidence {
  let shapes: [ParameterPath: [Int]]

  func axes(_ module: ModulePath, _ kind: ParameterPath.Kind) -> [Int]? {
    shapes[ParameterPath(module, kind)]
  }

  /// The shape of a convolution's weight, if it is there and has four axes that are not empty.
  func kernel(_ module: ModulePath) -> [Int]? {
    axes(module, .weight).flatMap { axes in
      axes.count == 4 && axes.allSatisfy { $0 > 0 } ? axes : nil
    }
  }

  /// The channels that a module puts out, if its weight shows a number that can be right: architectures multiply them.
  func outputs(_ module: ModulePath) -> Int? {
    let count = module.isNorm ? axes(module, .weight)?.first : kernel(module)?[0]
    return count.flatMap { 1...1 << 20 ~= $0 ? $0 : nil }
  }

  /// What is read off the stem: its kind and widths, and the channels of the image.
  func stem() throws(ResectError) -> (
    kind: Architecture.Stem, width: Int, innerWidths: [Int], inputs: Int
  ) {
    guard let last = kernel(.stemConvolution) else {
      throw ResectError(.notAResNet, "there is no stem convolution with four axes")
    }
    let inner = (1...2).map { kernel(.innerStemConvolution(index: $0)) }
    if let first = inner[0] ?? inner[1] {
      for kernel in inner + [last] {
        guard let kernel, kernel[2...] != [3, 3] else { continue }
        throw ResectError(
          .notAResNet,
          "a convolution of the deep stem is \(kernel[2])×\(kernel[3]), a ResNet's are 3×3")
      }
      let isPooled = kernel(.stemPoolConvolution) == nil
      return (
        isPooled ? .deepWithMaxPool : .deepWithConvolution, last[0],
        [inner[0]?[0] ?? inner[1]?[1] ?? 1, inner[1]?[0] ?? last[1]], inner[0] == nil ? 3 : first[1]
      )
    }
    guard let kind = [Architecture.Stem.sevenWithMaxPool, .three].first(where: { $0.kernel == last[2] }),
      last[2] == last[3]
    else {
      throw ResectError(
        .notAResNet, "the stem convolution is \(last[2])×\(last[3]), a ResNet's is 7×7 or 3×3")
    }
    return (kind, last[0], [], last[1])
  }

  /// Blocks of each stage: as many as are numbered without a gap.
  func depths() -> [Int] {
    struct Block: Hashable {
      let stage: Int
      let block: Int
    }
    var blocks: Set<Block> = []
    for path in shapes.keys {
      if case .convolution(let stage, let block, _) = path.module { blocks.insert(Block(stage: stage, block: block)) }
    }
    var depths: [Int] = []
    while blocks.contains(Block(stage: depths.count + 1, block: 0)) {
      let stage = depths.count + 1
      var depth = 0
      while blocks.contains(Block(stage: stage, block: depth)) { depth += 1 }
      depths.append(depth)
    }
    return depths
  }

  /// The blocks' kind. A stage without any third convolution beside one that has them is no damage but another network.
  func block(_ depths: [Int]) throws(ResectError) -> Architecture.Block {
    let hasThird = depths.enumerated().map { stage, depth in
      (0..<depth).contains { block in
        kernel(.convolution(stage: stage + 1, block: block, index: 3)) != nil
          || axes(.norm(stage: stage + 1, block: block, index: 3), .weight) != nil
      }
    }
    guard let bottleneck = hasThird.firstIndex(of: true) else { return .basic }
    if let basic = hasThird.firstIndex(of: false) {
      throw ResectError(
        .notAResNet,
        "stage \(bottleneck + 1) has bottlenecks and stage \(basic + 1) basic blocks: a ResNet has one kind")
    }
    return .bottleneck
  }

  func channels(_ depths: [Int], block: Architecture.Block) -> [[[Int]]] {
    depths.enumerated().map { stage, depth in
      (0..<depth).map { position in
        (1...block.kernels.count).map { index in
          // Where the convolution is missing, its batch-norm or a neighbouring block shows its channels.
          outputs(.convolution(stage: stage + 1, block: position, index: index))
            ?? outputs(.norm(stage: stage + 1, block: position, index: index))
            ?? (0..<depth).lazy.compactMap {
              outputs(.convolution(stage: stage + 1, block: $0, index: index))
            }.first ?? 1
        }
      }
    }
  }

  func projections(_ depths: [Int]) -> [[Bool]] {
    depths.enumerated().map { stage, depth in
      (0..<depth).map { kernel(.shortcutConvolution(stage: stage + 1, block: $0)) != nil }
    }
  }

  func groups(_ channels: [[[Int]]], block: Architecture.Block) throws(ResectError) -> Int {
    guard block == .bottleneck else { return 1 }
    var found: (groups: Int, path: ModulePath)?
    for (stage, blocks) in channels.enumerated() {
      for (index, outputs) in blocks.enumerated() {
        let path = ModulePath.convolution(stage: stage + 1, block: index, index: 2)
        guard let kernel = kernel(path), outputs[0].isMultiple(of: kernel[1]) else { continue }
        let groups = outputs[0] / kernel[1]
        if let found, found.groups != groups {
          throw ResectError(
            .notAResNet,
            "\(found.path) has \(found.groups) groups and \(path) has \(groups): a ResNet has the same everywhere"
          )
        }
        found = (groups, path)
      }
    }
    return found?.groups ?? 1
  }

  func normalization() -> Architecture.Normalization {
    var (hasNorms, isAffine, hasStatistics) = (false, false, false)
    for path in shapes.keys where path.module.isNorm {
      hasNorms = true
      switch path.kind {
      case .weight, .bias: isAffine = true
      case .runningMean, .runningVariance: hasStatistics = true
      case .batchesTracked: continue
      }
    }
    return hasNorms ? .batchNorm(affine: isAffine, statistics: hasStatistics) : .none
  }

  /// The kernels of the projections; none where all are 1×1. What is neither 1×1 nor 3×3 is reported as a wrong shape.
  func projectionKernels(_ depths: [Int]) -> [[Int]] {
    let kernels = depths.enumerated().map { stage, depth in
      (0..<depth).map { block in
        kernel(.shortcutConvolution(stage: stage + 1, block: block))?[2...] == [3, 3] ? 3 : 1
      }
    }
    return kernels.joined().contains(3) ? kernels : []
  }

  func attention(_ depths: [Int]) -> Architecture.Attention? {
    var kind: Architecture.Attention.Kind?
    var hasBias = false
    for path in shapes.keys {
      switch path.module {
      case .squeezeExcitation:
        if path.kind == .weight {
          kind = shapes[path]?.count == 2 ? .linearSqueezeExcitation : .squeezeExcitation
        }
        hasBias = hasBias || path.kind == .bias
      case .channelAttention:
        if path.kind == .weight { kind = .efficientChannel }
        hasBias = hasBias || path.kind == .bias
      default: continue
      }
    }
    guard let kind else { return nil }
    let sizes = depths.enumerated().map { stage, depth in
      (0..<depth).map { block in
        let axes = axes(kind.place(stage: stage + 1, block: block, index: 1), .weight)
        let size = kind == .efficientChannel ? axes?.last : axes?.first
        return size.flatMap { 1...1 << 20 ~= $0 ? $0 : nil } ?? 1
      }
    }
    return Architecture.Attention(kind, sizes: sizes, hasBias: hasBias)
  }

  /// Whether the batch-norms have the channels that go into the convolutions rather than those that come out.
  func isPreactivated(_ architecture: Architecture) -> Bool {
    var input = architecture.stemWidth
    for (stage, blocks) in architecture.channels.enumerated() {
      for (block, outputs) in blocks.enumerated() {
        for (index, output) in outputs.enumerated() {
          let norm = ModulePath.norm(stage: stage + 1, block: block, index: index + 1)
          let channels = ParameterPath.Kind.allCases.lazy.compactMap { axes(norm, $0)?.first }.first
          if let channels, input != output { return channels == input }
          input = output
        }
      }
    }
    return false
  }

  /// The batch-norms that are not there, where that is a form of network and no damage: after the stem and within the blocks
  /// of a pre-activated network, and after projections.
  func absentNorms(of architecture: Architecture) -> Set<ModulePath> {
    guard architecture.normalization != .none else { return [] }
    func isPresent(_ norm: ModulePath) -> Bool { ParameterPath.Kind.allCases.contains { axes(norm, $0) != nil } }
    var byRole: [Role: [ModulePath]] = [:]
    for paths in architecture.units { byRole[Role(paths.norm), default: []].append(paths.norm) }
    var absent: Set<ModulePath> = []
    for (role, norms) in byRole where !norms.contains(where: isPresent) {
      switch role {
      case .shortcut: absent.formUnion(norms)
      case .stem, .block: if architecture.isPreactivated { absent.formUnion(norms) }
      case .other: continue
      }
    }
    return absent
  }

  /// Which convolutions have a bias: all or none of those with the same role.
  func convolutionBiases(
    of architecture: Architecture
  ) -> (hasBias: Bool, exceptions: Set<ModulePath>) {
    let biased = Set(
      shapes.keys.lazy.filter { $0.kind == .bias && $0.module.isConvolution }.map { Role($0.module) })
    guard !biased.isEmpty else { return (false, []) }
    let convolutions = architecture.units.map(\.convolution)
    let exceptions = convolutions.filter { biased.contains(Role($0)) }
    return exceptions.count == convolutions.count ? (true, []) : (false, Set(exceptions))
  }

  func headLayers() -> [Int?] {
    let layers = Set(
      shapes.keys.compactMap { path -> Int?? in
        guard case .classifier(let layer) = path.module else { return nil }
        return .some(layer)
      })
    // One without a number is no part of the sequence that the numbered ones are.
    let sequence = layers.count > 1 ? layers.filter { $0 != nil } : layers
    return sequence.sorted { ($0 ?? 0) < ($1 ?? 0) }
  }

  /// The outputs of a linear layer; where its weight is missing, its bias shows them.
  func headWidth(_ layer: Int?) -> Int {
    let module = ModulePath.classifier(layer: layer)
    return axes(module, .weight)?.first ?? axes(module, .bias)?.first ?? 1
  }

  func head(_ layers: [Int?]) -> Architecture.Head {
    switch layers {
    case []: .none
    case [nil]: .linear
    default: .layers(layers.compactMap(\.self))
    }
  }
}

/// What a layer is for: layers of one role are alike in a network.
private enum Role: Hashable {
  case stem
  case block(index: Int)
  case shortcut
  case other

  init(_ place: ModulePath) {
    self =
      switch place {
      case .innerStemConvolution, .stemConvolution, .stemNorm: .stem
      case .convolution(_, _, let index), .norm(_, _, let index): .block(index: index)
      case .shortcutConvolution, .shortcutNorm: .shortcut
      case .innerStemNorm, .stemPoolConvolution, .stemPoolNorm, .squeezeExcitation, .channelAttention, .finalNorm,
        .classifier:
        .other
      }
  }
}
