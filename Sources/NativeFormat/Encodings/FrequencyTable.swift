internal import ResectBytes

/// How often each of 256 symbols stands in 4096: what both sides of the entropy coder know.
///
/// At least two symbols have a frequency.
struct FrequencyTable: Equatable {
  static let total = 4096

  /// By symbol; they add up to ``total``.
  let frequencies: [UInt16]

  /// What comes closest to `histogram`, in which two symbols at least stand.
  init(histogram: [UInt32]) {
    let count = histogram.reduce(0) { $0 + UInt64($1) }
    var frequencies = histogram.map { $0 == 0 ? 0 : max(UInt16(UInt64($0) * 4096 / count), 1) }
    var rest = FrequencyTable.total - frequencies.reduce(0) { $0 + Int($1) }
    while rest != 0 {
      let largest = FrequencyTable.largest(of: frequencies)
      let change = rest > 0 ? rest : -1
      frequencies[largest] = UInt16(Int(frequencies[largest]) + change)
      rest -= change
    }
    self.frequencies = frequencies
  }

  /// The specification's rule for weights that are no frequencies yet; nothing where fewer than two are not zero.
  ///
  /// Weights are below 2³⁹.
  init?(weights: [UInt64]) {
    let used = weights.count { $0 > 0 }
    guard used >= 2 else { return nil }
    let sum = weights.reduce(0, +)
    let shared = UInt64(FrequencyTable.total - used)
    var frequencies = weights.map { $0 == 0 ? 0 : UInt16(1 + $0 * shared / sum) }
    let rest = FrequencyTable.total - frequencies.reduce(0) { $0 + Int($1) }
    frequencies[FrequencyTable.largest(of: weights)] += UInt16(rest)
    self.frequencies = frequencies
  }

  private static func largest<Number: Comparable>(of numbers: [Number]) -> Int {
    var largest = 0
    for index in numbers.indices where numbers[index] > numbers[largest] { largest = index }
    return largest
  }

  /// Bits that symbols of `histogram` take, in units of 2⁻¹⁶; nothing where one of them has no frequency.
  func cost(of histogram: [UInt32]) -> UInt64? {
    var cost: UInt64 = 0
    for (count, frequency) in zip(histogram, frequencies) where count > 0 {
      guard frequency > 0 else { return nil }
      cost += UInt64(count) * UInt64(FrequencyTable.costs[Int(frequency)])
    }
    return cost
  }

  /// Minus the binary logarithm of frequency / 4096, in units of 2⁻¹⁶: by squaring, so that every machine finds the same.
  private static let costs: [UInt32] = (0...UInt32(total)).map { frequency in
    guard frequency > 0 else { return .max }
    let exponent = 31 - UInt32(frequency.leadingZeroBitCount)
    var mantissa = UInt64(frequency) << (31 - exponent)
    var logarithm = exponent
    for _ in 0..<16 {
      mantissa = mantissa * mantissa >> 31
      let isAboveTwo = mantissa >> 32 == 1
      if isAboveTwo { mantissa >>= 1 }
      logarithm = logarithm << 1 | (isAboveTwo ? 1 : 0)
    }
    return 12 << 16 - logarithm
  }
}

// MARK: Each symbol's frequency

extension FrequencyTable {
  /// Reads the frequencies of a range of symbols.
  init(parsing cursor: inout ChunkCursor) throws(ResectError) {
    let first = Int(try cursor.byte())
    let last = Int(try cursor.byte())
    guard first < last else { throw ChunkCursor.damaged("a table has no symbols") }
    var frequencies = [UInt16](repeating: 0, count: 256)
    var sum = 0
    for symbol in first...last {
      var frequency = UInt16(try cursor.byte())
      if frequency >= 128 { frequency = frequency - 128 | UInt16(try cursor.byte()) << 7 }
      guard frequency < FrequencyTable.total else { throw ChunkCursor.damaged("a frequency is too large") }
      frequencies[symbol] = frequency
      sum += Int(frequency)
    }
    guard sum == FrequencyTable.total else {
      throw ChunkCursor.damaged("the frequencies add up to \(sum), not 4096")
    }
    self.frequencies = frequencies
  }

  /// As ``init(parsing:)`` reads it.
  var bytes: [UInt8] {
    guard let first = frequencies.firstIndex(where: { $0 > 0 }), let last = frequencies.lastIndex(where: { $0 > 0 })
    else {
      preconditionFailure("frequencies add up to \(FrequencyTable.total)")
    }
    var bytes = [UInt8(first), UInt8(last)]
    for frequency in frequencies[first...last] {
      if frequency < 128 {
        bytes.append(UInt8(frequency))
      } else {
        bytes.append(UInt8(frequency & 127 | 128))
        bytes.append(UInt8(frequency >> 7))
      }
    }
    return bytes
  }
}
