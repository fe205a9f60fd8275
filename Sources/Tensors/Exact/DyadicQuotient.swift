/// The quotient of two dyadic numbers, the second not zero, exactly.
package struct DyadicQuotient: ExactNumber {
  private let numerator: Dyadic
  private let denominator: Dyadic

  package init(_ numerator: Dyadic, over denominator: Dyadic) {
    self.numerator = denominator.sign < 0 ? -numerator : numerator
    self.denominator = denominator.absolute
  }

  /// Nothing is known before comparing.
  package var approximation: Approximation { Approximation(DoubleDouble(0), error: .infinity) }

  package func compared(to bound: Dyadic) -> Int { numerator.compared(to: bound * denominator) }
}
