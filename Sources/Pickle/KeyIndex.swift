internal import ResectBytes

/// Finds equal keys of dicts, in time linear in the size of the arena however often the memo repeats a key.
///
/// Each key is hashed once and gets a canonical ID, that of the first key that equals it. Since dicts are visited in the
/// order of their runs, where a canonical key was seen last tells whether that was in the same dict.
struct KeyIndex {
  private static let absent = UInt32.max
  /// The canonical ID of each value that is a key.
  private var canonical: [UInt32]
  /// Where in the elements each canonical key was placed last.
  private var places: [UInt32]
  /// The canonical keys by hash, with open addressing.
  private var table: [UInt32]

  init(of arena: Arena) {
    var keys = 0
    for slot in arena.slots {
      if case .dictionary(let extent) = slot.node { keys += Int(extent.count / 2) }
    }
    // A tuple's elements become canonical too; each has a node of its own.
    let capacity = min(keys * (Limits.pickleKeyElements + 1), arena.slots.count) * 2
    var size = 2
    while size < capacity { size *= 2 }
    table = Array(repeating: KeyIndex.absent, count: size)
    canonical = Array(repeating: KeyIndex.absent, count: arena.slots.count)
    places = canonical
  }

  /// Where the entry of `key` belongs in a dict with the elements `run`: where an equal key is, otherwise `next`.
  mutating func place(of key: ValueID, in run: Range<Int>, next: Int, arena: Arena) -> Int {
    let key = canonicalKey(of: key, in: arena)
    let place = places[key]
    if place != KeyIndex.absent, run.contains(Int(place)) { return Int(place) }
    places[key] = UInt32(truncatingIfNeeded: next)
    return next
  }

  private mutating func canonicalKey(of key: ValueID, in arena: Arena) -> Int {
    guard case .tuple(let extent) = arena[key] else { return canonicalScalar(key, in: arena) }
    if canonical[key.position] != KeyIndex.absent { return Int(canonical[key.position]) }
    // The elements of a key are scalars: this goes one level deep.
    for element in arena.elements[extent.run] { _ = canonicalScalar(element, in: arena) }
    return canonicalScalar(key, in: arena)
  }

  private mutating func canonicalScalar(_ key: ValueID, in arena: Arena) -> Int {
    let known = canonical[key.position]
    guard known == KeyIndex.absent else { return Int(known) }
    var hasher = Hasher()
    hash(arena[key], in: arena, into: &hasher)
    var slot = hasher.finalize() & (table.count - 1)
    while table[slot] != KeyIndex.absent {
      let other = ValueID(index: table[slot])
      if areEqual(arena[key], arena[other], in: arena) {
        canonical[key.position] = other.index
        return other.position
      }
      slot = (slot + 1) & (table.count - 1)
    }
    table[slot] = key.index
    canonical[key.position] = key.index
    return key.position
  }

  private func hash(_ key: Node, in arena: Arena, into hasher: inout Hasher) {
    if let number = Number(key) {
      hasher.combine(number)
    } else if let text = key.text {
      for byte in arena.slice(text) { hasher.combine(byte) }
    } else if case .global(let index) = key {
      hasher.combine(index)
    } else if case .tuple(let extent) = key {
      for element in arena.elements[extent.run] { hasher.combine(canonical[element.position]) }
    }
  }

  private func areEqual(_ left: Node, _ right: Node, in arena: Arena) -> Bool {
    switch (left, right) {
    case (.none, .none): return true
    case (.global(let left), .global(let right)): return left == right
    case (.string(let left), .string(let right)), (.bytes(let left), .bytes(let right)),
      (.bigInteger(let left), .bigInteger(let right)):
      return arena.slice(left) == arena.slice(right)
    case (.tuple(let left), .tuple(let right)):
      return arena.elements[left.run].elementsEqual(arena.elements[right.run]) {
        canonical[$0.position] == canonical[$1.position]
      }
    default:
      guard let left = Number(left), let right = Number(right) else { return false }
      return left == right
    }
  }
}

/// What Python compares numbers by: `1`, `1.0` and `True` are one key.
private enum Number: Hashable {
  case integer(Int64)
  /// A float that is no integer, by its bits.
  case float(UInt64)

  init?(_ node: Node) {
    switch node {
    case .bool(let value): self = .integer(value ? 1 : 0)
    case .integer(let value): self = .integer(value)
    case .float(let value):
      self = Int64(exactly: value).map(Number.integer) ?? .float(value.bitPattern)
    case .none, .bigInteger, .string, .bytes, .tuple, .list, .set, .frozenset, .dictionary,
      .global, .persistentID, .call, .instance:
      return nil
    }
  }
}

extension Node {
  /// The bytes that a key is compared by.
  fileprivate var text: Text? {
    switch self {
    case .string(let text), .bytes(let text), .bigInteger(let text): text
    case .none, .bool, .integer, .float, .tuple, .list, .set, .frozenset, .dictionary, .global,
      .persistentID, .call, .instance:
      nil
    }
  }
}
