public import Bytes

extension Architecture {
  /// The architecture that tensors of these places and shapes form, for any depth and width.
  ///
  /// What weights cannot tell is left open: the stride placement is *unknown* and epsilon absent. A tensor that is missing
  /// does not stop the inference as long as its neighbours show what it must be: the loader reports it with the others.
  /// Throws `ResectError.Code.notAResNet` where the tensors form none, and says why.
  public init(inferredFrom shapes: [ParameterPath: [Int]]) throws(ResectError) {
    let evidence = Evidence(shapes: shapes)
    guard let stemWeight = evidence.kernel(.stemConvolution) else {
      throw ResectError(.notAResNet, "there is no stem convolution with four axes")
    }
    guard let stem = Stem.allCases.first(where: { $0.kernel == stemWeight[2] }),
      stemWeight[2] == stemWeight[3]
    else {
      throw ResectError(
        .notAResNet,
        "the stem convolution is \(stemWeight[2])×\(stemWeight[3]), a ResNet's is 7×7 or 3×3")
    }
    let depths = evidence.depths()
    guard !depths.isEmpty else {
      throw ResectError(.notAResNet, "there are no residual stages")
    }
    let block = evidence.block(depths)
    let channels = evidence.channels(depths, block: block)
    let declared = evidence.projections(depths)
    let shortcut: Shortcut =
      declared.joined().contains(true)
      ? .projection
      : regularNeedsShortcut(channels, stemWidth: stemWeight[0]) ? .zeroPadded : .projection
    let regular = Architecture.regularProjections(
      channels: channels, stemWidth: stemWeight[0], shortcut: shortcut)
    let layers = evidence.headLayers()
    self.init(
      block: block, channels: channels,
      projections: zip(declared, regular).map { zip($0, $1).map { $0 || $1 } },
      groups: try evidence.groups(channels, block: block), stem: stem, stemWidth: stemWeight[0],
      inputChannels: stemWeight[1], shortcut: shortcut,
      stridePlacement: Sourced(.unknown, from: .none), epsilon: Sourced(nil, from: .none),
      normalization: evidence.normalization(), hasConvolutionBias: evidence.hasConvolutionBias(),
      head: evidence.head(layers),
      headWidths: layers.map { evidence.headWidth($0) },
      hasHeadBias: layers.contains { evidence.axes(.classifier(layer: $0), .bias) != nil })
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

  /// Blocks of each stage: as many as are numbered without a gap.
  func depths() -> [Int] {
    var blocks: Set<[Int]> = []
    for path in shapes.keys {
      if case .convolution(let stage, let block, _) = path.module { blocks.insert([stage, block]) }
    }
    var depths: [Int] = []
    while blocks.contains([depths.count + 1, 0]) {
      let stage = depths.count + 1
      var depth = 0
      while blocks.contains([stage, depth]) { depth += 1 }
      depths.append(depth)
    }
    return depths
  }

  func block(_ depths: [Int]) -> Architecture.Block {
    let third = depths.indices.contains {
      kernel(.convolution(stage: $0 + 1, block: 0, index: 3)) != nil
    }
    return third ? .bottleneck : .basic
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
    let kinds = Set(shapes.keys.lazy.filter(\.module.isNorm).map(\.kind))
    guard !kinds.isEmpty else { return .none }
    return .batchNorm(
      affine: kinds.contains(.weight) || kinds.contains(.bias),
      statistics: kinds.contains(.runningMean) || kinds.contains(.runningVariance))
  }

  func hasConvolutionBias() -> Bool {
    shapes.keys.contains { path in
      guard path.kind == .bias else { return false }
      switch path.module {
      case .stemConvolution, .convolution, .shortcutConvolution: return true
      case .stemNorm, .norm, .shortcutNorm, .classifier: return false
      }
    }
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
