internal import ResectBytes

/// The encoding `int8`, but for its scales: integers of −127 to 127, each a symbol, in one block a chunk.
struct IntegerCoder: ChunkDecoder {
  private let isStored: Bool
  private var encoder = BlockEncoder()
  private let decoder = BlockDecoder()
  private var symbols: [UInt8] = []

  /// The symbol of the integer 0; its neighbours' are around it.
  private static let middle: UInt8 = 127

  /// A coder that, where it `isStored`, writes symbols as they are.
  init(isStored: Bool = false) { self.isStored = isStored }

  /// Appends the chunk of `integers`.
  mutating func append(_ integers: ArraySlice<Int8>, to bytes: inout [UInt8]) {
    symbols = integers.map { UInt8(bitPattern: $0) &+ IntegerCoder.middle }
    unsafe symbols.withUnsafeBufferPointer { symbols in
      if isStored {
        unsafe BlockEncoder.appendStored(symbols, to: &bytes)
      } else {
        unsafe encoder.append(symbols, hasCurve: true, to: &bytes)
      }
    }
  }

  mutating func decode(
    _ chunk: UnsafeRawBufferPointer, elements: Range<Int>, into target: UnsafeMutableRawPointer
  ) throws(ResectError) {
    var cursor = unsafe ChunkCursor(chunk)
    let integers = unsafe UnsafeMutableBufferPointer(
      start: target.assumingMemoryBound(to: UInt8.self), count: elements.count)
    unsafe try decoder.read(&cursor, hasCurve: true, into: integers)
    guard cursor.isAtEnd else { throw ChunkCursor.damaged("it is longer than its block") }
    var largest: UInt8 = 0
    for index in 0..<elements.count { largest = unsafe max(largest, integers[index]) }
    guard largest < 255 else { throw ChunkCursor.damaged("an integer is 128, at most 127 is one") }
    for index in 0..<elements.count { unsafe integers[index] &-= IntegerCoder.middle }
  }
}
