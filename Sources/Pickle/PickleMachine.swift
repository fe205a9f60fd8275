internal import ResectBytes

/// Carries out the instructions of one pickle, without what they would run.
struct PickleMachine {
  let policy: PicklePolicy
  var arena: Arena
  var globals = Globals()
  private var reader: ByteReader
  private var stack: [ValueID] = []
  /// How high the stack was at each open MARK.
  private var marks: [Int] = []
  private var memo = Memo()
  private let noValue: ValueID
  private let trueValue: ValueID
  private let falseValue: ValueID
  private let emptyTuple: ValueID

  init(bytes: [UInt8], at offset: Int, policy: PicklePolicy) throws(ResectError) {
    self.policy = policy
    reader = ByteReader(bytes, at: offset)
    arena = Arena(bytes: bytes)
    noValue = try arena.make(.none)
    trueValue = try arena.make(.bool(true))
    falseValue = try arena.make(.bool(false))
    emptyTuple = try arena.make(.tuple(Extent()))
  }

  /// The offset after the last instruction.
  var position: Int { reader.position }

  /// Carries out everything up to STOP and returns what it leaves.
  mutating func run() throws(ResectError) -> ValueID {
    while true {
      let start = reader.position
      var name: StaticString?
      do throws(ResectError) {
        let byte = try reader.byte()
        guard let row = Opcode.rows[Int(byte)] else {
          throw ResectError(.malformed, "unknown opcode 0x\([byte].hexadecimal)")
        }
        name = row.name
        let argument = try OpcodeArgument(row.argument, from: &reader)
        globals.offset = start
        guard row.opcode == .stop else {
          try execute(row.opcode, argument)
          continue
        }
        return try finish()
      } catch {
        throw error.located(at: start, in: name)
      }
    }
  }

  private mutating func finish() throws(ResectError) -> ValueID {
    guard let root = stack.last, stack.count == 1, marks.isEmpty else {
      throw ResectError(
        .malformed,
        "expected one value, found \(stack.count) values and \(marks.count) open marks")
    }
    try globals.refuseMentions(policy)
    arena.freeze()
    return root
  }

  /// Python reads a frame at once; here it only has to be there.
  private func checkFrame(_ count: Int64) throws(ResectError) {
    guard count <= Limits.metadataBytes else { throw .tooLong(UInt64(count)) }
    guard count <= reader.remaining else {
      throw ResectError(.truncated, "expected \(count) more bytes, found \(reader.remaining)")
    }
  }

  private mutating func execute(
    _ opcode: Opcode, _ argument: OpcodeArgument
  ) throws(ResectError) {
    switch opcode {
    case .proto:
      guard argument.number <= 5 else {
        throw ResectError(.unsupported, "protocol \(argument.number); 0 to 5 are known")
      }
    case .frame: try checkFrame(argument.number)
    case .stop: break
    case .mark: try mark()
    case .pop:
      if marks.last == stack.count { marks.removeLast() } else { _ = try pop() }
    case .popMark: _ = try popToMark()
    case .dup: try push(try top())

    case .none: try push(noValue)
    case .newTrue: try push(trueValue)
    case .newFalse: try push(falseValue)
    case .binInt, .binInt1, .binInt2: try push(.integer(argument.number))
    case .int: try push(try integer(fromLine: argument.range, mayBeBool: true))
    case .long: try push(try integer(fromLine: argument.range, mayBeBool: false))
    case .long1, .long4: try push(integer(fromBytes: argument.range))
    case .float: try push(.float(try float(fromLine: argument.range)))
    case .binFloat:
      try push(.float(Double(bitPattern: UInt64(bitPattern: argument.number))))

    case .string: try push(.string(try text(quoted: argument.range)))
    case .binString, .shortBinString: try push(.string(try text(ofPython2: argument.range)))
    case .unicode: try push(.string(try text(rawEscaped: argument.range)))
    case .binUnicode, .shortBinUnicode, .binUnicode8:
      try push(.string(try text(unicode: argument.range)))
    case .binBytes, .shortBinBytes, .binBytes8, .byteArray8:
      try push(.bytes(Text(argument.range)))
    case .nextBuffer, .readOnlyBuffer:
      throw ResectError(.unsupported, "the pickle keeps bytes outside itself")

    case .emptyTuple: try push(emptyTuple)
    case .tuple: try push(try arena.make(.tuple(Extent()), of: try popToMark()))
    case .tuple1: try push(try arena.make(.tuple(Extent()), of: try pop(1)))
    case .tuple2: try push(try arena.make(.tuple(Extent()), of: try pop(2)))
    case .tuple3: try push(try arena.make(.tuple(Extent()), of: try pop(3)))
    case .emptyList: try push(.list(Extent()))
    case .list: try push(try arena.make(.list(Extent()), of: try popToMark()))
    case .append: try append(try pop(1))
    case .appends: try append(try popToMark())
    case .emptyDict: try push(.dictionary(Extent()))
    case .dict:
      let entries = try popToMark()
      try push(.dictionary(Extent()))
      try setItems(entries)
    case .setItem: try setItems(try pop(2))
    case .setItems: try setItems(try popToMark())
    case .emptySet: try push(.set(Extent()))
    case .frozenSet: try push(try makeSet(.frozenset(Extent()), of: try popToMark()))
    case .addItems: try addItems(try popToMark())

    case .get: try get(try slot(fromLine: argument.range))
    case .binGet, .longBinGet: try get(argument.number)
    case .put: try memo.store(try top(), in: try slot(fromLine: argument.range))
    case .binPut, .longBinPut: try memo.store(try top(), in: argument.number)
    case .memoize: try memo.store(try top(), in: Int64(memo.count))

    case .persID:
      try pushPersistentID(try arena.make(.string(try text(unicode: argument.range))))
    case .binPersID: try pushPersistentID(try pop())

    case .global: try push(try global(fromLines: argument))
    case .stackGlobal: try push(try global(from: try pop(2)))
    case .reduce:
      let parts = try pop(2)
      try push(try call(parts[0], with: parts[1], by: .reduce))
    case .newObj:
      let parts = try pop(2)
      try push(try call(parts[0], with: parts[1], by: .newObj))
    case .inst:
      let arguments = try popToMark()
      let type = try global(fromLines: argument)
      try push(try instantiate(type, with: arguments))
    case .obj:
      let parts = try popToMark()
      guard let type = parts.first else { throw .underflow }
      try push(try instantiate(type, with: Array(parts.dropFirst())))
    case .newObjEx:
      throw .calls(try name(ofCallable: try pop(3)[0]), "with keyword arguments")
    case .build:
      let state = try pop()
      try build(try top(), with: state)
    case .ext1, .ext2, .ext4:
      throw ResectError(
        .unsafePickle, "the pickle calls what is registered as extension \(argument.number)",
        advice: ResectError.nothingWasRun)
    }
  }
}

// MARK: - The stack

extension PickleMachine {
  private mutating func mark() throws(ResectError) {
    try checkStack()
    marks.append(stack.count)
  }

  private mutating func push(_ id: ValueID) throws(ResectError) {
    try checkStack()
    stack.append(id)
  }

  private mutating func push(_ node: Node) throws(ResectError) {
    try push(try arena.make(node))
  }

  private func checkStack() throws(ResectError) {
    guard stack.count + marks.count < Limits.pickleStack else {
      throw .tooMany("values on its stack", Limits.pickleStack)
    }
  }

  private func top() throws(ResectError) -> ValueID {
    guard let top = stack.last, stack.count > marks.last ?? 0 else { throw .underflow }
    return top
  }

  private mutating func pop() throws(ResectError) -> ValueID {
    let top = try top()
    stack.removeLast()
    return top
  }

  /// The topmost `count` values, the lowest first.
  private mutating func pop(_ count: Int) throws(ResectError) -> [ValueID] {
    guard stack.count - (marks.last ?? 0) >= count else { throw .underflow }
    defer { stack.removeLast(count) }
    return Array(stack.suffix(count))
  }

  /// All values above the topmost mark, which goes too.
  private mutating func popToMark() throws(ResectError) -> [ValueID] {
    guard let mark = marks.popLast() else {
      throw ResectError(.malformed, "expected an open mark, found none")
    }
    defer { stack.removeLast(stack.count - mark) }
    return Array(stack[mark...])
  }

  private mutating func get(_ slot: Int64) throws(ResectError) {
    guard let value = memo[slot] else {
      throw ResectError(.malformed, "nothing was stored in the memo's slot \(slot)")
    }
    try push(value)
  }

  private mutating func pushPersistentID(_ value: ValueID) throws(ResectError) {
    let id = try arena.make(.persistentID(value))
    try arena.deepen(id, around: value)
    try push(id)
  }
}

// MARK: - Growing containers

extension PickleMachine {
  private mutating func append(_ items: [ValueID]) throws(ResectError) {
    try extend(try top(), with: items, as: .list(Extent()))
  }

  private mutating func setItems(_ items: [ValueID]) throws(ResectError) {
    try checkEntries(items)
    try extend(try top(), with: items, as: .dictionary(Extent()))
  }

  private mutating func addItems(_ items: [ValueID]) throws(ResectError) {
    let id = try top()
    guard case .set = arena[id] else {
      throw ResectError(.malformed, "expected a set, found \(arena[id].kind)")
    }
    try checkHashable(items)
    try arena.extend(id, with: items)
  }

  /// Adds to a list or a dict, or to an instance that is filled like one.
  private mutating func extend(
    _ id: ValueID, with items: [ValueID], as kind: Node
  ) throws(ResectError) {
    if case .instance(let type, .absent, let state) = arena[id], isOpenInstance(type) {
      let own = try arena.make(kind, of: items)
      try arena.replace(id, by: .instance(type: type, items: own, state: state), around: own)
      return
    }
    var target = id
    if case .instance(_, let own, _) = arena[id], own != .absent { target = own }
    switch (arena[target], kind) {
    case (.list, .list), (.dictionary, .dictionary):
      try arena.extend(target, with: items)
      if target != id { try arena.deepen(id, around: target) }
    default:
      throw ResectError(.malformed, "expected \(kind.kind), found \(arena[target].kind)")
    }
  }
}
