internal import ResectBytes

// What would import, call or change something in Python: kept as a description or refused.
extension PickleMachine {
  // MARK: - Mentions

  mutating func global(fromLines lines: OpcodeArgument) throws(ResectError) -> ValueID {
    try mention(try text(unicode: lines.range), try text(unicode: lines.secondRange))
  }

  /// The global whose module and name are two strings.
  mutating func global(from parts: [ValueID]) throws(ResectError) -> ValueID {
    guard parts.count == 2, case .string(let module) = arena[parts[0]],
      case .string(let name) = arena[parts[1]]
    else { throw ResectError(.malformed, "expected two strings as the name of a class") }
    return try mention(module, name)
  }

  private mutating func mention(_ module: Text, _ name: Text) throws(ResectError) -> ValueID {
    guard max(module.count, name.count) <= Limits.pickleNameBytes else {
      throw ResectError(
        .limit, "the name of a class is longer than \(Limits.pickleNameBytes) bytes")
    }
    let name = GlobalName(arena.string(module), arena.string(name))
    return try globals.mention(name, policy, in: &arena)
  }

  /// The name of what is to be called, which has to be a global.
  func name(ofCallable id: ValueID) throws(ResectError) -> GlobalName {
    globals.records[Int(try index(ofCallable: id))].name
  }

  private func index(ofCallable id: ValueID) throws(ResectError) -> UInt32 {
    guard case .global(let index) = arena[id] else {
      throw ResectError(
        .unsafePickle, "the pickle calls \(arena[id].kind)", advice: ResectError.nothingWasRun)
    }
    return index
  }

  /// A class, by itself or wrapped in a persistent id.
  private func index(ofClass id: ValueID) throws(ResectError) -> UInt32 {
    if policy.unwrapsClasses, case .persistentID(let value) = arena[id],
      case .tuple(let extent) = arena[value]
    {
      for element in arena.children(of: extent).prefix(2) {
        if case .global(let index) = arena[element] { return index }
      }
    }
    return try index(ofCallable: id)
  }

  // MARK: - Calls

  enum CallKind { case reduce, newObj }

  /// REDUCE and NEWOBJ.
  mutating func call(
    _ function: ValueID, with arguments: ValueID, by kind: CallKind
  ) throws(ResectError) -> ValueID {
    let index = try kind == .newObj ? index(ofClass: function) : index(ofCallable: function)
    guard case .tuple(let extent) = arena[arguments] else {
      throw ResectError(
        .malformed, "expected a tuple of arguments, found \(arena[arguments].kind)")
    }
    let record = globals.records[Int(index)]
    if let builtIn = record.builtIn {
      return try construct(builtIn, of: index, with: arguments, extent)
    }
    if kind == .newObj, extent.count == 0 { return try makeInstance(of: index) }
    guard record.isCallable else { throw .calls(record.name) }
    let call = Node.call(function: index, arguments: arguments, state: .absent)
    let id = try arena.make(call)
    try arena.deepen(id, around: arguments)
    return id
  }

  /// INST and OBJ. Python calls what they name; without arguments and for a class that is making an instance.
  mutating func instantiate(
    _ type: ValueID, with arguments: [ValueID]
  ) throws(ResectError) -> ValueID {
    let index = try index(ofCallable: type)
    let record = globals.records[Int(index)]
    if arguments.isEmpty, record.builtIn == nil, record.name.looksLikeClass {
      return try makeInstance(of: index)
    }
    return try call(type, with: try arena.make(.tuple(Extent()), of: arguments), by: .reduce)
  }

  /// An object of a class that was made without arguments.
  mutating func makeInstance(
    of type: UInt32, items: ValueID = .absent
  ) throws(ResectError) -> ValueID {
    globals.noteClass(type)
    let id = try arena.make(.instance(type: type, items: items, state: .absent))
    if items != .absent { try arena.deepen(id, around: items) }
    return id
  }

  /// Whether instances of the class may be filled like a list or a dict, as subclasses of these are.
  func isOpenInstance(_ type: UInt32) -> Bool { globals.records[Int(type)].builtIn == nil }

  // MARK: - States

  /// BUILD: gives `target` attributes.
  mutating func build(_ target: ValueID, with state: ValueID) throws(ResectError) {
    switch arena[target] {
    case .call(let function, let arguments, let old):
      let name = globals.records[Int(function)].name
      guard policy.callablesWithState.contains(name), old == .absent else {
        throw .changes("the result of \(name)")
      }
      let call = Node.call(function: function, arguments: arguments, state: state)
      try arena.replace(target, by: call, around: state)
    case .instance(let type, let items, let old):
      let state = try mergedState(of: type, old, with: state)
      let instance = Node.instance(type: type, items: items, state: state)
      try arena.replace(target, by: instance, around: state)
    case .global(let index):
      throw .changes("\(globals.records[Int(index)].name)")
    default:
      throw ResectError(.malformed, "expected an instance, found \(arena[target].kind)")
    }
  }

  /// The state of an instance that had `old` and is given `new`.
  ///
  /// A dict is copied, as Python does: what happens to it later does not concern the instance.
  private mutating func mergedState(
    of type: UInt32, _ old: ValueID, with new: ValueID
  ) throws(ResectError) -> ValueID {
    let name = globals.records[Int(type)].name
    if old == .absent, case .tuple = arena[new], policy.classesWithTupleState.contains(name) {
      return new
    }
    var merged = old
    if merged == .absent { merged = try arena.make(.dictionary(Extent())) }
    guard case .dictionary = arena[merged] else { throw .changes("an instance of \(name) twice") }
    for part in try stateParts(new, of: name) {
      let entries = arena.children(of: part)
      for key in stride(from: 0, to: entries.count, by: 2) {
        try checkAttribute(entries[key], of: name)
      }
      try arena.extend(merged, with: entries)
    }
    return merged
  }

  /// The dicts in a state, which is one, or a pair of one and another for slots, either of which may be None.
  private func stateParts(_ state: ValueID, of name: GlobalName) throws(ResectError) -> [Extent] {
    if case .dictionary(let extent) = arena[state] { return [extent] }
    var parts: [Extent] = []
    guard case .tuple(let pair) = arena[state], pair.count == 2 else {
      throw .changes("an instance of \(name) by \(arena[state].kind)")
    }
    for part in arena.children(of: pair) {
      switch arena[part] {
      case .none: break
      case .dictionary(let extent): parts.append(extent)
      default: throw .changes("an instance of \(name) by \(arena[part].kind)")
      }
    }
    return parts
  }

  /// Refuses attributes that change what an object is or how it behaves, such as `__class__` and `__setstate__`.
  private func checkAttribute(_ key: ValueID, of name: GlobalName) throws(ResectError) {
    guard case .string(let text) = arena[key] else {
      throw ResectError(.malformed, "expected a string as an attribute, found \(arena[key].kind)")
    }
    let bytes = arena.slice(text)
    guard !bytes.starts(with: "__".utf8) || !bytes.suffix(2).elementsEqual("__".utf8) else {
      throw .changes("\(String(decoding: bytes.prefix(64), as: UTF8.self)) of a \(name)")
    }
  }
}

extension ResectError {
  static let nothingWasRun: Advice = "nothing was run; do not load this file with torch.load either"

  static func calls(_ name: GlobalName, _ how: String = "") -> ResectError {
    let how = how.isEmpty ? "" : " \(how)"
    return ResectError(.unsafePickle, "the pickle calls \(name)\(how)", advice: nothingWasRun)
  }

  static func mentions(_ name: GlobalName) -> ResectError {
    ResectError(.unsafePickle, "the pickle mentions \(name)", advice: nothingWasRun)
  }

  static func reachesThrough(_ name: GlobalName) -> ResectError {
    ResectError(
      .unsafePickle,
      "the pickle mentions \"\(name.name)\" in \"\(name.module)\", which is no name but a path",
      advice: nothingWasRun)
  }

  static func changes(_ what: String) -> ResectError {
    ResectError(.unsafePickle, "the pickle changes \(what)", advice: nothingWasRun)
  }

  static let underflow = ResectError(.malformed, "the stack holds too few values")

  /// The same error with its place in the pickle, and the instruction where that helps to understand it.
  func located(at offset: Int, in opcode: StaticString?) -> ResectError {
    var message = message
    if let opcode, code == .malformed || code == .truncated { message = "\(opcode): \(message)" }
    // A mention that turns out to be of a function is refused at the end, and has its own place.
    let offset = code == .unsafePickle ? self.offset ?? UInt64(offset) : UInt64(offset)
    return ResectError(code, message, advice: advice, offset: offset)
  }
}
