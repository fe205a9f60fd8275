internal import ResectBytes
internal import CResectEntropyCoding

/// The encoding `quantized`: integers, each a symbol for its high bits and its low bits as they are.
struct QuantizedCoder: ChunkDecoder {
  private let step: Double
  private let classes: ScaleClasses?
  private var encoder = BlockEncoder()
  private let decoder = BlockDecoder()
  private var symbols: [UInt8] = []
  private var sorted: [UInt8] = []
  private var classOfElement: [UInt8] = []
  private var integers: [Int32] = []
  private var bits: [UInt8] = []
  private var escapes: [Int32] = []

  /// The largest shift that is written or read.
  private static let largestShift = 16

  init(step: Double, classes: ScaleClasses?) {
    self.step = step
    self.classes = classes
  }

  /// Appends the chunk of `integers`, which are the tensor's `elements`.
  mutating func append(_ integers: ArraySlice<Int32>, elements: Range<Int>, to bytes: inout [UInt8]) {
    let count = elements.count
    let shift = QuantizedCoder.shift(for: integers)
    prepare(count)
    let bitBytes = (count * shift + 7) / 8
    bits = [UInt8](repeating: 0, count: bitBytes + 8)
    let escapeCount = unsafe integers.withUnsafeBufferPointer { source in
      unsafe resect_take_apart(
        source.baseAddress, count, UInt32(shift), &symbols, &bits, &escapes)
    }
    bytes.append(UInt8(shift))
    let starts = sortStarts(of: elements)
    if starts.count > 1 {
      unsafe resect_sort_by_class(symbols, classOfElement, count, starts, &sorted)
    } else {
      swap(&symbols, &sorted)
    }
    unsafe sorted.withUnsafeBufferPointer { sorted in
      for range in QuantizedCoder.ranges(starts, count) where !range.isEmpty {
        unsafe encoder.append(UnsafeBufferPointer(rebasing: sorted[range]), hasCurve: true, to: &bytes)
      }
    }
    bytes += bits[..<bitBytes]
    for escape in escapes[..<escapeCount] { bytes.append(littleEndian: escape) }
  }

  /// How many low bits are written as they are: so many that the rest has few symbols, but no fewer than tell the
  /// distribution's shape.
  private static func shift(for integers: ArraySlice<Int32>) -> Int {
    var mean = integers.reduce(UInt64(0)) { $0 + UInt64($1.magnitude) } / UInt64(integers.count)
    var shift = 0
    while mean > 12, shift < largestShift {
      mean /= 2
      shift += 1
    }
    return shift
  }

  mutating func decode(
    _ chunk: UnsafeRawBufferPointer, elements: Range<Int>, into target: UnsafeMutableRawPointer
  ) throws(ResectError) {
    let count = elements.count
    prepare(count)
    var cursor = unsafe ChunkCursor(chunk)
    let shift = Int(try cursor.byte())
    guard shift <= QuantizedCoder.largestShift else {
      throw ChunkCursor.damaged("\(shift) low bits are too many")
    }
    let starts = sortStarts(of: elements)
    try readBlocks(&cursor, starts, count)
    if starts.count > 1 {
      unsafe resect_merge_classes(sorted, classOfElement, count, starts, &symbols)
    } else {
      swap(&symbols, &sorted)
    }
    try readIntegers(&cursor, count, shift)
    guard cursor.isAtEnd else { throw ChunkCursor.damaged("it is longer than its blocks") }
    unsafe resect_dequantize(integers, count, step, target)
  }

  private mutating func readBlocks(
    _ cursor: inout ChunkCursor, _ starts: [Int], _ count: Int
  ) throws(ResectError) {
    var failure: ResectError?
    unsafe sorted.withUnsafeMutableBufferPointer { sorted in
      do throws(ResectError) {
        for range in QuantizedCoder.ranges(starts, count) where !range.isEmpty {
          unsafe try decoder.read(
            &cursor, hasCurve: true, into: UnsafeMutableBufferPointer(rebasing: sorted[range]))
        }
      } catch { failure = error }
    }
    if let failure { throw failure }
  }

  private mutating func readIntegers(
    _ cursor: inout ChunkCursor, _ count: Int, _ shift: Int
  ) throws(ResectError) {
    // A copy, because the kernel reads whole words and so past the end.
    bits = unsafe Array(try cursor.take((count * shift + 7) / 8))
    bits += [UInt8](repeating: 0, count: 8)
    let escapeCount = symbols[..<count].count { $0 == UInt8(SmoothTable.escape) }
    let escapes = unsafe try cursor.take(4 * escapeCount)
    _ = unsafe resect_put_together(
      symbols, count, UInt32(shift), bits, escapes.baseAddress, escapeCount, &integers)
  }

  /// Where each class begins among the chunk's symbols sorted by class; one beginning where there are no classes.
  private mutating func sortStarts(of elements: Range<Int>) -> [Int] {
    guard let classes else { return [0] }
    let counts = classes.fill(&classOfElement, elements: elements)
    return counts.indices.map { counts[..<$0].reduce(0, +) }
  }

  private static func ranges(_ starts: [Int], _ count: Int) -> [Range<Int>] {
    starts.indices.map { starts[$0]..<($0 + 1 < starts.count ? starts[$0 + 1] : count) }
  }

  private mutating func prepare(_ count: Int) {
    guard symbols.count != count else { return }
    symbols = [UInt8](repeating: 0, count: count)
    sorted = symbols
    classOfElement = symbols
    integers = [Int32](repeating: 0, count: count)
    escapes = integers
  }
}
