public import ResectBytes
public import ResectResNets
public import ResectTensors

/// A tensor under the name that its file gives it.
public struct NamedTensor: Sendable {
  /// The name in the file.
  public let name: String
  /// The tensor.
  public let tensor: LazyTensor

  /// A tensor and its name.
  public init(name: String, tensor: LazyTensor) {
    self.name = name
    self.tensor = tensor
  }
}

/// What the caller says about a network that its file cannot, or should not, decide.
public struct LoadOptions: Sendable {
  /// Which convolution of a bottleneck strides, over what convention and file say.
  public var stridePlacement: Architecture.StridePlacement?
  /// What batch-norms add to the variance, over what convention and file say.
  public var epsilon: Double?
  /// The convention to read the names by, where it should not be found out.
  public var convention: Convention?
  /// The place of each tensor, in the place of a convention.
  public var mapping: Mapping?
  /// Whether tensors that the network has no place for are ignored rather than an error.
  public var allowsUnexpected = false

  /// Nothing said.
  public init() {}

  /// Puts what the caller says over what `architecture` has. Throws where epsilon is negative or not finite.
  public func override(_ architecture: inout Architecture) throws(ResectError) {
    if let stridePlacement { architecture.stridePlacement = .init(stridePlacement, from: .option) }
    guard let epsilon else { return }
    guard epsilon.isFinite, epsilon >= 0 else {
      throw ResectError(.badArgument, "epsilon has to be a number that is not negative: \(epsilon)")
    }
    architecture.epsilon = .init(epsilon, from: .option)
    architecture.epsilonExceptions = [:]
  }
}

/// A network and how its tensors were found.
public struct LoadedNetwork: Sendable {
  /// A tensor that is no part of the network.
  public struct LeftOut: Sendable, Hashable {
    /// Its name.
    public let name: String
    /// Why it is left out.
    public let reason: String
  }

  /// The network.
  public var network: ResNet
  /// How images become its input, as far as the convention tells.
  public let preprocessing: Architecture.Sourced<Preprocessing?>
  /// The convention that the names follow.
  public let convention: Convention
  /// Whether the places were found by structure, since no convention knows the names.
  public let isInferred: Bool
  /// What stands before the network's names in a file that holds more than the network.
  public let prefix: String
  /// The file's name of each tensor of the tree, without the prefix.
  public let names: [ParameterPath: String]
  /// The tensors that were left out on the caller's word.
  public let unexpected: [String]
  /// What lies beside the network, and the heads of its training.
  public let leftOut: [LeftOut]
  /// What a person should know: each a sentence.
  public let warnings: [String]
}

/// Finds the convention of `tensors`, infers the architecture and fills the tree.
///
/// Each tensor is used, left out for a stated reason, or the load fails with `ResectError.Code.mismatch` and a list of all that
/// are missing, unexpected or of a wrong shape, the closest name beside each. Tensors that form no ResNet at all give
/// `ResectError.Code.notAResNet`.
///
/// - Parameters:
///   - tensors: The state dict, its common prefix removed.
///   - facts: What a whole module says of its layers, by the file's names.
///   - declared: The architecture that the file's own metadata declares.
///   - options: What the caller says.
public func loadNetwork(
  _ tensors: [NamedTensor], facts: [String: LayerFacts] = [:], declared: Architecture? = nil,
  options: LoadOptions = LoadOptions()
) throws(ResectError) -> LoadedNetwork {
  guard !tensors.isEmpty else { throw ResectError(.notAResNet, "there are no tensors") }
  let conventions: [Convention]
  var found: NetworkSelection
  if let mapping = options.mapping {
    conventions = [Convention(mapping)]
    found = NetworkSelection(tensors, mapping)
  } else {
    conventions = options.convention.map { [$0] } ?? Convention.all
    found = NetworkSelection(tensors, conventions)
    if options.convention == nil, found.isStrange { try found.matchByStructure() }
  }
  var reading = try Reading(found, by: found.isInferred ? [] : conventions)
  if reading.convention.convolvesClassifier { try reading.assignment.flattenClassifiers() }
  try reading.settle(facts: found.facts(facts), graph: nil, declared: declared, options: options)
  return try reading.network(found, options)
}

/// The network that a file's description of its layers was recognised as: what the description says wins over conventions.
///
/// Throws as ``loadNetwork(_:facts:declared:options:)`` where the tensors do not fill the tree.
package func loadNetwork(
  recognised match: GraphMatch, declared: Architecture? = nil, options: LoadOptions = LoadOptions()
) throws(ResectError) -> LoadedNetwork {
  let mapping = Mapping(
    places: Dictionary(match.parameters.map { ($0.name, $0.path) }) { first, _ in first })
  let conventions = Convention.all.filter { $0.agrees(with: mapping) } + [Convention(graph: mapping)]
  let tensors = match.parameters.map { NamedTensor(name: $0.name, tensor: $0.tensor) }
  let found = NetworkSelection(tensors, mapping)
  var reading = try Reading(found, by: conventions)
  try reading.settle(facts: [:], graph: match, declared: declared, options: options)
  return try reading.network(found, options)
}

/// What the names say: the convention, and the architecture that the tensors form in their places.
private struct Reading {
  var assignment: Assignment
  let convention: Convention
  var architecture: Architecture
  /// Whether nothing but names says what weights cannot tell.
  private var namesAlone = true

  /// Reads the names by the table that places most of them and, of the conventions whose tables do so equally well, by the
  /// one whose own code builds such a network.
  init(_ found: NetworkSelection, by conventions: [Convention]) throws(ResectError) {
    guard let best = found.best else {
      throw ResectError(
        .notAResNet, "no tensor has a name that a known convention gives a ResNet's",
        advice: "the conventions are \(Convention.all.map(\.name).joined(separator: ", "))")
    }
    var architecture: Architecture
    do throws(ResectError) {
      architecture = try Architecture(inferredFrom: best.assignment.tensors.mapValues(\.shape.axes))
    } catch {
      throw error.advised(by: best.assignment, best.convention)
    }
    if let shortcut = best.assignment.table.shortcut { architecture.shortcut = shortcut }
    self.architecture = architecture
    for candidate in conventions where candidate.isNatural(architecture) {
      for table in candidate.tables where table.shortcut == best.assignment.table.shortcut {
        let assignment =
          table == best.assignment.table ? best.assignment : found.assignment(by: table)
        guard assignment.fitting == best.assignment.fitting,
          assignment.tensors.count == best.assignment.tensors.count
        else { continue }
        self.assignment = assignment
        convention = candidate.preferring(table)
        return
      }
    }
    assignment = best.assignment
    convention = best.convention.preferring(best.assignment.table)
  }

  /// Settles what weights cannot tell: by the convention, by what the file declares, by a whole module's own word, and over
  /// them all by the caller's.
  mutating func settle(
    facts: [String: LayerFacts], graph: GraphMatch?, declared: Architecture?, options: LoadOptions
  ) throws(ResectError) {
    let stride = convention.stridePlacement
    architecture.stridePlacement = .init(
      stride, from: stride == .unknown ? .none : .convention(convention.name))
    architecture.epsilon = .init(
      convention.epsilon, from: convention.epsilon == nil ? .none : .convention(convention.name))
    architecture.stridedBlocks = convention.stridedBlocks
    architecture.stemPooling = convention.stemPooling
    if convention.freezesNorms, architecture.normalization == .batchNorm(affine: true, statistics: false) {
      architecture.normalization = .scaleAndShift
    }
    if let what = convention.withoutStatistics, case .batchNorm(_, false) = architecture.normalization {
      throw ResectError(
        .unsupported,
        "the norms keep no running statistics: by these names (\(convention.name)), this network has \(what)",
        advice: "only batch-norms are understood"
      )
    }
    if let declared { architecture.adopt(declared) }
    namesAlone = declared == nil && graph == nil
    try architecture.apply(facts, convention: convention)
    try graph?.apply(to: &architecture)
    try options.override(&architecture)
  }

  /// The tree, filled.
  func network(_ found: NetworkSelection, _ options: LoadOptions) throws(ResectError) -> LoadedNetwork {
    let unexpected = try assignment.check(
      against: architecture, convention, allowsUnexpected: options.allowsUnexpected)
    return LoadedNetwork(
      network: try ResNet(architecture: architecture, tensors: assignment.tensors), preprocessing: preprocessing,
      convention: convention, isInferred: found.isInferred, prefix: found.prefix, names: assignment.names,
      unexpected: unexpected, leftOut: found.leftOut, warnings: warnings + found.warnings)
  }

  var preprocessing: Architecture.Sourced<Preprocessing?> {
    // A network that normalises its input takes pixels, but of which images, its convention does not say.
    guard architecture.inputNormalization == nil, let preprocessing = convention.preprocessing(of: architecture) else {
      return .unknown
    }
    return .init(preprocessing, from: .convention(convention.name))
  }

  var warnings: [String] {
    var warnings: [String] = []
    if !convention.isNatural(architecture) {
      let (stem, shortcut) = (architecture.stem.rawValue, architecture.shortcut.rawValue)
      let order = architecture.isPreactivated ? "pre-activated " : ""
      warnings.append(
        "\(order)networks by the convention \(convention.name) have no \(stem) stem with \(shortcut) shortcuts: check that no projection is missing, the strides and epsilon"
      )
    }
    if architecture.block == .bottleneck, architecture.stridePlacement.value == .unknown {
      warnings.append(
        "the names (\(convention.name)) do not tell which convolution of a bottleneck strides: --stride v1 or v1.5 says it"
      )
    }
    if let caution = convention.caution, namesAlone { warnings.append(caution) }
    if architecture.epsilon.value == nil, case .batchNorm = architecture.normalization {
      warnings.append(
        "the names (\(convention.name)) do not tell what batch-norms add to the variance: --epsilon says it")
    }
    return warnings
  }
}

extension ResectError {
  /// The error of names that form no network, with what those names have no place for: that may be what is missing.
  fileprivate func advised(by assignment: Assignment, _ convention: Convention) -> ResectError {
    guard advice == nil, let first = assignment.strangers.first else { return self }
    var advised = self
    advised.advice = .sayMapping(
      "read by the names of \(convention.name), \(assignment.strangers.count) of \(assignment.strangers.count + assignment.tensors.count) tensors have no place, the first \(first)"
    )
    return advised
  }
}

extension Architecture {
  /// Takes over what a file of Resect's says and weights cannot tell.
  fileprivate mutating func adopt(_ declared: Architecture) {
    stridePlacement = declared.stridePlacement
    (epsilon, epsilonExceptions) = (declared.epsilon, declared.epsilonExceptions)
    appendsConstantFeature = declared.appendsConstantFeature
    inputNormalization = declared.inputNormalization
    stridedBlocks = declared.stridedBlocks
    (padding, paddingExceptions) = (declared.padding, declared.paddingExceptions)
    stemPooling = declared.stemPooling
    if shortcut.isProjection == declared.shortcut.isProjection { shortcut = declared.shortcut }
    isPreactivated = declared.isPreactivated
    absentNorms = declared.absentNorms
    if normalization == .batchNorm(affine: true, statistics: false), declared.normalization == .scaleAndShift {
      normalization = .scaleAndShift
    }
  }
}
