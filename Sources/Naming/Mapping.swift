public import ResectBytes
public import ResectResNets

/// Which tensor of a file has which place in the tree, name by name: what a convention says by a rule.
///
/// As text, a line a tensor: its name in the file, ` = ` and its place, or `-` for one that is left out. Lines that begin with `#`
/// and empty lines say nothing.
///
/// ```
/// body.0.weight = stem.conv.weight
/// aux.weight = -
/// ```
public struct Mapping: Sendable, Hashable {
  /// The place of each name.
  public let places: [String: ParameterPath]
  let names: [ParameterPath: String]
  /// The names that are left out.
  public let leftOut: Set<String>

  /// A mapping of `places`.
  public init(places: [String: ParameterPath], leftOut: Set<String> = []) {
    self.places = places
    self.leftOut = leftOut
    names = Dictionary(places.map { ($1, $0) }) { first, _ in first }
  }

  /// Reads the text of a mapping.
  ///
  /// Throws `ResectError.Code.malformed` with the line that is none, for a place that the tree does not have, and for a name or a
  /// place that comes twice.
  public init(parsing text: String) throws(ResectError) {
    var places: [String: ParameterPath] = [:]
    var leftOut: Set<String> = []
    var taken: Set<ParameterPath> = []
    for (index, line) in text.split(omittingEmptySubsequences: false, whereSeparator: { ["\n", "\r\n"].contains($0) })
      .enumerated()
    {
      if line.isEmpty || line.hasPrefix("#") { continue }
      func refusal(_ what: String) -> ResectError {
        ResectError(
          .malformed, "line \(index + 1) of the mapping: \(what)",
          advice: "a line is a name, \" = \" and a place, as: conv1.weight = stem.conv.weight")
      }
      let parts = line.split(separator: " = ", omittingEmptySubsequences: false)
      guard parts.count >= 2, let last = parts.last else { throw refusal("there is no \" = \"") }
      let name = parts.dropLast().joined(separator: " = ")
      guard !name.isEmpty, places[name] == nil, !leftOut.contains(name) else {
        throw refusal(name.isEmpty ? "the name is empty" : "the name came before")
      }
      if last == "-" {
        leftOut.insert(name)
        continue
      }
      guard let path = Convention.tree.path(of: String(last)) else {
        throw refusal("\(last) is no place in the tree")
      }
      guard taken.insert(path).inserted else { throw refusal("\(last) has a tensor already") }
      places[name] = path
    }
    guard !places.isEmpty else { throw ResectError(.malformed, "the mapping has no tensors") }
    self.init(places: places, leftOut: leftOut)
  }

  /// The mapping as text, a line for each of `order` first, then the rest.
  public func text(order: [String] = []) -> String {
    var lines = ["# the name in the file = its place in the tree, - for none"]
    var known: Set<String> = []
    for name in order + (Array(places.keys) + Array(leftOut)).sorted() where known.insert(name).inserted {
      if let path = places[name] {
        lines.append("\(name) = \(path)")
      } else if leftOut.contains(name) {
        lines.append("\(name) = -")
      }
    }
    return lines.joined(separator: "\n") + "\n"
  }
}

extension Convention {
  /// The names of `mapping`, which imply neither eps nor strides.
  public init(_ mapping: Mapping) {
    self.init(mapping, name: Convention.mappingName)
  }

  /// The names of the layers of a file, whose graph gave `mapping`.
  init(graph mapping: Mapping) {
    self.init(mapping, name: Convention.graphName)
    isOfOneFile = true
  }

  private init(_ mapping: Mapping, name: String) {
    self.init(
      name: name, tables: [NameTable(mapping)], epsilon: nil, stridePlacement: .unknown,
      isNatural: { _ in true })
  }
}
