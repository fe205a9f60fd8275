public import ResNets

/// How a framework or repository names the modules of a ResNet, and what its names imply.
///
/// The names are one table that is read in both directions: from a file's name to a place in the module tree when loading,
/// from the place to the name when writing.
public struct Convention: Sendable {
  /// The convention's name in reports and options.
  public let name: String
  /// One row a kind of module: a pattern of places and the pattern of its names, with the same variables.
  let modules: [Row]
  /// What its networks add to the variance in a batch-norm.
  let epsilon: Double
  /// Where its networks stride.
  let stridePlacement: Architecture.StridePlacement
  /// Whether a network of this architecture is one that the convention's own code builds. Decides between conventions whose
  /// names are the same.
  let isNatural: @Sendable (Architecture) -> Bool

  /// A row of the table.
  struct Row: Sendable {
    let place: NamePattern
    let name: NamePattern

    init(_ place: String, _ name: String) {
      self.place = NamePattern(place)
      self.name = NamePattern(name)
    }
  }

  /// Every convention, in the order in which they are tried.
  public static let all: [Convention] = [.torchvision, .chenyaofo, .akamaster, .kuangliu]

  /// The convention called `name`.
  public static func named(_ name: String) -> Convention? { all.first { $0.name == name } }

  /// The place in the tree that the file's name `name` means, if any.
  public func path(of name: String) -> ParameterPath? {
    guard let dot = name.lastIndex(of: "."),
      let kind = ParameterPath.Kind(rawValue: String(name[name.index(after: dot)...]))
    else { return nil }
    return module(of: String(name[..<dot])).map { ParameterPath($0, kind) }
  }

  /// The module that the file calls `name`, if any.
  public func module(of name: String) -> ModulePath? {
    let segments = name.split(separator: ".", omittingEmptySubsequences: false)
    for row in modules {
      if let variables = row.name.match(segments) {
        return ModulePath(description: row.place.filled(with: variables))
      }
    }
    return nil
  }

  /// What the convention calls the module at `place`.
  public func name(of place: ModulePath) -> String {
    let description = place.description
    let segments = description.split(separator: ".", omittingEmptySubsequences: false)
    for row in modules {
      if let variables = row.place.match(segments) { return row.name.filled(with: variables) }
    }
    // Every table has a row for every kind of module; a test holds them to it.
    return description
  }

  /// What the convention calls the tensor at `path`.
  public func name(of path: ParameterPath) -> String {
    "\(name(of: path.module)).\(path.kind.rawValue)"
  }
}
