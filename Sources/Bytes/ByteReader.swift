/// A cursor over bytes in memory that never reads past their end and always knows where it is.
///
/// Numbers are little-endian. A failed read throws ``ResectError/Code/truncated`` with the offset of the cursor.
public struct ByteReader: Sendable {
  /// The bytes that are read.
  public let bytes: [UInt8]
  @usableFromInline var cursor: Int

  /// A cursor at `position` of `bytes`.
  public init(_ bytes: [UInt8], at position: Int = 0) {
    self.bytes = bytes
    cursor = min(max(position, 0), bytes.count)
  }

  /// The offset of the next byte, from the beginning of ``bytes``.
  @inlinable public var position: Int { cursor }

  /// How many bytes are left.
  @inlinable public var remaining: Int { bytes.count - cursor }

  /// Whether nothing is left.
  @inlinable public var isAtEnd: Bool { remaining == 0 }

  /// The next byte.
  @inlinable public mutating func byte() throws(ResectError) -> UInt8 {
    guard cursor < bytes.count else { throw truncated(expecting: 1) }
    defer { cursor += 1 }
    return bytes[cursor]
  }

  /// Passes over the next byte, if there is one.
  @inlinable public mutating func skipByte() {
    if cursor < bytes.count { cursor += 1 }
  }

  /// The range of the next `count` bytes, which are passed over.
  @inlinable public mutating func range(count: Int) throws(ResectError) -> Range<Int> {
    guard count >= 0, count <= remaining else { throw truncated(expecting: count) }
    defer { cursor += count }
    return cursor..<cursor + count
  }

  /// The next `count` bytes.
  public mutating func take(_ count: Int) throws(ResectError) -> ArraySlice<UInt8> {
    bytes[try range(count: count)]
  }

  /// The range of the bytes before the next `terminator`, which is passed over too.
  public mutating func range(until terminator: UInt8) throws(ResectError) -> Range<Int> {
    guard let end = bytes[cursor...].firstIndex(of: terminator) else {
      throw truncated(expecting: remaining + 1)
    }
    defer { cursor = end + 1 }
    return cursor..<end
  }

  /// The next little-endian integer.
  @inlinable public mutating func integer<I: FixedWidthInteger & UnsignedInteger>(
    _ type: I.Type = I.self
  ) throws(ResectError) -> I {
    var value: I = 0
    for index in try range(count: I.bitWidth / 8).reversed() {
      value = value << 8 | I(truncatingIfNeeded: bytes[index])
    }
    return value
  }

  @usableFromInline func truncated(expecting count: Int) -> ResectError {
    ResectError(
      .truncated, "expected \(count) more bytes, found \(remaining)", offset: UInt64(cursor))
  }
}

extension Array where Element == UInt8 {
  /// Hands the bytes over without copying them.
  public func withRawSpan<Result, Failure: Error>(
    _ body: (RawSpan) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    unsafe try body(span.bytes)
  }

  /// Appends the little-endian bytes of `value`.
  @inlinable public mutating func append(littleEndian value: some FixedWidthInteger) {
    unsafe Swift.withUnsafeBytes(of: value.littleEndian) { unsafe append(contentsOf: $0) }
  }
}

extension UInt64 {
  /// `self + other`, or an error that says whose sum overflows.
  public func adding(_ other: UInt64, _ what: @autoclosure () -> String) throws(ResectError)
    -> UInt64
  {
    let (sum, overflow) = addingReportingOverflow(other)
    guard !overflow else { throw ResectError(.malformed, "\(what()) overflows 64 bits") }
    return sum
  }
}
