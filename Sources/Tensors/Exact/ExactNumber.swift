/// A real number that is known exactly, though not as a double: it can be compared with any double.
package protocol ExactNumber: Sendable {
  /// The number to some 100 bits, and how far off that may be.
  var approximation: Approximation { get }
  /// −1 where the number is less than `bound`, 0 where it is the same, 1 where it is more.
  func compared(to bound: Dyadic) -> Int
}

/// A number to some 100 bits.
package struct Approximation: Sendable, Hashable {
  package let value: DoubleDouble
  /// How far the number may be from ``value``; 0 where it is the number.
  package let error: Double

  package init(_ value: DoubleDouble, error: Double) { (self.value, self.error) = (value, error) }
}

extension ExactNumber {
  /// The number rounded to double, to nearest even. `approximation` is its own.
  func nearestDouble(_ approximation: Approximation) -> Double {
    let (high, low) = (approximation.value.high, abs(approximation.value.low))
    // Below a power of two, a unit in the last place is half as large.
    let room = high.significandBitPattern == 0 ? high.ulp / 4 : high.ulp / 2
    if approximation.error == 0 || !high.isFinite || low + approximation.error < room { return high }
    let below = largestDouble(near: high)
    let above = below.nextUp
    switch compared(to: (Dyadic(below) + Dyadic(above)) * Dyadic(0.5)) {
    case -1: return below
    case 1: return above
    default: return below.bitPattern & 1 == 0 ? below : above
    }
  }

  /// The number as a double or, where it is none, that of the two doubles next to it whose last bit is 1: rounded once more, to a
  /// narrower dtype, it is the number rounded once.
  func oddDouble(_ approximation: Approximation) -> Double {
    let (high, low) = (approximation.value.high, approximation.value.low)
    guard high.isFinite else { return high }
    if approximation.error == 0 || abs(low) > approximation.error && approximation.error < high.ulp / 8 {
      return high.odd(towards: low == 0 ? 0 : low < 0 ? -1 : 1)
    }
    let below = largestDouble(near: high)
    return below.odd(towards: compared(to: Dyadic(below)))
  }

  /// The largest double that is not more than the number: most often `guess` or the one before.
  private func largestDouble(near guess: Double) -> Double {
    let isBelow = compared(to: Dyadic(guess)) < 0
    if isBelow, compared(to: Dyadic(guess.nextDown)) >= 0 { return guess.nextDown }
    if !isBelow, compared(to: Dyadic(guess.nextUp)) < 0 { return guess }
    // Doubles are in the order of their bits, negative ones in reverse.
    func double(_ place: Int64) -> Double {
      place >= 0 ? Double(bitPattern: UInt64(place)) : -Double(bitPattern: UInt64(-place))
    }
    let limit = Int64(Double.greatestFiniteMagnitude.bitPattern)
    var (low, high) = compared(to: Dyadic(0)) < 0 ? (-limit, -1) : (0, limit)
    while low < high {
      let middle = low + (high - low) / 2 + (high - low) % 2
      if compared(to: Dyadic(double(middle))) < 0 { high = middle - 1 } else { low = middle }
    }
    return double(low)
  }
}

extension Double {
  /// This number where `direction` is 0 or its last bit is 1, else the next one in that direction, of which it then is.
  fileprivate func odd(towards direction: Int) -> Double {
    guard direction != 0, bitPattern & 1 == 0 else { return self }
    return direction < 0 ? nextDown : nextUp
  }
}
