internal import ResectBytes

// Python's own containers, made the way picklers make them.
extension PickleMachine {
  /// What the call of a built-in global gives. Refuses arguments that no pickler writes.
  mutating func construct(
    _ builtIn: BuiltInGlobal, of type: UInt32, with tuple: ValueID, _ extent: Extent
  ) throws(ResectError) -> ValueID {
    let name = globals.records[Int(type)].name
    guard extent.count <= 3 else { throw .calls(name, "with \(extent.count) arguments") }
    let arguments = arena.children(of: extent)
    switch (builtIn, arguments.count) {
    case (.orderedDict, 0), (.counter, 0), (.defaultDict, 0):
      return try makeInstance(of: type, items: try arena.make(.dictionary(Extent())))
    case (.orderedDict, 1), (.counter, 1):
      return try makeInstance(of: type, items: try dictionary(from: arguments[0], for: name))
    case (.defaultDict, 1) where arena[arguments[0]].isFactory:
      return try makeInstance(of: type, items: try arena.make(.dictionary(Extent())))
    case (.dictionary, 0): return try arena.make(.dictionary(Extent()))
    case (.dictionary, 1): return try dictionary(from: arguments[0], for: name)
    case (.list, 0...1):
      return try arena.make(.list(Extent()), of: try elements(of: arguments, for: name))
    case (.tuple, 0...1):
      return try arena.make(.tuple(Extent()), of: try elements(of: arguments, for: name))
    case (.set, 0...1):
      return try makeSet(.set(Extent()), of: try elements(of: arguments, for: name))
    case (.frozenset, 0...1):
      return try makeSet(.frozenset(Extent()), of: try elements(of: arguments, for: name))
    case (.bytes, 0), (.byteArray, 0): return try arena.make(.bytes(Text(0..<0)))
    case (.bytes, 1), (.byteArray, 1):
      guard case .bytes = arena[arguments[0]] else { break }
      return arguments[0]
    case (.byteArray, 2), (.encode, 2):
      guard case .string(let text) = arena[arguments[0]], isLatin1(arguments[1]) else { break }
      return try arena.make(.bytes(try bytes(ofLatin1: text)))
    case (.complex, 2) where arguments.allSatisfy { arena[$0].isRealNumber }:
      return try makeInstance(of: type, items: tuple)
    case (.object, 0), (.namespace, 0): return try makeInstance(of: type)
    case (.reconstructor, 3): return try reconstruct(arguments, for: name)
    default: break
    }
    throw .calls(name, "in a way that no pickler does")
  }

  /// `_reconstructor(class, object, None)`, which is the class made without arguments.
  private mutating func reconstruct(
    _ arguments: [ValueID], for name: GlobalName
  ) throws(ResectError) -> ValueID {
    guard arguments.count == 3, case .global(let type) = arena[arguments[0]],
      case .global(let base) = arena[arguments[1]],
      globals.records[Int(base)].builtIn == .object, case .none = arena[arguments[2]]
    else { throw .calls(name, "in a way that no pickler does") }
    let record = globals.records[Int(type)]
    guard record.builtIn == nil || record.builtIn == .namespace else {
      throw .calls(name, "to make a \(record.name)")
    }
    return try makeInstance(of: type)
  }

  /// A dict from another, or from a list of pairs.
  private mutating func dictionary(
    from source: ValueID, for name: GlobalName
  ) throws(ResectError) -> ValueID {
    var entries: [ValueID] = []
    switch arena[source] {
    case .dictionary(let extent): entries = arena.children(of: extent)
    case .list(let extent), .tuple(let extent):
      for pair in arena.children(of: extent) {
        guard let extent = arena[pair].sequence, extent.count == 2 else {
          throw .calls(name, "with a list that is not of pairs")
        }
        entries += arena.children(of: extent)
      }
    default: throw .calls(name, "with \(arena[source].kind)")
    }
    try checkEntries(entries)
    return try arena.make(.dictionary(Extent()), of: entries)
  }

  /// The elements of the one argument that makes a list, a tuple or a set; none without it.
  private func elements(
    of arguments: [ValueID], for name: GlobalName
  ) throws(ResectError) -> [ValueID] {
    guard let source = arguments.first else { return [] }
    guard let extent = arena[source].sequence else {
      throw .calls(name, "with \(arena[source].kind)")
    }
    return arena.children(of: extent)
  }

  mutating func makeSet(_ kind: Node, of elements: [ValueID]) throws(ResectError) -> ValueID {
    try checkHashable(elements)
    return try arena.make(kind, of: elements)
  }

  private func isLatin1(_ encoding: ValueID) -> Bool {
    guard case .string(let text) = arena[encoding] else { return false }
    let name = arena.slice(text)
    return name.elementsEqual("latin1".utf8) || name.elementsEqual("latin-1".utf8)
  }

  // MARK: - Keys

  /// Refuses keys and values that form no entries of a dict.
  func checkEntries(_ items: [ValueID]) throws(ResectError) {
    guard items.count.isMultiple(of: 2) else {
      throw ResectError(.malformed, "expected keys and values in turn, found a key alone")
    }
    for index in stride(from: 0, to: items.count, by: 2) { try checkKey(items[index]) }
  }

  /// Refuses what is no key in Python, and tuples within tuples, whose hash may take forever.
  private func checkKey(_ key: ValueID) throws(ResectError) {
    if arena[key].isScalar { return }
    if case .tuple(let extent) = arena[key], extent.count <= Limits.pickleKeyElements,
      arena.children(of: extent).allSatisfy({ arena[$0].isScalar })
    {
      return
    }
    throw ResectError(.malformed, "\(arena[key].kind) as a key of a dict")
  }

  /// Refuses what cannot be in a set in Python.
  func checkHashable(_ elements: [ValueID]) throws(ResectError) {
    for element in elements {
      switch arena[element] {
      case .list, .dictionary, .set:
        throw ResectError(.malformed, "\(arena[element].kind) as an element of a set")
      default: break
      }
    }
  }
}

extension Node {
  /// The elements of what a list, a tuple or a set is made from.
  fileprivate var sequence: Extent? {
    switch self {
    case .tuple(let extent), .list(let extent), .set(let extent), .frozenset(let extent): extent
    default: nil
    }
  }

  /// Whether it can be what a defaultdict makes its values by.
  fileprivate var isFactory: Bool {
    switch self {
    case .none, .global: true
    default: false
    }
  }

  fileprivate var isRealNumber: Bool {
    switch self {
    case .integer, .float: true
    default: false
    }
  }
}
