/// The networks that Keras' code builds.
enum KerasFamily {
  /// `ResNet50`, `ResNet101` and `ResNet152`.
  case v1
  /// `ResNet50V2`, `ResNet101V2` and `ResNet152V2`.
  case v2
  /// `ResNet50` before 2019.
  case legacy

  /// What names their layers.
  var convention: Convention {
    switch self {
    case .v1: .keras
    case .v2: .kerasV2
    case .legacy: .kerasLegacy
    }
  }

  /// Whether the convolution at `place` has a bias. Those of a v2's block that a batch-norm follows have none.
  func hasBias(_ place: ModulePath) -> Bool {
    guard self == .v2, case .convolution(_, _, let index) = place else { return true }
    return index == 3
  }

  /// Refuses networks that the family's code does not build.
  func check(_ architecture: Architecture) throws(ResectError) {
    func refusal(_ what: String, _ advice: ResectError.Advice = "a .keras archive describes others too") -> ResectError
    {
      ResectError(.unsupported, "Keras has no ResNet \(what)", advice: advice)
    }
    guard architecture.block == .bottleneck, architecture.stem == .sevenWithMaxPool,
      architecture.shortcut == .projection, architecture.groups == 1, architecture.attention == nil,
      [.none, .linear].contains(architecture.head), !architecture.appendsConstantFeature,
      architecture.projectionKernels.isEmpty
    else { throw refusal("of this kind: its blocks are plain bottlenecks behind a 7×7 stem") }
    guard architecture.normalization == .batchNorm(affine: true, statistics: true) else {
      throw refusal("without batch-norms", "write it before they are folded, or as .keras")
    }
    guard architecture.absentNorms == absentNorms(architecture), architecture.hasFinalNorm == (self == .v2) else {
      throw refusal("whose batch-norms are where this one's are")
    }
    guard architecture.padding == .symmetric, architecture.paddingExceptions.isEmpty,
      architecture.stridedBlocks == convention.stridedBlocks,
      poolings.contains(architecture.stemPooling)
    else { throw refusal("that pads or strides as this one does") }
    try checkStrides(architecture, refusal)
    guard architecture.epsilon.value == convention.epsilon, architecture.epsilonExceptions.isEmpty else {
      let wanted = convention.epsilon.map { "\($0)" } ?? ""
      throw refusal(
        "under the names of \(convention.name) that adds other than \(wanted) to the variance; this one's eps is \(architecture.epsilonDescription)",
        .rebaseEpsilon(to: wanted, or: "a .keras archive holds others"))
    }
    let places = Set(architecture.parameters.lazy.map(\.path.module).filter(\.isConvolution))
    if let biased = places.filter({ architecture.hasBias($0) && !hasBias($0) }).map(\.description).min() {
      throw refusal("of this kind with a bias at \(biased)")
    }
  }

  private func checkStrides(
    _ architecture: Architecture, _ refusal: (String, ResectError.Advice) -> ResectError
  ) throws(ResectError) {
    guard architecture.stridePlacement.value == convention.stridePlacement else {
      let (found, wanted) = (architecture.stridePlacement.value.rawValue, convention.stridePlacement.rawValue)
      throw refusal(
        "that strides as \(found), but as \(wanted)",
        .sayStride(ifTrainedWith: wanted, or: "a .keras archive holds others"))
    }
    guard self != .v2 else { return }
    for (stage, blocks) in architecture.projections.enumerated() {
      for (block, projects) in blocks.enumerated()
      where !projects && architecture.stride(stage: stage + 1, block: block) > 1 {
        throw refusal(
          "whose block strides without a projection, as stage \(stage + 1)'s here", "write .resect")
      }
    }
  }

  /// The batch-norms that the family does not have: after v2's stem and its projections.
  private func absentNorms(_ architecture: Architecture) -> Set<ModulePath> {
    guard self == .v2 else { return [] }
    var absent: Set<ModulePath> = [.stemNorm]
    for (stage, blocks) in architecture.projections.enumerated() {
      for (block, projects) in blocks.enumerated() where projects {
        absent.insert(.shortcutNorm(stage: stage + 1, block: block))
      }
    }
    return absent
  }

  /// How the stem may pool.
  private var poolings: Set<Architecture.StemPooling> {
    switch self {
    case .v1: [.symmetric]
    case .v2: [.symmetricZeros]
    case .legacy: [.symmetric, .unpadded]
    }
  }
}
