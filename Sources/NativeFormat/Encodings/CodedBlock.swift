internal import ResectBytes
internal import CResectEntropyCoding

/// A number of bytes, in as few as their frequencies allow: the unit that both encodings are made of.
enum CodedBlock {
  /// The first byte of a block.
  enum Kind: UInt8 {
    /// The bytes follow.
    case stored
    /// One byte follows, which is all of them.
    case constant
    /// Each symbol's frequency follows, then the words of the entropy coder.
    case coded
    /// A curve follows instead of the frequencies.
    case smooth
  }

  /// So many symbols fill the widest vector code's lanes; fewer take fewer lanes, whose states cost less.
  static func lanes(of count: Int) -> Int { count >= 1 << 15 ? 32 : 4 }
}

/// Writes blocks.
struct BlockEncoder {
  private var words: [UInt16] = []

  /// Appends a block of `symbols`, at most 65536, at least one.
  ///
  /// With `hasCurve`, they are symbols of quantised weights, whose frequencies may be told by a curve.
  mutating func append(
    _ symbols: UnsafeBufferPointer<UInt8>, hasCurve: Bool, to bytes: inout [UInt8]
  ) {
    guard unsafe !BlockEncoder.isNoise(symbols) else {
      return unsafe BlockEncoder.appendStored(symbols, to: &bytes)
    }
    let histogram = unsafe BlockEncoder.histogram(of: symbols)
    if let only = histogram.firstIndex(where: { $0 > 0 }), Int(histogram[only]) == symbols.count {
      bytes += [CodedBlock.Kind.constant.rawValue, UInt8(only)]
      return
    }
    let (kind, table, tableBytes) = BlockEncoder.table(for: histogram, hasCurve: hasCurve)
    let start = bytes.count
    bytes.append(kind.rawValue)
    bytes += tableBytes
    unsafe appendWords(of: symbols, table, to: &bytes)
    guard bytes.count - start > symbols.count else { return }
    bytes.removeSubrange(start...)
    unsafe BlockEncoder.appendStored(symbols, to: &bytes)
  }

  /// Appends a block of `symbols` as they are.
  static func appendStored(_ symbols: UnsafeBufferPointer<UInt8>, to bytes: inout [UInt8]) {
    bytes.append(CodedBlock.Kind.stored.rawValue)
    unsafe bytes.append(contentsOf: symbols)
  }

  /// The table in which the symbols and the table itself take the fewest bits.
  private static func table(
    for histogram: [UInt32], hasCurve: Bool
  ) -> (CodedBlock.Kind, FrequencyTable, [UInt8]) {
    let exact = FrequencyTable(histogram: histogram)
    let exactBytes = exact.bytes
    guard hasCurve else { return (.coded, exact, exactBytes) }
    let curve = SmoothTable(histogram: histogram)
    let curveBytes = curve.bytes
    guard let smooth = curve.table, let smoothCost = smooth.cost(of: histogram),
      let exactCost = exact.cost(of: histogram),
      smoothCost + UInt64(curveBytes.count) << 19 < exactCost + UInt64(exactBytes.count) << 19
    else { return (.coded, exact, exactBytes) }
    return (.smooth, smooth, curveBytes)
  }

  private mutating func appendWords(
    of symbols: UnsafeBufferPointer<UInt8>, _ table: FrequencyTable, to bytes: inout [UInt8]
  ) {
    let count = symbols.count
    if words.count < count { words = [UInt16](repeating: 0, count: count) }
    let lanes = CodedBlock.lanes(of: count)
    var states = [UInt32](repeating: 0, count: lanes)
    // The words fill the end of the first `count`.
    let wordCount = unsafe resect_rans_encode(
      symbols.baseAddress, count, lanes, table.frequencies, &states, &words)
    bytes.append(littleEndian: UInt16(wordCount))
    for state in states { bytes.append(littleEndian: state) }
    unsafe words[count - wordCount..<count].withUnsafeBytes { unsafe bytes.append(contentsOf: $0) }
  }

  private static func histogram(of symbols: UnsafeBufferPointer<UInt8>) -> [UInt32] {
    var histogram = [UInt32](repeating: 0, count: 256)
    unsafe resect_count_symbols(symbols.baseAddress, symbols.count, &histogram)
    return histogram
  }

  /// Whether a sample says that coding saves next to nothing, as it does with the low bits of a mantissa.
  private static func isNoise(_ symbols: UnsafeBufferPointer<UInt8>) -> Bool {
    let (parts, partCount) = (4, 1024)
    guard symbols.count >= 4 * parts * partCount else { return false }
    var histogram = [UInt32](repeating: 0, count: 256)
    for part in 0..<parts {
      let start = symbols.count / parts * part
      unsafe resect_count_symbols(symbols.baseAddress.map { unsafe $0 + start }, partCount, &histogram)
    }
    guard histogram.count(where: { $0 > 0 }) > 128 else { return false }
    guard let cost = FrequencyTable(histogram: histogram).cost(of: histogram) else {
      preconditionFailure("a table has a frequency for each symbol that it was made of")
    }
    // 7.8 bits a symbol: noise in 4096 samples of 256 symbols seems to have 7.95.
    return cost > UInt64(parts * partCount) * 78 << 16 / 10
  }
}

/// Reads blocks.
struct BlockDecoder {
  /// Fills `symbols` from the block at `cursor`.
  func read(
    _ cursor: inout ChunkCursor, hasCurve: Bool, into symbols: UnsafeMutableBufferPointer<UInt8>
  ) throws(ResectError) {
    let byte = try cursor.byte()
    switch CodedBlock.Kind(rawValue: byte) {
    case .stored:
      let bytes = unsafe try cursor.take(symbols.count)
      unsafe UnsafeMutableRawBufferPointer(symbols).copyMemory(from: bytes)
    case .constant:
      let symbol = try cursor.byte()
      unsafe symbols.update(repeating: symbol)
    case .coded:
      unsafe try decode(&cursor, FrequencyTable(parsing: &cursor), into: symbols)
    case .smooth where hasCurve:
      guard let table = try SmoothTable(parsing: &cursor).table else {
        throw ChunkCursor.damaged("a table has no symbols")
      }
      unsafe try decode(&cursor, table, into: symbols)
    case .smooth, nil:
      throw ChunkCursor.damaged("a block of kind \(byte) is not known")
    }
  }

  private func decode(
    _ cursor: inout ChunkCursor, _ table: FrequencyTable,
    into symbols: UnsafeMutableBufferPointer<UInt8>
  ) throws(ResectError) {
    let wordCount = Int(try cursor.integer(UInt16.self))
    var states: [UInt32] = []
    let lanes = CodedBlock.lanes(of: symbols.count)
    for _ in 0..<lanes { states.append(try cursor.integer()) }
    let words = unsafe try cursor.take(2 * wordCount)
    let isWhole = unsafe resect_rans_decode(
      words.baseAddress, wordCount, states, lanes, table.frequencies, symbols.baseAddress,
      symbols.count)
    guard isWhole == 1 else { throw ChunkCursor.damaged("its symbols do not come out even") }
  }
}
