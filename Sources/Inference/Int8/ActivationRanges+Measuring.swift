package import ResectBytes
package import ResectGraphs
package import ResectResNets
internal import Synchronization

extension ActivationRanges {
  /// The ranges that the values which convolutions of `graph` take and make have on inputs, in float32: `count` batches, of which `batch`
  /// gives each.
  package init(
    of graph: Graph, onInputs count: Int, as source: Source = .images,
    _ batch: (_ index: Int) throws(ResectError) -> Batch
  ) throws(ResectError) {
    var options = SessionOptions()
    // Its weights take longer to transform than a few inputs take to run.
    options.usesWinograd = false
    let session = try Session(graph: graph, options: options)
    let program = session.program
    let wanted = Set(program.convolvedValues)
    let measured = Mutex(ActivationRanges(from: source))
    for index in 0..<count {
      let inputs = try batch(index)
      if wanted.contains(0) {
        let range = Range(of: inputs.values.span)
        measured.withLock { $0.include(range, in: program.name(of: 0)) }
      }
      try session.observe(inputs) { value, numbers in
        guard wanted.contains(value) else { return }
        let range = Range(of: numbers)
        measured.withLock { $0.include(range, in: program.name(of: value)) }
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
