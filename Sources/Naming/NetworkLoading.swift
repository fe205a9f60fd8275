public import Bytes
public import ResNets
public import Tensors

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
  }
}

/// A network and how its tensors were found.
public struct LoadedNetwork: Sendable {
  /// The network.
  public var network: ResNet
  /// How images become its input, as far as the convention tells.
  public let preprocessing: Architecture.Sourced<Preprocessing?>
  /// The convention that the names follow.
  public let convention: Convention
  /// The file's name of each tensor of the tree.
  public let names: [ParameterPath: String]
  /// The tensors that were left out on the caller's word.
  public let unexpected: [String]
  /// What a person should know: each a sentence.
  public let warnings: [String]
}

/// Finds the convention of `tensors`, infers the architecture and fills the tree.
///
/// Each tensor is used, or the load fails with `ResectError.Code.mismatch` and a list of all that are missing,
/// unexpected or of a wrong shape, the closest name beside each. Tensors that form no ResNet at all give
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
  let conventions = options.convention.map { [$0] } ?? Convention.all
  var reading = try Reading(tensors, by: conventions)
  try reading.settle(facts: facts, declared: declared, options: options)
  let unexpected = try reading.assignment.check(
    against: reading.architecture, reading.convention, allowsUnexpected: options.allowsUnexpected)
  let network = try ResNet(
    architecture: reading.architecture, tensors: reading.assignment.tensors)
  return LoadedNetwork(
    network: network, preprocessing: reading.preprocessing, convention: reading.convention,
    names: reading.assignment.names,
    unexpected: unexpected, warnings: reading.warnings)
}

/// What the names say: the convention, and the architecture that the tensors form in their places.
private struct Reading {
  let assignment: Assignment
  let convention: Convention
  var architecture: Architecture

  /// Reads the names by the table that places most of them and, of the conventions whose tables do so equally well, by the
  /// one whose own code builds such a network.
  init(_ tensors: [NamedTensor], by conventions: [Convention]) throws(ResectError) {
    var best: (assignment: Assignment, convention: Convention)?
    for convention in conventions where best?.assignment.table != convention.table {
      // No other table can place more than all.
      if best?.assignment.strangers.isEmpty ?? false { break }
      let assignment = Assignment(tensors, convention.table)
      if assignment.tensors.count > best?.assignment.tensors.count ?? 0 {
        best = (assignment, convention)
      }
    }
    guard var best else {
      throw ResectError(
        .notAResNet, "no tensor has a name that a known convention gives a ResNet's",
        advice: "the conventions are \(Convention.all.map(\.name).joined(separator: ", "))")
    }
    let architecture = try Architecture(
      inferredFrom: best.assignment.tensors.mapValues(\.shape.axes))
    for candidate in conventions where candidate.isNatural(architecture) {
      if candidate.table != best.assignment.table {
        let other = Assignment(tensors, candidate.table)
        guard other.tensors.count == best.assignment.tensors.count else { continue }
        best.assignment = other
      }
      best.convention = candidate
      break
    }
    (assignment, convention) = best
    self.architecture = architecture
  }

  /// Settles what weights cannot tell: by the convention, by what the file declares, by a whole module's own word, and over
  /// them all by the caller's.
  mutating func settle(
    facts: [String: LayerFacts], declared: Architecture?, options: LoadOptions
  ) throws(ResectError) {
    architecture.stridePlacement = .init(
      convention.stridePlacement, from: .convention(convention.name))
    architecture.epsilon = .init(convention.epsilon, from: .convention(convention.name))
    if let declared {
      architecture.stridePlacement = declared.stridePlacement
      architecture.epsilon = declared.epsilon
      architecture.appendsConstantFeature = declared.appendsConstantFeature
      architecture.inputNormalization = declared.inputNormalization
    }
    try architecture.apply(facts, convention: convention)
    try options.override(&architecture)
  }

  var preprocessing: Architecture.Sourced<Preprocessing?> {
    guard let preprocessing = convention.preprocessing(of: architecture) else { return .unknown }
    return .init(preprocessing, from: .convention(convention.name))
  }

  var warnings: [String] {
    guard !convention.isNatural(architecture) else { return [] }
    let (stem, shortcut) = (architecture.stem.rawValue, architecture.shortcut.rawValue)
    return [
      "networks by the convention \(convention.name) have no \(stem) stem with \(shortcut) shortcuts: check that no projection is missing, the strides and epsilon"
    ]
  }
}
