public import ResectInference

/// What running two models on the same inputs showed. Neither of the two is the measure of the other: exchanged, they compare alike.
public struct RunComparison: Sendable, Hashable {
  /// What was compared.
  public let subject: Proof.Subject
  /// How far the two agree.
  public let agreement: Agreement
  /// The largest magnitude on either side: what differences are measured against.
  public let magnitude: Double

  /// Compares rows of equal number and width.
  init(_ subject: Proof.Subject, _ first: Rows, _ second: Rows) {
    self.subject = subject
    agreement = Agreement(first, second)
    magnitude = max(agreement.magnitude, Agreement(second, first).magnitude)
  }
}
