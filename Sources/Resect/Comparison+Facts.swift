extension Comparison {
  /// Something that is known of the models beside their weights, and that differs.
  public struct Fact: Sendable, Hashable {
    /// What it is about: a member of the architecture (`epsilon`), of the preprocessing (`preprocessing mean`), `labels` and so on.
    public let name: String
    /// What is true of the first model; absent where it has no such thing.
    public let first: JSON?
    /// What is true of the second model; absent where it has no such thing.
    public let second: JSON?
    /// Whether the models compute or say something else because of it. What a file calls its tensors changes neither.
    public let isDecisive: Bool
  }
}

extension Comparison.Fact {
  /// What is called otherwise, and is the same all the same.
  private static let names = "names"

  /// What differs between two models, in the order in which the first is described. Where a file holds no model, nothing is known.
  static func differing(_ first: Model?, _ second: Model?) -> [Comparison.Fact] {
    guard let first, let second else { return [] }
    let (one, other) = (description(of: first), description(of: second))
    return different(one, other, under: nil).map { name, first, second in
      Comparison.Fact(name: name, first: first, second: second, isDecisive: name != names)
    }
  }

  /// The members of two objects that differ, by name; where both are objects themselves, their members.
  private static func different(
    _ first: [JSON.Member], _ second: [JSON.Member], under parent: String?
  ) -> [(name: String, first: JSON?, second: JSON?)] {
    let others = Dictionary(second.map { ($0.name, $0.value) }) { first, _ in first }
    let known = Set(first.map(\.name))
    let pairs =
      first.map { ($0.name, JSON?.some($0.value), others[$0.name]) }
      + second.filter { !known.contains($0.name) }.map { ($0.name, nil, $0.value) }
    return pairs.flatMap { name, one, other -> [(name: String, first: JSON?, second: JSON?)] in
      if one == other || one?.number != nil && one?.number == other?.number { return [] }
      let whole = parent.map { "\($0) \(name)" } ?? name
      // An object has members of its own: as deep as what we wrote, which is three levels.
      guard let members = one?.members, let otherMembers = other?.members else { return [(whole, one, other)] }
      return different(members, otherMembers, under: whole)
    }
  }

  /// What is known of a model, and changes what it computes or what it says of an image, but for the names.
  private static func description(of model: Model) -> [JSON.Member] {
    var facts: [JSON.Member] = []
    switch model.content {
    case .network(let network):
      facts.append(.init("kind", .string(network.head.isEmpty ? "backbone" : "network")))
      facts += description(of: network.architecture)
    case .graph(let graph):
      facts.append(.init("kind", .string("graph")))
      facts += description(of: graph)
    case .classes(let classes):
      facts.append(.init("kind", .string("classes")))
      facts.append(.init("classes", .integer(classes.classes)))
      facts.append(.init("constantFeature", .bool(classes.hasConstantFeature)))
    }
    if let preprocessing = model.preprocessing.value {
      facts.append(.init("preprocessing", .object(without(["name"], preprocessing.json))))
    }
    if let labels = model.labels {
      facts.append(.init("labels", .object(labels.enumerated().map { .init("\($0)", .string($1)) })))
    }
    if let calibration = model.calibration { facts.append(.init("calibration", calibration.json)) }
    facts.append(.init(names, .string(model.loading.isInferred ? "inferred" : model.convention.name)))
    return facts
  }

  /// What a graph computes: a member for each operation, by its name.
  private static func description(of graph: Graph) -> [JSON.Member] {
    let json = graph.json
    let nodes = (json["nodes"]?.elements ?? []).map { node in
      JSON.Member(node["name"]?.string ?? "", .object(without(["name"], node)))
    }
    return without(["nodes"], json) + [JSON.Member("operations", .object(nodes))]
  }

  /// The members of an architecture that say what is computed: not who said it, and not what no layer asks for.
  private static func description(of architecture: Architecture) -> [JSON.Member] {
    var left: Set = ["name", "stridePlacementSource", "epsilonSource"]
    if architecture.block == .basic { left.insert("stridePlacement") }
    // Nothing, and not unknown: the kind says it.
    if architecture.classes == nil { left.insert("classes") }
    guard case .batchNorm = architecture.normalization else {
      return without(left.union(["epsilon"]), architecture.json)
    }
    return without(left, architecture.json)
  }

  private static func without(_ names: Set<String>, _ json: JSON) -> [JSON.Member] {
    guard let members = json.members else { return [] }
    return members.filter { !names.contains($0.name) }
  }
}
