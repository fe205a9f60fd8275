import ResectBytes
import ResectTestSupport
import Testing

@Suite struct ByteReaderTests {
  @Test func `integers are little-endian`() throws {
    var reader = ByteReader([0x01, 0x34, 0x12, 0xEF, 0xBE, 0xAD, 0xDE, 1, 2, 3, 4, 5, 6, 7, 0x88])
    #expect(try reader.integer(UInt8.self) == 1)
    #expect(try reader.integer(UInt16.self) == 0x1234)
    #expect(try reader.integer(UInt32.self) == 0xDEAD_BEEF)
    #expect(try reader.integer(UInt64.self) == 0x8807_0605_0403_0201)
    #expect(reader.isAtEnd)
    #expect(reader.position == 15)
  }

  @Test func `what is appended reads back`() throws {
    var bytes: [UInt8] = []
    bytes.append(littleEndian: UInt16(0xABCD))
    bytes.append(littleEndian: Int32(-2))
    bytes.append(littleEndian: UInt64.max)
    #expect(bytes == [0xCD, 0xAB, 0xFE, 0xFF, 0xFF, 0xFF] + [UInt8](repeating: 0xFF, count: 8))
  }

  @Test func `a read past the end is refused, names its offset and does not move`() throws {
    var reader = ByteReader([1, 2, 3])
    _ = try reader.byte()
    let error = #expect(throws: ResectError.self) { try reader.integer(UInt32.self) }
    #expect(error?.code == .truncated)
    #expect(error?.offset == 1)
    #expect(reader.position == 1)
    #expect(try reader.take(2) == [2, 3])
    #expect(refusal { () throws(ResectError) in try reader.byte() } == .truncated)
  }

  @Test(arguments: [-1, Int.min, 4, Int.max])
  func `a count that is negative or too large is refused`(count: Int) {
    var reader = ByteReader([1, 2, 3])
    #expect(refusal { () throws(ResectError) in try reader.range(count: count) } == .truncated)
    #expect(reader.position == 0)
  }

  @Test func `nothing can be read as often as wanted`() throws {
    var reader = ByteReader([])
    #expect(try reader.take(0).isEmpty)
    #expect(reader.isAtEnd)
    #expect(reader.remaining == 0)
  }

  @Test func `a terminated range excludes its terminator and passes over it`() throws {
    var reader = ByteReader([9, 9, 10, 10, 1])
    #expect(try reader.range(until: 10) == 0..<2)
    #expect(try reader.range(until: 10) == 3..<3)
    #expect(refusal { () throws(ResectError) in try reader.range(until: 10) } == .truncated)
    #expect(reader.position == 4)
  }

  @Test(arguments: [(-5, 0), (0, 0), (2, 2), (3, 3), (99, 3)])
  func `a cursor begins within the bytes`(start: Int, position: Int) {
    #expect(ByteReader([1, 2, 3], at: start).position == position)
  }

  @Test func `a sum over 64 bits is refused`() throws {
    #expect(try UInt64(3).adding(4, "the end") == 7)
    #expect(try UInt64.max.adding(0, "the end") == .max)
    #expect(refusal { () throws(ResectError) in try UInt64.max.adding(1, "the end") } == .malformed)
  }
}
