/// A value as the arena holds it: 16 bytes, and no reference to another node but by its ID.
enum Node: Sendable {
  case none
  case bool(Bool)
  case integer(Int64)
  /// An integer beyond 64 bits: little-endian two's complement, in as few bytes as it takes.
  case bigInteger(Text)
  case float(Double)
  /// Text that is known to be UTF-8.
  case string(Text)
  case bytes(Text)
  case tuple(Extent)
  case list(Extent)
  case set(Extent)
  case frozenset(Extent)
  /// Keys and values in turn.
  case dictionary(Extent)
  /// An index into the arena's globals.
  case global(UInt32)
  case persistentID(ValueID)
  /// A tuple of arguments for one of the arena's globals.
  case call(function: UInt32, arguments: ValueID, state: ValueID)
  /// An object whose class is one of the arena's globals.
  case instance(type: UInt32, items: ValueID, state: ValueID)
}

/// Where the bytes of a text are: in the pickle or, counted on from its end, among the arena's converted ones.
struct Text: Sendable, Hashable {
  let start: UInt32
  let count: UInt32

  init(_ range: Range<Int>) {
    start = UInt32(truncatingIfNeeded: range.lowerBound)
    count = UInt32(truncatingIfNeeded: range.count)
  }
}

/// Where the elements of a container are.
///
/// While the pickle is read, they are a chain of links, since any container may grow at any time; when it has been read, a
/// run of elements.
struct Extent: Sendable {
  /// The first link or the first element.
  var first: UInt32 = 0
  /// The last link.
  var last: UInt32 = 0
  var count: UInt32 = 0

  /// The positions of the elements, once they are a run.
  var run: Range<Int> { Int(first)..<Int(first) + Int(count) }
}

extension Node {
  /// The elements of a container.
  var extent: Extent? {
    switch self {
    case .tuple(let extent), .list(let extent), .set(let extent), .frozenset(let extent),
      .dictionary(let extent):
      extent
    case .none, .bool, .integer, .bigInteger, .float, .string, .bytes, .global, .persistentID,
      .call, .instance:
      nil
    }
  }

  /// The same container with other elements; another node stays what it is.
  func with(_ extent: Extent) -> Node {
    switch self {
    case .tuple: .tuple(extent)
    case .list: .list(extent)
    case .set: .set(extent)
    case .frozenset: .frozenset(extent)
    case .dictionary: .dictionary(extent)
    case .none, .bool, .integer, .bigInteger, .float, .string, .bytes, .global, .persistentID,
      .call, .instance:
      self
    }
  }

  /// What the node is, for messages.
  var kind: String {
    switch self {
    case .none: "None"
    case .bool: "a bool"
    case .integer, .bigInteger: "an integer"
    case .float: "a float"
    case .string: "a string"
    case .bytes: "bytes"
    case .tuple: "a tuple"
    case .list: "a list"
    case .set: "a set"
    case .frozenset: "a frozenset"
    case .dictionary: "a dict"
    case .global: "a class or function"
    case .persistentID: "a persistent id"
    case .call: "the result of a call"
    case .instance: "an instance"
    }
  }

  /// Whether Python could use the node as a key, and its content is what it is compared by.
  var isScalar: Bool {
    switch self {
    case .none, .bool, .integer, .bigInteger, .float, .string, .bytes, .global: true
    case .tuple, .list, .set, .frozenset, .dictionary, .persistentID, .call, .instance: false
    }
  }
}
