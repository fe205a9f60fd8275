internal import ResectResNets

/// The names that a convention gives to the kinds of modules: read from names to places when loading, from places to names
/// when writing.
struct NameTable: Sendable, Equatable {
  private let rows: NameRows
  /// Names one by one, where no rule gives them.
  private let mapping: SiblingNames?
  /// What tensors are called within their modules.
  private let tensors: TensorNames
  /// What these names say a shortcut is, where they tell two kinds apart.
  let shortcut: Architecture.Shortcut?

  init(
    _ rows: NameRows, tensors: TensorNames = .torch, shortcut: Architecture.Shortcut? = nil
  ) {
    self.rows = rows
    mapping = nil
    self.tensors = tensors
    self.shortcut = shortcut
  }

  /// The names of `mapping`.
  init(_ mapping: Mapping) {
    rows = [:]
    self.mapping = SiblingNames(mapping)
    tensors = .torch
    shortcut = nil
  }

  func path(of name: String) -> ParameterPath? {
    if let mapping { return mapping.path(of: name) }
    return tensors.split(Array(name.utf8)) { bytes in module(of: bytes) }
  }

  func module(of name: String) -> ModulePath? { module(of: Array(name.utf8)[...]) }

  private func module(of name: ArraySlice<UInt8>) -> ModulePath? {
    if let mapping {
      let weight = String(decoding: name, as: UTF8.self) + ".weight"
      return mapping.path(of: weight)?.module
    }
    for row in rows.rows {
      if let numbers = row.pattern.match(name) { return ModulePath(row.kind, numbers) }
    }
    return nil
  }

  /// The name of the module at `place`, if there is one for it.
  func name(of place: ModulePath) -> String? {
    if mapping != nil {
      // The module is what is left of the name of its weight.
      return name(of: ParameterPath(place, .weight)).map { name in
        let dot = name.lastIndex(of: ".") ?? name.endIndex
        return String(name[..<dot])
      }
    }
    let (kind, numbers) = place.kindAndNumbers
    return rows.rows.lazy.filter { $0.kind == kind }.compactMap { $0.pattern.filled(with: numbers) }
      .first
  }

  /// The name of the tensor at `path`, if there is one for it.
  func name(of path: ParameterPath) -> String? {
    if let mapping { return mapping.name(of: path) }
    guard let module = name(of: path.module), let suffix = tensors.suffix(of: path) else { return nil }
    return module + suffix
  }
}

/// Rows of a table: a pattern for a kind of module. Where a kind has several, the first that fits is taken.
struct NameRows: Sendable, Equatable, ExpressibleByDictionaryLiteral {
  fileprivate let rows: [(kind: ModuleKind, pattern: NamePattern)]

  init(dictionaryLiteral rows: (ModuleKind, NamePattern)...) {
    self.rows = rows.map { ($0.0, $0.1) }
  }

  private init(_ rows: [(kind: ModuleKind, pattern: NamePattern)]) { self.rows = rows }

  static func + (one: NameRows, other: NameRows) -> NameRows { NameRows(one.rows + other.rows) }

  static func == (one: NameRows, other: NameRows) -> Bool {
    one.rows.elementsEqual(other.rows) { $0.kind == $1.kind && $0.pattern == $1.pattern }
  }
}
