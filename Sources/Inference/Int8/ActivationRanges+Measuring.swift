public import ResectBytes
public import ResectResNets
internal import Synchronization

extension ActivationRanges {
  /// The ranges that the values which convolutions of `graph` take and make have on `batches`, in float32.
  public init(of graph: Program, on batches: [Batch], as source: Source = .images) throws(ResectError) {
    var options = SessionOptions()
    // Its weights take longer to transform than a few inputs take to run.
    options.usesWinograd = false
    let session = try Session(graph, options: options)
    let wanted = Set(graph.convolvedValues)
    let measured = Mutex(ActivationRanges(from: source))
    for batch in batches {
      let inputs = Range(of: batch.values.span)
      if wanted.contains(0) { measured.withLock { $0.include(inputs, in: graph.name(of: 0)) } }
      try session.observe(batch) { value, numbers in
        guard wanted.contains(value) else { return }
        let range = Range(of: numbers)
        measured.withLock { $0.include(range, in: graph.name(of: value)) }
      }
    }
    let ranges = measured.withLock { $0 }
    for name in ranges.names {
      guard let range = ranges[name], range.low.isFinite, range.high.isFinite else {
        throw ResectError(
          .badValue, "what \(name) computes is not finite: the numbers grow beyond what float32 holds",
          advice: "look at the weights up to there")
      }
    }
    self = ranges
  }

  private mutating func include(_ range: Range, in name: String) {
    self[name] = self[name].map { $0.union(range) } ?? range
  }
}

extension ActivationRanges.Range {
  /// The range of `numbers` and zero.
  fileprivate init(of numbers: Span<Float>) {
    self.init(low: 0, high: 0)
    for index in numbers.indices {
      low = min(low, numbers[index])
      high = max(high, numbers[index])
    }
  }
}
