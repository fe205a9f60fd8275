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
}

/// A network and how its tensors were found.
public struct LoadedNetwork: Sendable {
  /// The network.
  public var network: ResNet
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
  var best: Assignment?
  for convention in conventions where best?.table != convention.table {
    // No other table can place more than all.
    if best?.strangers.isEmpty ?? false { break }
    let assignment = Assignment(tensors, convention.table)
    if assignment.tensors.count > best?.tensors.count ?? 0 { best = assignment }
  }
  guard var assignment = best else {
    throw ResectError(
      .notAResNet, "no tensor has a name that a known convention gives a ResNet's",
      advice: "the conventions are \(Convention.all.map(\.name).joined(separator: ", "))")
  }
  var architecture = try Architecture(inferredFrom: assignment.tensors.mapValues(\.shape.axes))
  // Of conventions whose names fit as well, the one whose own code builds such a network.
  var convention = conventions.first { $0.table == assignment.table } ?? conventions[0]
  for candidate in conventions where candidate.isNatural(architecture) {
    if candidate.table != assignment.table {
      let other = Assignment(tensors, candidate.table)
      guard other.tensors.count == assignment.tensors.count else { continue }
      assignment = other
    }
    convention = candidate
    break
  }
  architecture.stridePlacement = .init(
    convention.stridePlacement, from: .convention(convention.name))
  architecture.epsilon = .init(convention.epsilon, from: .convention(convention.name))
  if let declared {
    architecture.stridePlacement = declared.stridePlacement
    architecture.epsilon = declared.epsilon
    architecture.appendsConstantFeature = declared.appendsConstantFeature
  }
  try architecture.apply(facts, convention: convention)
  if let placement = options.stridePlacement {
    architecture.stridePlacement = .init(placement, from: .option)
  }
  if let epsilon = options.epsilon {
    guard epsilon.isFinite, epsilon >= 0 else {
      throw ResectError(.badArgument, "epsilon has to be a number that is not negative: \(epsilon)")
    }
    architecture.epsilon = .init(epsilon, from: .option)
  }

  let unexpected = try assignment.check(
    against: architecture, convention, allowsUnexpected: options.allowsUnexpected)
  let network = try ResNet(architecture: architecture, tensors: assignment.tensors)
  return LoadedNetwork(
    network: network, convention: convention, names: assignment.names, unexpected: unexpected,
    warnings: convention.isNatural(architecture)
      ? []
      : [
        "networks by the convention \(convention.name) have no \(architecture.stem.rawValue) stem with \(architecture.shortcut.rawValue) shortcuts: check that no projection is missing, the strides and epsilon"
      ])
}

/// The tensors of a file put in their places by one table of names.
private struct Assignment {
  let table: NameTable
  var tensors: [ParameterPath: LazyTensor] = [:]
  var names: [ParameterPath: String] = [:]
  /// Names that the table has no place for.
  var strangers: [String] = []
  private var strangeRanks: [String: Int] = [:]

  init(_ named: [NamedTensor], _ table: NameTable) {
    self.table = table
    for entry in named {
      guard let path = table.path(of: entry.name) else {
        strangers.append(entry.name)
        strangeRanks[entry.name] = entry.tensor.shape.rank
        continue
      }
      tensors[path] = entry.tensor
      names[path] = entry.name
    }
  }

  /// Compares what is there with what should be. Returns the names that are too many, if they may be.
  func check(
    against architecture: Architecture, _ convention: Convention, allowsUnexpected: Bool
  ) throws(ResectError) -> [String] {
    let expected = architecture.parameters
    let known = Set(expected.map(\.path))
    let unexpected =
      strangers + names.filter { !known.contains($0.key) }.map(\.value).sorted()
    let missing = expected.filter { !$0.isOptional && tensors[$0.path] == nil }
      .map { convention.name(of: $0.path) }
    let misshapen = expected.compactMap { parameter -> String? in
      guard let tensor = tensors[parameter.path], tensor.shape.axes != parameter.axes else {
        return nil
      }
      return
        "wrong shape: \(names[parameter.path] ?? "") is \(tensor.shape.axes), expected \(parameter.axes)"
    }
    guard !missing.isEmpty || !misshapen.isEmpty || (!unexpected.isEmpty && !allowsUnexpected)
    else { return unexpected }
    let missingLines = lines("missing", missing, closestAmong: unexpected)
    let unexpectedLines =
      allowsUnexpected ? [] : lines("unexpected", unexpected, closestAmong: missing)
    let counts = [
      (missing.count, "missing"), (unexpectedLines.count, "unexpected"),
      (misshapen.count, "of a wrong shape"),
    ]
    let summary = counts.filter { $0.0 > 0 }.map { "\($0.0) \($0.1)" }.joined(separator: ", ")
    let details = missingLines + unexpectedLines + misshapen
    let onlyUnexpected = missing.isEmpty && misshapen.isEmpty
    let layers = strangeLinearLayers
    if onlyUnexpected, architecture.head == .none, layers.count > 1 {
      throw ResectError(
        .mismatch,
        "the head has \(layers.count) linear layers (\(layers.joined(separator: ", "))), which no convention names: it has no single class embedding",
        advice: "--allow-unexpected leaves them out and reads the backbone", details: details)
    }
    throw ResectError(
      .mismatch,
      "the tensors do not fill a ResNet by the convention \(convention.name): \(summary), the first: \(details[0])",
      advice: onlyUnexpected ? "--allow-unexpected ignores what has no place" : nil,
      details: details)
  }

  /// The modules without a place whose weights are matrices, as those of linear layers are.
  private var strangeLinearLayers: [String] {
    strangers.filter { $0.hasSuffix(".weight") && strangeRanks[$0] == 2 }
      .map { String($0.dropLast(".weight".count)) }
  }

  /// A line a name. The closest names are looked up for the first hundred, which is as far as a person reads.
  private func lines(_ fault: String, _ names: [String], closestAmong others: [String]) -> [String] {
    names.enumerated().map { index, name in
      guard index < 100, let closest = name.closest(among: others) else { return "\(fault): \(name)" }
      return "\(fault): \(name) (closest: \(closest))"
    }
  }
}
