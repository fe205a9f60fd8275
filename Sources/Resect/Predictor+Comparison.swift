extension Predictor {
  /// Runs this model and another, each on its batch of the same inputs.
  ///
  /// Throws `ResectError.Code.mismatch` where the two cannot be compared, and says why.
  public func comparison(
    with other: Predictor, on batches: (first: Batch, second: Batch)
  ) throws(ResectError) -> RunComparison {
    let subject: Proof.Subject = computesLogits && other.computesLogits ? .logits : .features
    let first = try rows(of: batches.first, subject)
    let second = try other.rows(of: batches.second, subject)
    guard first.width == second.width else {
      throw ResectError(
        .mismatch,
        "one gives \(first.width) \(subject.rawValue), the other \(second.width): they cannot be compared",
        advice: "split both and compare the backbones")
    }
    return RunComparison(subject, first, second)
  }

  /// The same images as this model takes them, and as another does.
  ///
  /// A model of which it is unknown how images become its input is given what the other takes. Throws where it is unknown of either,
  /// and where the other takes pixels as they are, which a network does that normalises them itself.
  public func batches(
    with other: Predictor, of images: [PixelImage]
  ) throws(ResectError) -> (first: Batch, second: Batch) {
    let second = other.preprocessing == nil && preprocessing?.keepsPixels == false ? self : other
    let first = preprocessing == nil && other.preprocessing?.keepsPixels == false ? other : self
    return (try first.batch(of: images), try second.batch(of: images))
  }

  /// Fixed probes for this model and another: the same numbers for both or, where only one of the networks normalises its
  /// input itself, the same pixels.
  public func probes(with other: Predictor) throws(ResectError) -> (first: Batch, second: Batch) {
    let (own, others) = (try Probes.batch(for: session), try Probes.batch(for: other.session))
    // Whichever model comes first, the probes are the larger ones or, of equal ones, those that are no pixels.
    let takesOwn =
      own.values.count == others.values.count
      ? session.graph.inputNormalization == nil : own.values.count > others.values.count
    let probes = takesOwn ? own : others
    guard let one = preprocessing, let two = other.preprocessing, one.keepsPixels != two.keepsPixels else {
      return (probes, probes)
    }
    return try batches(with: other, of: probes.asImages())
  }

  private var computesLogits: Bool { classes != nil || session.graph.computesLogits }

  private func rows(of batch: Batch, _ subject: Proof.Subject) throws(ResectError) -> Rows {
    do throws(ResectError) {
      return subject == .logits ? try logits(of: batch) : try session.run(batch, output: .features)
    } catch {
      // Which of the two models it is about.
      throw error.located(file: file)
    }
  }
}
