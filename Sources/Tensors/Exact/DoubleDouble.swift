/// A number as the sum of two doubles, the second at most half a unit in the last place of the first: some 104 bits.
///
/// Source: Dekker, "A floating-point technique for extending the available precision" (1971); Joldes, Muller and Popescu,
/// "Tight and rigorous error bounds for basic building blocks of double-word arithmetic" (2017), whose bounds hold here: each
/// operation is off by at most 2⁻¹⁰¹ of its result, as long as nothing underflows.
package struct DoubleDouble: Sendable, Hashable {
  /// The double nearest to the number.
  package let high: Double
  /// What is left.
  package let low: Double

  package init(_ value: Double) { (high, low) = (value, 0) }

  /// The sum of two doubles, exactly.
  package init(sum one: Double, _ other: Double) {
    high = one + other
    let part = high - one
    low = (one - (high - part)) + (other - part)
  }

  /// The product of two doubles, exactly.
  package init(product one: Double, _ other: Double) {
    high = one * other
    low = (-high).addingProduct(one, other)
  }

  package static func + (one: DoubleDouble, other: DoubleDouble) -> DoubleDouble {
    let high = DoubleDouble(sum: one.high, other.high)
    let low = DoubleDouble(sum: one.low, other.low)
    let sum = DoubleDouble(sum: high.high, high.low + low.high)
    return DoubleDouble(sum: sum.high, sum.low + low.low)
  }

  package static func * (one: DoubleDouble, other: DoubleDouble) -> DoubleDouble {
    let product = DoubleDouble(product: one.high, other.high)
    let rest = (one.high * other.low).addingProduct(one.low, other.high)
    return DoubleDouble(sum: product.high, product.low + rest)
  }

  package static func / (one: DoubleDouble, other: DoubleDouble) -> DoubleDouble {
    let quotient = one.high / other.high
    let product = DoubleDouble(quotient) * other
    let rest = (one.high - product.high) + (one.low - product.low)
    return DoubleDouble(sum: quotient, rest / other.high)
  }

  /// The square root of a number above zero.
  package var squareRoot: DoubleDouble {
    let root = high.squareRoot()
    let rest = high.addingProduct(-root, root) + low
    return DoubleDouble(sum: root, rest / (2 * root))
  }
}
