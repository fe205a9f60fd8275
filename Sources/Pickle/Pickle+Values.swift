extension Pickle {
  /// One value; its parts are IDs to look up in turn.
  public enum Value: Sendable {
    /// `None`.
    case none
    /// `True` or `False`.
    case bool(Bool)
    /// An integer of at most 64 bits.
    case integer(Int64)
    /// A larger integer: little-endian two's complement, in as few bytes as it takes.
    case bigInteger(ArraySlice<UInt8>)
    /// A float.
    case float(Double)
    /// Text.
    case string(String)
    /// `bytes` or `bytearray`.
    case bytes(ArraySlice<UInt8>)
    /// The elements of a tuple.
    case tuple(ArraySlice<ValueID>)
    /// The elements of a list.
    case list(ArraySlice<ValueID>)
    /// The elements of a set or a frozenset as written: equal ones may repeat.
    case set(ArraySlice<ValueID>)
    /// The entries of a plain dict.
    case dictionary(Entries)
    /// A class or a function that is only mentioned.
    case global(GlobalName)
    /// A persistent id, and the value that it carries: an object outside the pickle.
    case persistentID(ValueID)
    /// A call that the policy allows and nobody made.
    case call(Call)
    /// An object that was made without arguments, or one of Python's own containers that is not plain.
    case instance(Instance)
  }

  /// A call: what is called, with what, and what state its result is given.
  public struct Call: Sendable {
    /// What is called.
    public let function: GlobalName
    /// The positional arguments.
    public let arguments: ArraySlice<ValueID>
    /// What BUILD gave to the result.
    public let state: ValueID?
  }

  /// An object of a class that was made without arguments.
  ///
  /// An `OrderedDict`, `defaultdict` or `Counter` is one with ``items``; a `complex` has its two parts as a tuple.
  public struct Instance: Sendable {
    /// The class, of which nothing is known but its name.
    public let type: GlobalName
    /// A dict or a list, where the object was filled like one; a tuple of a `complex`.
    public let items: ValueID?
    /// The attributes as a dict, or a tuple where the policy allows that as a state.
    public let state: ValueID?
  }

  /// The keys and values of a dict in order. Of equal keys, the place of the first and the value of the last remain.
  public struct Entries: RandomAccessCollection, Sendable {
    let elements: ArraySlice<ValueID>

    /// The position of the first entry.
    public var startIndex: Int { 0 }
    /// The position after the last entry.
    public var endIndex: Int { elements.count / 2 }

    /// The entry at `index`.
    public subscript(index: Int) -> (key: ValueID, value: ValueID) {
      let key = elements.startIndex + 2 * index
      return (elements[key], elements[key + 1])
    }
  }

  /// A kind of value that is more than data: what a check of a pickle goes through.
  public enum Kind: Sendable {
    /// ``Value/persistentID(_:)``.
    case persistentID
    /// ``Value/call(_:)``.
    case call
    /// ``Value/instance(_:)``.
    case instance
  }

  /// Every value of these kinds in the order of making, whether the root holds it or it was thrown away.
  public func values(of kinds: Kind...) -> [ValueID] {
    arena.slots.indices.compactMap { index in
      let kind: Kind
      switch arena.slots[index].node {
      case .persistentID: kind = .persistentID
      case .call: kind = .call
      case .instance: kind = .instance
      case .none, .bool, .integer, .bigInteger, .float, .string, .bytes, .tuple, .list, .set,
        .frozenset, .dictionary, .global:
        return nil
      }
      return kinds.contains(kind) ? ValueID(index) : nil
    }
  }

  /// The value that `id` names; `id` comes from this pickle.
  public subscript(id: ValueID) -> Value {
    switch arena[id] {
    case .none: .none
    case .bool(let value): .bool(value)
    case .integer(let value): .integer(value)
    case .bigInteger(let text): .bigInteger(arena.slice(text))
    case .float(let value): .float(value)
    case .string(let text): .string(arena.string(text))
    case .bytes(let text): .bytes(arena.slice(text))
    case .tuple(let extent): .tuple(arena.elements[extent.run])
    case .list(let extent): .list(arena.elements[extent.run])
    case .set(let extent), .frozenset(let extent): .set(arena.elements[extent.run])
    case .dictionary(let extent): .dictionary(Entries(elements: arena.elements[extent.run]))
    case .global(let index): .global(arena.globals[Int(index)])
    case .persistentID(let value): .persistentID(value)
    case .call(let function, let arguments, let state):
      .call(
        Call(
          function: arena.globals[Int(function)], arguments: tuple(arguments) ?? [],
          state: state.present))
    case .instance(let type, let items, let state):
      .instance(
        Instance(
          type: arena.globals[Int(type)], items: items.present, state: state.present))
    }
  }
}
