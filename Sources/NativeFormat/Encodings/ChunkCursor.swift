internal import ResectBytes

/// A cursor over a chunk in memory that never reads past its end.
@safe struct ChunkCursor {
  private let bytes: UnsafeRawBufferPointer
  private var position = 0

  /// A cursor at the beginning of `bytes`, which must outlive it.
  init(_ bytes: UnsafeRawBufferPointer) { unsafe self.bytes = bytes }

  /// Whether nothing is left.
  var isAtEnd: Bool { unsafe position == bytes.count }

  /// The next byte.
  mutating func byte() throws(ResectError) -> UInt8 {
    let range = try range(of: 1)
    return unsafe bytes[range.lowerBound]
  }

  /// The next little-endian integer.
  mutating func integer<I: FixedWidthInteger>(_: I.Type = I.self) throws(ResectError) -> I {
    let range = try range(of: I.bitWidth / 8)
    return I(littleEndian: unsafe bytes.loadUnaligned(fromByteOffset: range.lowerBound, as: I.self))
  }

  /// The next `count` bytes, where they lie.
  @unsafe mutating func take(_ count: Int) throws(ResectError) -> UnsafeRawBufferPointer {
    let range = try range(of: count)
    return unsafe UnsafeRawBufferPointer(rebasing: bytes[range])
  }

  private mutating func range(of count: Int) throws(ResectError) -> Range<Int> {
    guard unsafe count <= bytes.count - position else {
      throw ChunkCursor.damaged("it ends too early")
    }
    defer { position += count }
    return position..<position + count
  }

  /// The refusal of a chunk that is not what the specification says.
  static func damaged(_ what: String) -> ResectError {
    ResectError(.malformed, "a chunk is damaged: \(what)", advice: "export the model again")
  }
}
