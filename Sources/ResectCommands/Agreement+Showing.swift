internal import Resect

extension Agreement {
  /// The numbers for people.
  func table(_ subject: Proof.Subject) -> Table {
    var table = Table(["\(subject.rawValue) of \(count) inputs": .left, "": .right])
    table.add("largest difference", largest.text(digits: 3))
    table.add("mean difference", mean.text(digits: 3))
    table.add("cosine", cosine.text(decimals: 8))
    table.add("top-1 agreement", "\((topOne * 100).text(decimals: 1)) %")
    if let topFive { table.add("top-5 agreement", "\((topFive * 100).text(decimals: 1)) %") }
    return table
  }

  /// The numbers for programs; `magnitude` is what the difference is measured by, the first model's by default.
  func members(_ subject: Proof.Subject, magnitude: Double? = nil) -> [JSON.Member] {
    [
      JSON.Member("compared", .string(subject.rawValue)), JSON.Member("inputs", .integer(count)),
      JSON.Member("largest", .number(largest)), JSON.Member("mean", .number(mean)),
      JSON.Member("cosine", .number(cosine)), JSON.Member("topOne", .number(topOne)),
    ] + (topFive.map { [JSON.Member("topFive", .number($0))] } ?? [])
      + [JSON.Member("largestMagnitude", .number(magnitude ?? self.magnitude))]
  }
}
