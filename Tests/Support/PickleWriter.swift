/// Writes pickles opcode by opcode, as a test needs them and no pickler would write them.
public struct PickleWriter: Sendable {
  /// The opcodes so far.
  public private(set) var bytes: [UInt8]

  /// Begins with PROTO 2.
  public init() { bytes = [0x80, 2] }

  /// The pickle, ended by STOP.
  public var pickle: [UInt8] { bytes + Array(".".utf8) }

  /// Opcodes as they are.
  public mutating func raw(_ opcodes: String) { bytes += opcodes.utf8 }

  /// Opcodes as they are.
  public mutating func raw(_ opcodes: [UInt8]) { bytes += opcodes }

  /// BINUNICODE.
  public mutating func string(_ text: String) {
    raw("X")
    append(UInt32(text.utf8.count))
    bytes += text.utf8
  }

  /// LONG1.
  public mutating func integer(_ value: Int64) {
    bytes += [0x8A, 8]
    for shift in 0..<8 { bytes.append(UInt8(truncatingIfNeeded: value >> (8 * shift))) }
  }

  /// A tuple of integers.
  public mutating func integers(_ values: [Int64]) {
    raw("(")
    for value in values { integer(value) }
    raw("t")
  }

  /// GLOBAL.
  public mutating func global(_ module: String, _ name: String) { raw("c\(module)\n\(name)\n") }

  /// A dict; `entries` writes keys and values in turn.
  public mutating func dictionary(_ entries: (inout PickleWriter) -> Void) {
    raw("}(")
    entries(&self)
    raw("u")
  }

  /// A view of a storage of float32, as torch rebuilds it, in a stream file.
  public mutating func tensor(
    key: String, count: Int64, shape: [Int64], strides: [Int64], offset: Int64 = 0
  ) {
    global("torch._utils", "_rebuild_tensor_v2")
    raw("((")
    string("storage")
    global("torch", "FloatStorage")
    string(key)
    string("cpu")
    integer(count)
    raw("NtQ")
    integer(offset)
    integers(shape)
    integers(strides)
    bytes.append(0x89)
    raw("}tR")
  }

  private mutating func append(_ value: UInt32) {
    for shift in 0..<4 { bytes.append(UInt8(truncatingIfNeeded: value >> (8 * shift))) }
  }
}

/// A torch stream file around a pickled object whose storages hold float32.
public func torchStream(_ object: [UInt8], storages: [(key: String, values: [Float])]) -> [UInt8] {
  var bytes: [UInt8] = [
    0x80, 2, 0x8A, 10, 0x6C, 0xFC, 0x9C, 0x46, 0xF9, 0x20, 0x6A, 0xA8, 0x50, 0x19, 0x2E,
  ]
  bytes += [0x80, 2, 0x4D, 0xE9, 0x03, 0x2E]
  bytes += [0x80, 2] + Array("}.".utf8)
  bytes += object
  var keys = PickleWriter()
  keys.raw("](")
  for storage in storages { keys.string(storage.key) }
  keys.raw("e")
  bytes += keys.pickle
  for storage in storages {
    for shift in 0..<8 { bytes.append(UInt8(truncatingIfNeeded: storage.values.count >> (8 * shift))) }
    for value in storage.values {
      for shift in 0..<4 { bytes.append(UInt8(truncatingIfNeeded: value.bitPattern >> (8 * UInt32(shift)))) }
    }
  }
  return bytes
}
