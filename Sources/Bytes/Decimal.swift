/// The shortest decimal number that reads back as a double, to be rounded to what a reader wants to see.
///
/// Nothing here multiplies or divides: a scale that overflows or becomes zero is what breaks on the smallest and largest numbers.
struct Decimal {
  private let isNegative: Bool
  /// The digits, the first of which is not 0; none for zero.
  private var digits: [UInt8]
  /// The power of ten that the first digit counts.
  private var exponent: Int

  /// The digits of `value`; nothing where it is not finite.
  init?(_ value: Double) {
    guard value.isFinite else { return nil }
    isNegative = value < 0
    digits = []
    exponent = 0
    var written: Int?
    var pointAt: Int?
    let text = value.magnitude.description.utf8
    for (index, byte) in text.enumerated() {
      switch byte {
      case UInt8(ascii: "."): pointAt = digits.count
      case UInt8(ascii: "e"): written = Int(Substring(text.dropFirst(index + 1)))
      case _ where written == nil: digits.append(byte - UInt8(ascii: "0"))
      default: break
      }
    }
    let zeros = digits.prefix { $0 == 0 }.count
    exponent = (written ?? 0) + (pointAt ?? digits.count) - 1 - zeros
    digits.removeFirst(zeros)
    trim()
  }

  /// Rounds half away from zero to `count` significant digits.
  func rounded(significant count: Int) -> Decimal {
    guard count < digits.count else { return self }
    var rounded = self
    rounded.digits.removeSubrange(max(count, 0)...)
    if count >= 0, digits[count] >= 5 { rounded.increment() }
    rounded.trim()
    return rounded
  }

  /// Rounds half away from zero to `count` digits after the point.
  func rounded(decimals count: Int) -> Decimal { rounded(significant: exponent + 1 + count) }

  /// As `12300`, `0.00123`, or with an exponent where there would be many zeros; with at least `decimals` digits after the point.
  func plain(decimals: Int = 0) -> String {
    guard !digits.isEmpty else { return Decimal.text([0], pointAt: 1, decimals: decimals) }
    guard -4...15 ~= exponent else { return scientific(decimals: 0) }
    let before = [UInt8](repeating: 0, count: max(0, -exponent))
    return sign + Decimal.text(before + digits, pointAt: max(exponent, 0) + 1, decimals: decimals)
  }

  /// As `1.1e-05`, with at least `decimals` digits after the point; zero as `0`.
  func scientific(decimals: Int) -> String {
    guard !digits.isEmpty else { return "0" }
    let power = String(exponent.magnitude)
    return sign + Decimal.text(digits, pointAt: 1, decimals: decimals) + (exponent < 0 ? "e-" : "e+")
      + (power.count < 2 ? "0" : "") + power
  }

  private var sign: String { isNegative && !digits.isEmpty ? "-" : "" }

  private static func text(_ digits: [UInt8], pointAt point: Int, decimals: Int) -> String {
    let missing = [UInt8](repeating: 0, count: max(0, point + decimals - digits.count))
    let text = String(decoding: (digits + missing).map { $0 + UInt8(ascii: "0") }, as: UTF8.self)
    return text.utf8.count == point ? text : "\(text.prefix(point)).\(text.dropFirst(point))"
  }

  private mutating func increment() {
    while digits.last == 9 { digits.removeLast() }
    guard let last = digits.popLast() else {
      digits = [1]
      exponent += 1
      return
    }
    digits.append(last + 1)
  }

  private mutating func trim() {
    while digits.last == 0 { digits.removeLast() }
    if digits.isEmpty { exponent = 0 }
  }
}

extension Double {
  /// At most `digits` significant digits: `12300`, `0.00123`, `1.23e-08`, `nan`, `inf`.
  package func text(digits: Int) -> String { Decimal(self)?.rounded(significant: digits).plain() ?? description }

  /// At most `decimals` digits after the point, and at least one: `99.99`, `100.0`; with an exponent where the number is very large.
  package func text(decimals: Int) -> String {
    Decimal(self)?.rounded(decimals: decimals).plain(decimals: 1) ?? description
  }

  /// `digits` significant digits and an exponent, as `1.1e-05`; zero as `0`.
  package func scientific(digits: Int) -> String {
    Decimal(self)?.rounded(significant: digits).scientific(decimals: digits - 1) ?? description
  }
}

extension BinaryInteger {
  /// With commas between thousands.
  package var grouped: String {
    let digits = Array(String(magnitude))
    var text = self < 0 ? "-" : ""
    for (index, digit) in digits.enumerated() {
      if index > 0, (digits.count - index) % 3 == 0 { text += "," }
      text.append(digit)
    }
    return text
  }

  /// As bytes, in decimal units.
  package var asBytes: String {
    let value = Double(self)
    for (unit, size) in [("GB", 1e9), ("MB", 1e6), ("kB", 1e3)] where value >= size {
      return "\((value / size).text(decimals: 1)) \(unit)"
    }
    return "\(self) bytes"
  }
}
