/// Something to pickle: a description that a reader rebuilds.
///
/// ```swift
/// PickleExpression.orderedDictionary([("answer", .integer(42))]).pickle
/// ```
public indirect enum PickleExpression: Sendable {
  case string(String)
  case integer(Int)
  case bool(Bool)
  case tuple([PickleExpression])
  /// A class or a function, by its module and its name.
  case global(String, String)
  /// What a function, or a class, makes of arguments.
  case call(PickleExpression, [PickleExpression])
  /// What the pickle's reader knows by this identifier.
  case persistent(PickleExpression)
  /// Python's `collections.OrderedDict`.
  case orderedDictionary([(name: String, value: PickleExpression)])

  /// A pickle of protocol 2, which every Python reads. The same expression gives the same bytes.
  ///
  /// Nothing is shared: what occurs twice is written twice.
  public var pickle: [UInt8] {
    var bytes = [Opcode.proto.byte, 2]
    write(to: &bytes)
    bytes.append(Opcode.stop.byte)
    return bytes
  }

  private func write(to bytes: inout [UInt8]) {
    switch self {
    case .string(let text):
      bytes.append(Opcode.binUnicode.byte)
      bytes.append(integer: text.utf8.count, count: 4)
      bytes += text.utf8
    case .integer(let value): bytes.append(pickled: value)
    case .bool(let value): bytes.append((value ? Opcode.newTrue : .newFalse).byte)
    case .tuple(let elements):
      bytes.append(Opcode.mark.byte)
      for element in elements { element.write(to: &bytes) }
      bytes.append(Opcode.tuple.byte)
    case .global(let module, let name):
      bytes.append(Opcode.global.byte)
      bytes += "\(module)\n\(name)\n".utf8
    case .call(let function, let arguments):
      function.write(to: &bytes)
      PickleExpression.tuple(arguments).write(to: &bytes)
      bytes.append(Opcode.reduce.byte)
    case .persistent(let identifier):
      identifier.write(to: &bytes)
      bytes.append(Opcode.binPersID.byte)
    case .orderedDictionary(let items):
      PickleExpression.call(.global("collections", "OrderedDict"), []).write(to: &bytes)
      guard !items.isEmpty else { return }
      bytes.append(Opcode.mark.byte)
      for item in items {
        PickleExpression.string(item.name).write(to: &bytes)
        item.value.write(to: &bytes)
      }
      bytes.append(Opcode.setItems.byte)
    }
  }
}

extension Opcode {
  /// The byte that the table gives it.
  fileprivate var byte: UInt8 {
    guard let byte = Opcode.bytes[self] else { preconditionFailure("the table has every opcode") }
    return byte
  }

  private static let bytes = Dictionary(uniqueKeysWithValues: table.map { ($0.opcode, $0.byte) })
}

extension [UInt8] {
  fileprivate mutating func append(integer value: Int, count: Int) {
    for index in 0..<count { append(UInt8(truncatingIfNeeded: value >> (8 * index))) }
  }

  /// An integer by the shortest opcode, as Python's pickler chooses it.
  fileprivate mutating func append(pickled value: Int) {
    let (opcode, count): (Opcode, Int) =
      switch value {
      case 0..<1 << 8: (.binInt1, 1)
      case 0..<1 << 16: (.binInt2, 2)
      case -1 << 31..<1 << 31: (.binInt, 4)
      default: (.long1, 8)
      }
    append(opcode.byte)
    if opcode == .long1 { append(UInt8(count)) }
    append(integer: value, count: count)
  }
}
