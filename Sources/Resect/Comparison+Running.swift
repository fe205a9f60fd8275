extension Predictor {
  /// Runs this model and another on the same input.
  ///
  /// Throws `ResectError.Code.mismatch` where the two cannot be compared, and says why.
  public func agreement(with other: Predictor, on batch: Batch) throws(ResectError) -> (
    subject: Proof.Subject, agreement: Agreement
  ) {
    let subject: Proof.Subject = computesLogits && other.computesLogits ? .logits : .features
    let first = try rows(of: batch, subject)
    let second = try other.rows(of: batch, subject)
    guard first.width == second.width else {
      throw ResectError(
        .mismatch,
        "one gives \(first.width) \(subject.rawValue), the other \(second.width): they cannot be compared",
        advice: "split both and compare the backbones")
    }
    return (subject, Agreement(first, second))
  }

  private var computesLogits: Bool { classes != nil || session.graph.computesLogits }

  private func rows(of batch: Batch, _ subject: Proof.Subject) throws(ResectError) -> Rows {
    subject == .logits ? try logits(of: batch) : try session.run(batch, output: .features)
  }
}
