internal import ResectGraphs

/// A network for Keras: where Keras' own code builds it, the layers of `ResNet50`, `ResNet50V2` and their deeper kin of
/// keras.applications, or of `ResNet50` before 2019; else layers of its own, which only an archive with their graph can hold.
struct KerasApplication {
  /// The convention whose names the layers have.
  let convention: Convention
  /// What the layers compute.
  let graph: Graph
  /// The layers.
  let network: KerasNetwork
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
    let kin: KerasFamily = network.isPreactivated ? .v2 : isLegacy ? .legacy : .v1
    var family: KerasFamily? = kin
    do throws(ResectError) {
      try kin.check(network.architecture)
    } catch {
      guard format == .keras, !isChosen || convention.name != kin.convention.name else { throw error }
      family = nil
    }
    let construction = try KerasConstruction(network, of: family)
    graph = construction.graph
    self.network = try KerasNetwork(graph, names: construction.names, stored: stored)
    self.convention = family?.convention ?? .forGraph
    warnings = KerasApplication.warnings(network, family, inventedBiases: construction.inventedBiases)
  }

  /// The layers of `graph` for an archive, under the names of its nodes.
  ///
  /// Throws `ResectError.Code.unsupported`, with the node's name, where no layer of Keras does what a node does.
  init(_ graph: Graph, stored: @escaping (LazyTensor) -> DType) throws(ResectError) {
    self.graph = graph
    network = try KerasNetwork(graph, stored: stored)
    convention = .forGraph
    warnings = []
  }

  /// Writes the layers to `file`; `metadata` are attributes of the HDF5 file's root, which Keras does not look at.
  func write(
    as format: OutputFormat, metadata: [(name: String, value: String)], to file: borrowing OutputFile,
    progress: WriteProgress?
  ) throws(ResectError) {
    let attributes = metadata.map { HDF5Tree.Attribute($0.name, .string($0.value)) }
    guard format != .hdf5 else {
      return try writeHDF5(
        HDF5Tree(legacyKeras: network.weights, attributes: attributes), to: file, progress: progress)
    }
    let weights = try HDF5Tree(keras: network.weights, attributes: attributes)
    guard format == .keras else { return try writeHDF5(weights, to: file, progress: progress) }
    try writeKerasArchive(
      weights: weights, configuration: network.configuration, metadata: KerasApplication.archiveMetadata, to: file,
      progress: progress)
  }

  /// `metadata.json` of a `.keras` archive: the version that its layout is of, and the day of all entries.
  private static let archiveMetadata = #"{"keras_version":"3.0.0","date_saved":"1980-01-01@00:00:00"}"#

  private static func warnings(_ network: ResNet, _ family: KerasFamily?, inventedBiases: Int) -> [String] {
    var warnings: [String] = []
    if inventedBiases > 0 {
      warnings.append("\(inventedBiases) biases that the network does not have are written as zeros: Keras' has them")
    }
    let counts = network.parameters.count { $0.path.kind == .batchesTracked }
    if counts > 0 { warnings.append("\(counts) counts of batches are left out: Keras has no place for them") }
    if family == .legacy {
      let verb = network.stemPooling == .unpadded ? "does not pad" : "pads"
      warnings.append(
        "the stem's pooling \(verb), which weights alone do not tell: Keras' ResNet50 pads since 2018, and did not before"
      )
    }
    return warnings
  }
}
