/// The instructions of pickle protocols 0 to 5.
enum Opcode: Sendable, CaseIterable {
  case mark, stop, pop, popMark, dup
  case float, int, binInt, binInt1, binInt2, long, long1, long4, binFloat
  case none, newTrue, newFalse
  case string, binString, shortBinString, unicode, binUnicode, shortBinUnicode, binUnicode8
  case binBytes, shortBinBytes, binBytes8, byteArray8, nextBuffer, readOnlyBuffer
  case emptyTuple, tuple, tuple1, tuple2, tuple3
  case emptyList, list, append, appends
  case emptyDict, dict, setItem, setItems
  case emptySet, addItems, frozenSet
  case get, binGet, longBinGet, put, binPut, longBinPut, memoize
  case persID, binPersID
  case global, stackGlobal, reduce, build, inst, obj, newObj, newObjEx, ext1, ext2, ext4
  case proto, frame
}

extension Opcode {
  /// What follows an opcode's byte.
  enum ArgumentKind: Sendable {
    case nothing
    /// Unsigned, little-endian.
    case uint8, uint16, uint32, uint64
    /// Signed, little-endian.
    case int32
    /// IEEE 754, big-endian.
    case float64
    /// Text up to a newline.
    case line, twoLines
    /// A length, unsigned but for the last, and as many bytes.
    case counted8, counted32, counted64, countedSigned32
  }

  /// One line of the table: `pickletools.opcodes` in Python.
  struct Row: Sendable {
    let byte: UInt8
    let opcode: Opcode
    let name: StaticString
    let argument: ArgumentKind

    init(_ byte: UInt8, _ opcode: Opcode, _ name: StaticString, _ argument: ArgumentKind) {
      self.byte = byte
      self.opcode = opcode
      self.name = name
      self.argument = argument
    }
  }

  static let table: [Row] = [
    Row(0x28, .mark, "MARK", .nothing),
    Row(0x29, .emptyTuple, "EMPTY_TUPLE", .nothing),
    Row(0x2e, .stop, "STOP", .nothing),
    Row(0x30, .pop, "POP", .nothing),
    Row(0x31, .popMark, "POP_MARK", .nothing),
    Row(0x32, .dup, "DUP", .nothing),
    Row(0x42, .binBytes, "BINBYTES", .counted32),
    Row(0x43, .shortBinBytes, "SHORT_BINBYTES", .counted8),
    Row(0x46, .float, "FLOAT", .line),
    Row(0x47, .binFloat, "BINFLOAT", .float64),
    Row(0x49, .int, "INT", .line),
    Row(0x4a, .binInt, "BININT", .int32),
    Row(0x4b, .binInt1, "BININT1", .uint8),
    Row(0x4c, .long, "LONG", .line),
    Row(0x4d, .binInt2, "BININT2", .uint16),
    Row(0x4e, .none, "NONE", .nothing),
    Row(0x50, .persID, "PERSID", .line),
    Row(0x51, .binPersID, "BINPERSID", .nothing),
    Row(0x52, .reduce, "REDUCE", .nothing),
    Row(0x53, .string, "STRING", .line),
    Row(0x54, .binString, "BINSTRING", .countedSigned32),
    Row(0x55, .shortBinString, "SHORT_BINSTRING", .counted8),
    Row(0x56, .unicode, "UNICODE", .line),
    Row(0x58, .binUnicode, "BINUNICODE", .counted32),
    Row(0x5d, .emptyList, "EMPTY_LIST", .nothing),
    Row(0x61, .append, "APPEND", .nothing),
    Row(0x62, .build, "BUILD", .nothing),
    Row(0x63, .global, "GLOBAL", .twoLines),
    Row(0x64, .dict, "DICT", .nothing),
    Row(0x65, .appends, "APPENDS", .nothing),
    Row(0x67, .get, "GET", .line),
    Row(0x68, .binGet, "BINGET", .uint8),
    Row(0x69, .inst, "INST", .twoLines),
    Row(0x6a, .longBinGet, "LONG_BINGET", .uint32),
    Row(0x6c, .list, "LIST", .nothing),
    Row(0x6f, .obj, "OBJ", .nothing),
    Row(0x70, .put, "PUT", .line),
    Row(0x71, .binPut, "BINPUT", .uint8),
    Row(0x72, .longBinPut, "LONG_BINPUT", .uint32),
    Row(0x73, .setItem, "SETITEM", .nothing),
    Row(0x74, .tuple, "TUPLE", .nothing),
    Row(0x75, .setItems, "SETITEMS", .nothing),
    Row(0x7d, .emptyDict, "EMPTY_DICT", .nothing),
    Row(0x80, .proto, "PROTO", .uint8),
    Row(0x81, .newObj, "NEWOBJ", .nothing),
    Row(0x82, .ext1, "EXT1", .uint8),
    Row(0x83, .ext2, "EXT2", .uint16),
    Row(0x84, .ext4, "EXT4", .int32),
    Row(0x85, .tuple1, "TUPLE1", .nothing),
    Row(0x86, .tuple2, "TUPLE2", .nothing),
    Row(0x87, .tuple3, "TUPLE3", .nothing),
    Row(0x88, .newTrue, "NEWTRUE", .nothing),
    Row(0x89, .newFalse, "NEWFALSE", .nothing),
    Row(0x8a, .long1, "LONG1", .counted8),
    Row(0x8b, .long4, "LONG4", .countedSigned32),
    Row(0x8c, .shortBinUnicode, "SHORT_BINUNICODE", .counted8),
    Row(0x8d, .binUnicode8, "BINUNICODE8", .counted64),
    Row(0x8e, .binBytes8, "BINBYTES8", .counted64),
    Row(0x8f, .emptySet, "EMPTY_SET", .nothing),
    Row(0x90, .addItems, "ADDITEMS", .nothing),
    Row(0x91, .frozenSet, "FROZENSET", .nothing),
    Row(0x92, .newObjEx, "NEWOBJ_EX", .nothing),
    Row(0x93, .stackGlobal, "STACK_GLOBAL", .nothing),
    Row(0x94, .memoize, "MEMOIZE", .nothing),
    Row(0x95, .frame, "FRAME", .uint64),
    Row(0x96, .byteArray8, "BYTEARRAY8", .counted64),
    Row(0x97, .nextBuffer, "NEXT_BUFFER", .nothing),
    Row(0x98, .readOnlyBuffer, "READONLY_BUFFER", .nothing),
  ]

  /// The row of each byte.
  static let rows: [Row?] = {
    var rows = [Row?](repeating: nil, count: 256)
    for row in table { rows[Int(row.byte)] = row }
    return rows
  }()
}
