internal import ResectGraphs
public import ResectBytes
public import ResectResNets

/// Where the ranges of 8-bit activations come from.
public enum Calibration: Sendable {
  /// From the batch-norms, where the network has them and they tell all ranges; else from probes.
  case automatic
  /// From the statistics in the batch-norms, without running the network.
  case batchNorms
  /// From what the network makes of fixed pseudo-random inputs.
  case probes
  /// From what the network makes of these inputs.
  case batches([Batch])
  /// They are known.
  case ranges(ActivationRanges)
}

extension Calibration {
  /// The ranges of `graph`, a pass of `network` where that is at hand.
  ///
  /// `input` is what the numbers that the network takes lie between, where somebody knows. Throws
  /// `ResectError.Code.notApplicable` where batch-norms should tell the ranges and do not.
  public func ranges(
    of graph: Program, _ network: ResNet?, input: ActivationRanges.Range? = nil
  ) throws(ResectError) -> ActivationRanges {
    // An embedding of classes has none.
    guard !graph.convolvedValues.isEmpty else { return ActivationRanges(from: .probes) }
    func fromBatchNorms() throws(ResectError) -> ActivationRanges? {
      guard let network else { return nil }
      return try ActivationRanges(batchNormsOf: network)
    }
    func fromProbes() throws(ResectError) -> ActivationRanges {
      try ActivationRanges(of: graph, on: [Probes.batch(for: graph)], as: .probes)
    }
    var ranges: ActivationRanges
    switch self {
    case .ranges(let known): return known
    case .batches(let batches): return try ActivationRanges(of: graph, on: batches)
    case .probes: ranges = try fromProbes()
    case .automatic: ranges = if let told = try fromBatchNorms() { told } else { try fromProbes() }
    case .batchNorms:
      guard let told = try fromBatchNorms() else {
        throw ResectError(
          .notApplicable, "the network has no batch-norms that tell the ranges of its activations",
          advice: "take them before they are folded, or use probes or images")
      }
      ranges = told
    }
    if let input = graph.inputNormalization?.range ?? input { ranges[Program.inputName] = input }
    return ranges
  }
}
