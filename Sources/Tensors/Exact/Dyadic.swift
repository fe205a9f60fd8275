/// A whole number times a power of two, of any size: sums and products of doubles, exactly.
package struct Dyadic: Sendable {
  /// −1, 0 or 1.
  private(set) var sign: Int
  /// The whole number without its sign, the lowest 32 bits first; the last is not zero.
  private var magnitude: [UInt32]
  private var exponent: Int

  /// A double, which is finite.
  package init(_ value: Double) {
    guard value != 0 else {
      (sign, magnitude, exponent) = (0, [], 0)
      return
    }
    let isNormal = value.exponentBitPattern > 0
    let bits = value.significandBitPattern | (isNormal ? 1 << 52 : 0)
    sign = value < 0 ? -1 : 1
    magnitude = [UInt32(truncatingIfNeeded: bits), UInt32(bits >> 32)]
    exponent = max(Int(value.exponentBitPattern), 1) - 1075
    trim()
  }

  private init(sign: Int, magnitude: [UInt32], exponent: Int) {
    (self.sign, self.magnitude, self.exponent) = (sign, magnitude, exponent)
    trim()
  }

  private mutating func trim() {
    while magnitude.last == 0 { magnitude.removeLast() }
    if magnitude.isEmpty { sign = 0 }
  }

  package var absolute: Dyadic { Dyadic(sign: abs(sign), magnitude: magnitude, exponent: exponent) }

  package static prefix func - (value: Dyadic) -> Dyadic {
    Dyadic(sign: -value.sign, magnitude: value.magnitude, exponent: value.exponent)
  }

  package static func * (one: Dyadic, other: Dyadic) -> Dyadic {
    var product = [UInt32](repeating: 0, count: one.magnitude.count + other.magnitude.count)
    for (index, digit) in one.magnitude.enumerated() {
      var carry: UInt64 = 0
      for (place, factor) in other.magnitude.enumerated() {
        carry += UInt64(digit) * UInt64(factor) + UInt64(product[index + place])
        product[index + place] = UInt32(truncatingIfNeeded: carry)
        carry >>= 32
      }
      product[index + other.magnitude.count] = UInt32(carry)
    }
    return Dyadic(sign: one.sign * other.sign, magnitude: product, exponent: one.exponent + other.exponent)
  }

  package static func + (one: Dyadic, other: Dyadic) -> Dyadic {
    guard one.sign != 0 else { return other }
    guard other.sign != 0 else { return one }
    let exponent = min(one.exponent, other.exponent)
    let (first, second) = (one.shifted(to: exponent), other.shifted(to: exponent))
    if one.sign == other.sign {
      return Dyadic(sign: one.sign, magnitude: sum(first, second), exponent: exponent)
    }
    switch order(first, second) {
    case 0: return Dyadic(0)
    case 1: return Dyadic(sign: one.sign, magnitude: difference(first, second), exponent: exponent)
    default: return Dyadic(sign: other.sign, magnitude: difference(second, first), exponent: exponent)
    }
  }

  package static func - (one: Dyadic, other: Dyadic) -> Dyadic { one + -other }

  /// −1 where this is less than `other`, 1 where it is more.
  package func compared(to other: Dyadic) -> Int { (self - other).sign }

  /// The magnitude as a whole number times two to the power of `lower`, which is at most the exponent.
  private func shifted(to lower: Int) -> [UInt32] {
    let shift = exponent - lower
    var shifted = [UInt32](repeating: 0, count: shift / 32)
    var carry: UInt64 = 0
    for digit in magnitude {
      carry |= UInt64(digit) << UInt64(shift % 32)
      shifted.append(UInt32(truncatingIfNeeded: carry))
      carry >>= 32
    }
    shifted.append(UInt32(carry))
    return shifted
  }

  private static func digit(_ digits: [UInt32], _ index: Int) -> UInt64 {
    index < digits.count ? UInt64(digits[index]) : 0
  }

  private static func sum(_ one: [UInt32], _ other: [UInt32]) -> [UInt32] {
    var carry: UInt64 = 0
    return (0...max(one.count, other.count)).map { index in
      carry += digit(one, index) + digit(other, index)
      defer { carry >>= 32 }
      return UInt32(truncatingIfNeeded: carry)
    }
  }

  /// `larger` less `smaller`.
  private static func difference(_ larger: [UInt32], _ smaller: [UInt32]) -> [UInt32] {
    var borrow: UInt64 = 0
    return larger.indices.map { index in
      let taken = digit(smaller, index) + borrow
      borrow = digit(larger, index) < taken ? 1 : 0
      return UInt32(truncatingIfNeeded: digit(larger, index) &+ (borrow << 32) &- taken)
    }
  }

  private static func order(_ one: [UInt32], _ other: [UInt32]) -> Int {
    for index in (0..<max(one.count, other.count)).reversed() {
      let (first, second) = (digit(one, index), digit(other, index))
      if first != second { return first < second ? -1 : 1 }
    }
    return 0
  }
}
