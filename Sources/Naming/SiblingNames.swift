internal import ResectResNets

/// The names of a mapping, and those that follow from them: a tensor that the file does not have, as a bias before batch-norms are
/// folded, is called after the weight beside it, as in the file's other modules; a classifier that a backbone is joined with, as in
/// the tree.
struct SiblingNames: Sendable, Equatable {
  /// How a tensor's name ends where its module's weight's ends in ``weight``.
  private struct Ending: Sendable, Hashable {
    let kind: ParameterPath.Kind
    let weight: String
    let other: String
  }

  private let mapping: Mapping
  private let endings: [Ending]

  /// What stands between a module's name and its tensor's.
  private static let separators: Set<UInt8> = [UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "/")]

  /// The names of `mapping`. Where no module tells how a kind of tensor is called, it is called as torch does.
  init(_ mapping: Mapping) {
    self.mapping = mapping
    var found: Set<Ending> = []
    for (path, name) in mapping.names where path.kind != .weight {
      guard let weight = mapping.names[ParameterPath(path.module, .weight)],
        let ending = SiblingNames.ending(path.kind, weight: weight, other: name)
      else { continue }
      found.insert(ending)
    }
    let known = Set(found.map(\.kind))
    for kind in ParameterPath.Kind.allCases where kind != .weight && !known.contains(kind) {
      found.insert(Ending(kind: kind, weight: ".\(ParameterPath.Kind.weight.rawValue)", other: ".\(kind.rawValue)"))
    }
    // What differs from module to module says nothing of the next.
    let counts = Dictionary(grouping: found) { Ending(kind: $0.kind, weight: $0.weight, other: "") }
    endings = counts.values.filter { $0.count == 1 }.joined()
      .sorted { ($0.kind.rawValue, $0.weight) < ($1.kind.rawValue, $1.weight) }
  }

  /// The name of the tensor at `path`, if there is one for it.
  func name(of path: ParameterPath) -> String? {
    if let name = mapping.names[path] { return name }
    guard let weight = mapping.names[ParameterPath(path.module, .weight)] else {
      guard case .classifier = path.module, isFree(path.description) else { return nil }
      return path.description
    }
    for ending in endings where ending.kind == path.kind && weight.hasSuffix(ending.weight) {
      let name = String(weight.dropLast(ending.weight.count)) + ending.other
      if isFree(name) { return name }
    }
    return nil
  }

  /// The place of the tensor called `name`, if it has one.
  func path(of name: String) -> ParameterPath? {
    if let path = mapping.places[name] { return path }
    guard !mapping.leftOut.contains(name) else { return nil }
    for ending in endings where name.hasSuffix(ending.other) {
      guard let weight = mapping.places[String(name.dropLast(ending.other.count)) + ending.weight] else { continue }
      let path = ParameterPath(weight.module, ending.kind)
      if mapping.names[path] == nil { return path }
    }
    guard let path = Convention.tree.path(of: name), case .classifier = path.module, self.name(of: path) == name else {
      return nil
    }
    return path
  }

  private func isFree(_ name: String) -> Bool { mapping.places[name] == nil && !mapping.leftOut.contains(name) }

  /// What the two names do not share, from the separator before it.
  private static func ending(_ kind: ParameterPath.Kind, weight: String, other: String) -> Ending? {
    let shared = zip(weight.utf8, other.utf8).prefix { $0 == $1 }.count
    let (weight, other) = (Array(weight.utf8), Array(other.utf8))
    guard let separator = weight[..<shared].lastIndex(where: separators.contains) else { return nil }
    return Ending(
      kind: kind, weight: String(decoding: weight[separator...], as: UTF8.self),
      other: String(decoding: other[separator...], as: UTF8.self))
  }
}
