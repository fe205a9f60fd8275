extension Pickle {
  /// The text of a string; nothing for another value.
  public func string(_ id: ValueID) -> String? {
    guard case .string(let text) = arena[id] else { return nil }
    return arena.string(text)
  }

  /// An integer of at most 64 bits; nothing for another value, a bool among them.
  public func integer(_ id: ValueID) -> Int64? {
    guard case .integer(let value) = arena[id] else { return nil }
    return value
  }

  /// Whether a value is the integer with these bytes, little-endian in two's complement and as few as it takes.
  public func isInteger(_ id: ValueID, equalToLittleEndian bytes: [UInt8]) -> Bool {
    switch self[id] {
    case .bigInteger(let value): value.elementsEqual(bytes)
    case .integer(let value): value.shortestLittleEndian.elementsEqual(bytes)
    default: false
    }
  }

  /// The elements of a tuple; nothing for another value.
  public func tuple(_ id: ValueID) -> ArraySlice<ValueID>? {
    guard case .tuple(let extent) = arena[id] else { return nil }
    return arena.elements[extent.run]
  }

  /// The elements of a list, or of an instance that was filled like one; nothing for another value.
  public func list(_ id: ValueID) -> ArraySlice<ValueID>? {
    switch arena[id] {
    case .list(let extent): return arena.elements[extent.run]
    case .instance(_, let items, _):
      guard items != .absent, case .list(let extent) = arena[items] else { return nil }
      return arena.elements[extent.run]
    default: return nil
    }
  }

  /// The entries of a dict, or of an instance that was filled like one, as an `OrderedDict` is; nothing for another value.
  public func entries(of id: ValueID) -> Entries? {
    switch arena[id] {
    case .dictionary(let extent): return Entries(elements: arena.elements[extent.run])
    case .instance(_, let items, _):
      guard items != .absent, case .dictionary(let extent) = arena[items] else { return nil }
      return Entries(elements: arena.elements[extent.run])
    default: return nil
    }
  }

  /// The value of `key` among the entries of a dict or an instance that was filled like one. Takes time linear in them.
  public func value(of key: String, in id: ValueID) -> ValueID? {
    entries(of: id)?.first { isString($0.key, key) }?.value
  }

  /// An attribute of an instance whose state is a dict. Takes time linear in the state.
  public func attribute(_ name: String, of id: ValueID) -> ValueID? {
    guard case .instance(_, _, let state) = arena[id], state != .absent else { return nil }
    return value(of: name, in: state)
  }

  /// What kind of value it is, for messages: `a list`.
  public func kind(of id: ValueID) -> String { arena[id].kind }

  private func isString(_ id: ValueID, _ expected: String) -> Bool {
    guard case .string(let text) = arena[id] else { return false }
    return arena.slice(text).elementsEqual(expected.utf8)
  }
}

extension Int64 {
  /// Little-endian two's complement in as few bytes as it takes: none for 0.
  fileprivate var shortestLittleEndian: ArraySlice<UInt8> {
    (0..<8).map { UInt8(truncatingIfNeeded: self >> (8 * $0)) }.shortestInteger
  }
}
