extension Model {
  /// The model whose weights will be written quantised, as coarsely as `goal` allows: only `.resect` files hold that.
  ///
  /// Weights of convolutions, of what weighs channels and of the classifier become multiples of a step each, which the entropy
  /// coder then packs. Steps are allotted by how much noise in each layer moves the logits, which the engine measures on
  /// the probes, or where oneDNN is missing what weights and batch-norms tell of that; what they do to the channels' means is taken back where batch-norms tell the means of the inputs. Biases, scales and norms
  /// keep every bit. Best after ``foldingBatchNorm()``: fewer bytes are left beside the weights. No surgery may follow.
  ///
  /// Throws where the engine cannot run the network, where `goal` cannot be reached, and for an embedding of classes.
  /// The same model and goal give the same steps.
  public func quantizing(to goal: QualityGoal) throws(ResectError) -> Model {
    do throws(ResectError) {
      return try quantized(to: goal)
    } catch {
      throw error.renamed(by: convention).located(file: sources.first?.file.path)
    }
  }

  /// ``quantizing(to:)``; where `measures` is false, steps are allotted by what weights and batch-norms tell, as without oneDNN.
  func quantized(to goal: QualityGoal, measures: Bool = Session.isAccelerated) throws(ResectError) -> Model {
    try goal.check()
    let network = try network
    guard quantization == nil, integers == nil else { throw Model.alreadyQuantized }
    if case .size(let limit) = goal, try nativeByteCount() <= limit {
      var model = self
      model.loading.warnings.append("without any loss, the file has fewer bytes than \(limit): nothing is quantised")
      return model
    }
    let (subject, probes) = try probesAfter()
    let probed = try ProbedNetwork(
      network, probes: probes, subject: subject, statistics: knownStatistics(), measures: measures)
    let search = try QualitySearch(probed)
    func with(_ result: QualitySearch.Result) throws(ResectError) -> Model {
      var model = self
      model.content = .network(try probed.corrected(for: result.steps))
      let quantization = Quantization(goal: goal, measured: result.error, steps: result.steps)
      model.quantization = quantization
      model.surgeries.append(quantization.record)
      return model
    }
    switch goal {
    case .error(let limit): return try with(search.steps(within: limit, \.relative))
    case .largestDifference(let limit): return try with(search.steps(within: limit, \.largest))
    case .size(let limit):
      let found = try search.steps(bytes: limit) { result throws(ResectError) in
        try with(result).nativeByteCount()
      }
      let worst = QualityGoal.possibleErrors.upperBound
      if let found, found.error.relative <= worst { return try with(found) }
      let smallest = try with(search.steps(within: worst, \.relative)).nativeByteCount()
      throw ResectError(
        .notApplicable, "\(limit) bytes are too few: little would be left of the network below \(smallest)",
        advice: .storeLarger(smallest))
    }
  }

  static var alreadyQuantized: ResectError {
    ResectError(
      .notApplicable, "the weights are quantised", advice: "surgeries come before, and quantising is done once")
  }

  /// What the batch-norms say or said.
  private func knownStatistics() throws(ResectError) -> ActivationStatistics {
    let network = try network
    var statistics = ActivationStatistics(of: unfolded ?? network)
    // The input is pixels now, whose means are unknown.
    if effects.contains(where: { if case .normalizesInput(_, folds: true) = $0 { true } else { false } }) {
      statistics.inputMeans[.stemConvolution] = nil
    }
    return statistics
  }
}

extension QualityGoal {
  fileprivate func check() throws(ResectError) {
    switch self {
    case .error(let error):
      guard !QualityGoal.possibleErrors.contains(error) else { return }
      throw ResectError(
        .badArgument,
        "an error of \(error) is not between \(QualityGoal.possibleErrors.lowerBound) and \(QualityGoal.possibleErrors.upperBound)",
        advice: .storeLossless)
    case .largestDifference(let difference):
      guard !(difference >= QualityGoal.possibleErrors.lowerBound && difference.isFinite) else { return }
      throw ResectError(
        .badArgument, "a difference of \(difference) is not a number from \(QualityGoal.possibleErrors.lowerBound) on",
        advice: .storeLossless)
    case .size(let bytes):
      guard bytes == 0 else { return }
      throw ResectError(.badArgument, "a file of 0 bytes holds nothing")
    }
  }
}
