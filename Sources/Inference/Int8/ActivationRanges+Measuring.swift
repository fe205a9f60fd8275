public import Bytes

extension ActivationRanges {
  /// The ranges that the values of `graph` have on `batches`, in float32.
  public init(of graph: Graph, on batches: [Batch]) throws(ResectError) {
    self.init()
    let session = try Session(graph)
    for batch in batches {
      include(0, batch.values.span)
      try session.observe(batch) { value, numbers in include(value, numbers) }
    }
  }

  private mutating func include(_ value: Graph.ValueID, _ numbers: Span<Float>) {
    var range = Range(low: 0, high: 0)
    for index in numbers.indices {
      range.low = min(range.low, numbers[index])
      range.high = max(range.high, numbers[index])
    }
    self[value] = self[value].map { $0.union(range) } ?? range
  }
}
