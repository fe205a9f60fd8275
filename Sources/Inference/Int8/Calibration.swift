public import ResectBytes
package import ResectGraphs
public import ResectResNets

/// Where the ranges of 8-bit activations come from.
public enum Calibration: Sendable {
  /// From the batch-norms, where the network has them and they tell all ranges; else from probes.
  case automatic
  /// From the statistics in the batch-norms, without running the network.
  case batchNorms
  /// From what the network makes of fixed pseudo-random inputs.
  case probes
  /// From what the network makes of inputs: so many batches, each made when its turn comes.
  case inputs(count: Int, @Sendable (_ index: Int) throws(ResectError) -> Batch)
  /// They are known.
  case ranges(ActivationRanges)

  /// From what the network makes of these inputs.
  public static func batches(_ batches: [Batch]) -> Calibration {
    .inputs(count: batches.count) { (index) throws(ResectError) in batches[index] }
  }
}

extension Calibration {
  /// The ranges of `graph`. `unfolded` is the same network before its batch-norms were folded, where that is at hand.
  ///
  /// `input` is what the numbers that the network takes lie between, where that is known. Throws
  /// `ResectError.Code.notApplicable` where batch-norms should tell the ranges and do not.
  package func ranges(
    of graph: Graph, unfolded: Graph?, input: ActivationRanges.Range? = nil
  ) throws(ResectError) -> ActivationRanges {
    try ranges(of: graph, Program(graph), unfolded: unfolded, input: input)
  }

  /// The ranges of `graph`, which runs as `program`.
  func ranges(
    of graph: Graph, _ program: Program, unfolded: Graph?, input: ActivationRanges.Range?
  ) throws(ResectError) -> ActivationRanges {
    // An embedding of classes has none.
    guard !program.convolvedValues.isEmpty else { return ActivationRanges(from: .probes) }
    func fromBatchNorms() throws(ResectError) -> ActivationRanges? {
      guard let unfolded else { return nil }
      return try ActivationRanges(batchNormsOf: unfolded, for: program)
    }
    func fromProbes() throws(ResectError) -> ActivationRanges {
      let probes = try Probes.batch(for: program)
      return try ActivationRanges(of: graph, onInputs: 1, as: .probes) { _ in probes }
    }
    var ranges: ActivationRanges
    switch self {
    case .ranges(let known): return known
    case .inputs(let count, let batch): return try ActivationRanges(of: graph, onInputs: count, batch)
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
