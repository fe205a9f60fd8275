/// A network for Keras: where Keras' own code builds it, the layers of `ResNet50`, `ResNet50V2` and their deeper kin of
/// keras.applications, or of `ResNet50` before 2019; else layers of its own, which only an archive with their graph can hold.
struct KerasApplication {
  /// The convention whose names the layers have.
  let convention: Convention
  /// The layers that have weights, in the order of the model's.
  let layers: [KerasLayerWeights]
  /// `config.json` of a `.keras` archive: the graph, from which Keras builds the model.
  let configuration: String
  /// What a person should know.
  let warnings: [String]

  /// The layers of `network` for a file of `format`, each tensor in the dtype that `stored` gives it.
  ///
  /// Before 2019, names were others: those are written where `convention` is ``Convention/kerasLegacy``. Throws
  /// `ResectError.Code.unsupported` where Keras' code computes something else than `network` and `format` does not hold the graph, or
  /// `isChosen` says that the names have to be those of `convention`; and where no graph of Keras' layers does what `network` does.
  init(
    _ network: ResNet, named convention: Convention, isChosen: Bool, for format: OutputFormat,
    stored: @escaping (LazyTensor) -> DType
  ) throws(ResectError) {
    let isLegacy = convention.name == Convention.kerasLegacy.name
    let kin: Family = network.architecture.isPreactivated ? .v2 : isLegacy ? .legacy : .v1
    var family: Family? = kin
    do throws(ResectError) {
      try kin.check(network.architecture)
    } catch {
      guard format == .keras, !isChosen || convention.name != kin.convention.name else { throw error }
      try network.architecture.checkKerasGraph()
      family = nil
    }
    let graph = try KerasGraph(network, of: family, stored: stored)
    self.convention = family?.convention ?? .forGraph
    layers = graph.weights
    configuration = graph.configuration
    warnings = KerasApplication.warnings(network, family, inventedBiases: graph.inventedBiases)
  }

  /// Writes the layers to `file`; `metadata` are attributes of the HDF5 file's root, which Keras does not look at.
  func write(
    as format: OutputFormat, metadata: [(name: String, value: String)], to file: borrowing OutputFile,
    progress: WriteProgress?
  ) throws(ResectError) {
    let attributes = metadata.map { HDF5Tree.Attribute($0.name, .string($0.value)) }
    guard format != .hdf5 else {
      return try writeHDF5(
        HDF5Tree(legacyKeras: layers, attributes: attributes), to: file, progress: progress)
    }
    let weights = try HDF5Tree(keras: layers, attributes: attributes)
    guard format == .keras else { return try writeHDF5(weights, to: file, progress: progress) }
    try writeKerasArchive(
      weights: weights, configuration: configuration, metadata: KerasApplication.archiveMetadata, to: file,
      progress: progress)
  }

  /// `metadata.json` of a `.keras` archive: the version that its layout is of, and the day of all entries.
  private static let archiveMetadata = #"{"keras_version":"3.0.0","date_saved":"1980-01-01@00:00:00"}"#

  private static func warnings(_ network: ResNet, _ family: Family?, inventedBiases: Int) -> [String] {
    var warnings: [String] = []
    if inventedBiases > 0 {
      warnings.append("\(inventedBiases) biases that the network does not have are written as zeros: Keras' has them")
    }
    let counts = network.parameters.count { $0.path.kind == .batchesTracked }
    if counts > 0 { warnings.append("\(counts) counts of batches are left out: Keras has no place for them") }
    if family == .legacy {
      let verb = network.architecture.stemPooling == .unpadded ? "does not pad" : "pads"
      warnings.append(
        "the stem's pooling \(verb), which weights alone do not tell: Keras' ResNet50 pads since 2018, and did not before"
      )
    }
    return warnings
  }
}

extension KerasApplication {
  /// The networks that Keras' code builds.
  enum Family {
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
      func refusal(_ what: String, _ advice: String = "a .keras archive describes any network") -> ResectError {
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
          "resect epsilon IN OUT --to \(wanted) makes up for it")
      }
      let places = Set(architecture.parameters.lazy.map(\.path.module).filter(\.isConvolution))
      if let biased = places.filter({ architecture.hasBias($0) && !hasBias($0) }).map(\.description).min() {
        throw refusal("of this kind with a bias at \(biased)")
      }
    }

    private func checkStrides(
      _ architecture: Architecture, _ refusal: (String, String) -> ResectError
    ) throws(ResectError) {
      guard architecture.stridePlacement.value == convention.stridePlacement else {
        let (found, wanted) = (architecture.stridePlacement.value.rawValue, convention.stridePlacement.rawValue)
        throw refusal(
          "that strides as \(found), but as \(wanted)", "where the weights were trained so, say --stride \(wanted)")
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
}

extension Architecture {
  /// Refuses what layers of Keras do not do.
  fileprivate func checkKerasGraph() throws(ResectError) {
    func refusal(_ what: String, _ advice: String = "write .resect") -> ResectError {
      ResectError(.unsupported, "a graph of Keras' layers has no \(what)", advice: advice)
    }
    guard shortcut.isProjection else { throw refusal("zero-padded shortcuts") }
    guard attention == nil else { throw refusal("attention of this kind") }
    guard [.none, .linear].contains(head), !appendsConstantFeature else {
      throw refusal("head like this one's", "split the network into backbone and classes")
    }
    if case .batchNorm(_, let statistics) = normalization {
      guard statistics else { throw refusal("batch-norms without statistics") }
      guard epsilon.value != nil else {
        throw refusal("unknown eps: nobody says what the batch-norms add to the variance", "--epsilon says it")
      }
    }
    guard block == .basic || stridePlacement.value != .unknown else {
      throw refusal("unknown strides: nobody says which convolution of a bottleneck strides", "--stride says it")
    }
    guard !isPreactivated || stem == .three || stemPooling != .symmetric || !absentNorms.contains(.stemNorm) else {
      throw refusal("pooling that leaves out what lies beyond the border, which counts where no ReLU precedes it")
    }
    for (stage, blocks) in projections.enumerated() where !isPreactivated {
      for (block, projects) in blocks.enumerated() where !projects && stride(stage: stage + 1, block: block) > 1 {
        throw refusal("block that strides without a projection, as one of stage \(stage + 1)")
      }
    }
  }
}
