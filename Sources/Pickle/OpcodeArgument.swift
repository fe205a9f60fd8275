internal import ResectBytes

/// What followed an opcode: a number, or where its text or bytes are.
struct OpcodeArgument {
  /// The number; of a float, its bits.
  var number: Int64 = 0
  /// The bytes, without their length or newline.
  var range = 0..<0
  /// The second line.
  var secondRange = 0..<0

  /// Reads an argument of `kind`.
  init(_ kind: Opcode.ArgumentKind, from reader: inout ByteReader) throws(ResectError) {
    switch kind {
    case .nothing: break
    case .uint8: number = Int64(try reader.byte())
    case .uint16: number = Int64(try reader.integer(UInt16.self))
    case .uint32: number = Int64(try reader.integer(UInt32.self))
    case .uint64: number = Int64(clamping: try reader.integer(UInt64.self))
    case .int32: number = Int64(Int32(bitPattern: try reader.integer(UInt32.self)))
    case .float64: number = Int64(bitPattern: try reader.integer(UInt64.self).byteSwapped)
    case .line: range = try reader.range(until: UInt8(ascii: "\n"))
    case .twoLines:
      range = try reader.range(until: UInt8(ascii: "\n"))
      secondRange = try reader.range(until: UInt8(ascii: "\n"))
    case .counted8: try take(UInt64(try reader.byte()), from: &reader)
    case .counted32: try take(UInt64(try reader.integer(UInt32.self)), from: &reader)
    case .counted64: try take(try reader.integer(UInt64.self), from: &reader)
    case .countedSigned32:
      let count = Int32(bitPattern: try reader.integer(UInt32.self))
      guard count >= 0 else { throw ResectError(.malformed, "the length is \(count)") }
      try take(UInt64(count), from: &reader)
    }
  }

  private mutating func take(_ count: UInt64, from reader: inout ByteReader) throws(ResectError) {
    guard count <= UInt64(Limits.metadataBytes) else { throw .tooLong(count) }
    range = try reader.range(count: Int(count))
  }
}

extension ResectError {
  static func tooLong(_ count: UInt64) -> ResectError {
    ResectError(.limit, "a value of \(count) bytes; at most \(Limits.metadataBytes) are read")
  }
}
