internal import ResNets

/// The names that a convention gives to the kinds of modules: read from names to places when loading, from places to names
/// when writing.
struct NameTable: Sendable, Equatable, ExpressibleByDictionaryLiteral {
  private let rows: [(kind: ModuleKind, pattern: NamePattern)]

  init(dictionaryLiteral rows: (ModuleKind, NamePattern)...) {
    self.rows = rows.map { ($0.0, $0.1) }
  }

  static func == (one: NameTable, other: NameTable) -> Bool {
    one.rows.elementsEqual(other.rows) { $0.kind == $1.kind && $0.pattern == $1.pattern }
  }

  func path(of name: String) -> ParameterPath? {
    let bytes = Array(name.utf8)
    guard let dot = bytes.lastIndex(of: UInt8(ascii: ".")),
      let kind = ParameterPath.Kind(
        rawValue: String(decoding: bytes[(dot + 1)...], as: UTF8.self))
    else { return nil }
    return module(of: bytes[..<dot]).map { ParameterPath($0, kind) }
  }

  func module(of name: String) -> ModulePath? { module(of: Array(name.utf8)[...]) }

  private func module(of name: ArraySlice<UInt8>) -> ModulePath? {
    for row in rows {
      if let numbers = row.pattern.match(name) { return ModulePath(row.kind, numbers) }
    }
    return nil
  }

  func name(of place: ModulePath) -> String {
    let (kind, numbers) = place.kindAndNumbers
    // Every table has every kind; a test holds them to it.
    let pattern = rows.first { $0.kind == kind }?.pattern
    return pattern?.filled(with: numbers) ?? place.description
  }
}
