/// The number `addend + (minuend − subtrahend) · factor / (divisor · √radicand)`, of finite doubles, exactly.
///
/// That is what a batch-norm makes of a weight or a bias, its radicand being variance + eps; without a radicand, what other
/// surgeries compute.
package struct AffineRoot: ExactNumber {
  /// What stands under the root, the sum of two numbers, above zero; absent where there is no root.
  package struct Radicand: Sendable, Hashable {
    let one: Double
    let other: Double

    package init(_ one: Double, _ other: Double) { (self.one, self.other) = (one, other) }
  }

  package var addend: Double
  package var minuend: Double
  package var subtrahend: Double
  package var factor: Double
  package var divisor: Double
  package var radicand: Radicand?

  /// The number of these parts. `divisor` is not zero.
  package init(
    addend: Double = 0, minuend: Double = 1, subtrahend: Double = 0, factor: Double = 1, divisor: Double = 1,
    radicand: Radicand? = nil
  ) {
    (self.addend, self.minuend, self.subtrahend) = (addend, minuend, subtrahend)
    (self.factor, self.divisor, self.radicand) = (factor, divisor, radicand)
  }

  /// What (minuend − subtrahend) is multiplied by, to some 100 bits, and whether it is that to the last.
  var scale: (value: DoubleDouble, isExact: Bool) {
    guard let radicand else {
      guard divisor != 1 else { return (DoubleDouble(factor), true) }
      return AffineRoot.quotient(factor, DoubleDouble(divisor), isExact: true)
    }
    let square = DoubleDouble(sum: radicand.one, radicand.other)
    let root = square.squareRoot
    let isExact = root.low == 0 && DoubleDouble(product: root.high, root.high) == square && divisor == 1
    return AffineRoot.quotient(factor, DoubleDouble(divisor) * root, isExact: isExact)
  }

  private static func quotient(
    _ factor: Double, _ divisor: DoubleDouble, isExact: Bool
  ) -> (value: DoubleDouble, isExact: Bool) {
    let quotient = DoubleDouble(factor) / divisor
    let isWhole = quotient.low == 0 && DoubleDouble(product: quotient.high, divisor.high) == DoubleDouble(factor)
    return (quotient, isExact && isWhole)
  }

  /// The number rounded to double, to nearest even.
  package var rounded: Double { nearestDouble(approximation) }

  package var approximation: Approximation { approximation(scale: scale) }

  /// ``approximation``, where ``scale`` is known.
  func approximation(scale: (value: DoubleDouble, isExact: Bool)) -> Approximation {
    let difference = DoubleDouble(sum: minuend, -subtrahend)
    if difference.high == 0 || factor == 0 {
      return Approximation(DoubleDouble(addend + (minuend - subtrahend) * scale.value.high), error: 0)
    }
    let isUnit = scale.isExact && scale.value == DoubleDouble(1)
    let product = isUnit ? difference : difference * scale.value
    let isProductExact =
      isUnit
      || scale.isExact && difference.low == 0 && scale.value.low == 0 && abs(product.high) > AffineRoot.smallestExact
    if isProductExact, addend == 0 { return Approximation(product, error: 0) }
    let sum = DoubleDouble(addend) + product
    // What cannot be seen for rounding, and what underflows.
    let error = 0x1p-97 * (abs(addend) + abs(product.high)) + 0x1p-1070
    return Approximation(sum, error: error)
  }

  /// Above this, the low part of a product of doubles is no subnormal number.
  private static let smallestExact = 0x1p-900

  package func compared(to bound: Dyadic) -> Int {
    let difference = (Dyadic(minuend) - Dyadic(subtrahend)) * Dyadic(divisor < 0 ? -factor : factor)
    let rest = (bound - Dyadic(addend)) * Dyadic(abs(divisor))
    guard let radicand else { return difference.compared(to: rest) }
    // Of two numbers of one sign, the larger square decides.
    guard difference.sign == rest.sign, difference.sign != 0 else { return (difference.sign - rest.sign).signum() }
    let square = Dyadic(radicand.one) + Dyadic(radicand.other)
    return (difference * difference).compared(to: rest * rest * square) * difference.sign
  }
}
