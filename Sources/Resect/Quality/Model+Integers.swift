internal import ResectGraphs

/// How a network is written as 8-bit integers.
struct IntegerStorage: Sendable {
  /// The ranges of its activations.
  let ranges: ActivationRanges
  /// The weights of its convolutions, by the tree's names.
  let weights: Set<String>
}

extension Model {
  /// The model that will be written as what the 8-bit engine computes with: only `.resect` files hold that.
  ///
  /// Weights of convolutions become integers times a scale for each output channel (`ScaledIntegers`), those of linear layers
  /// bfloat16, and the ranges of the activations go into the file, so that nothing has to be measured or rounded when it runs.
  /// By default the ranges are those of the file that was read, where it holds them, else those that the batch-norms tell
  /// that are folded now, else those of probes. No surgery may follow.
  ///
  /// Throws `ResectError.Code.notApplicable` where batch-norms could be folded, and where nobody says how the network strides.
  public func storingIntegers(_ calibration: Calibration = .automatic) throws(ResectError) -> Model {
    do throws(ResectError) {
      let network = try network
      guard quantization == nil, integers == nil else { throw Model.alreadyQuantized }
      guard try !network.canFoldBatchNorms else {
        throw ResectError(
          .notApplicable, "8-bit integers are made of a network whose batch-norms are folded",
          advice: .foldBatchNorm)
      }
      let graph = try network.graph()
      let ranges = try ranges(calibration, of: graph)
      var model = self
      model.integers = IntegerStorage(ranges: ranges, weights: graph.convolutionWeights)
      model.surgeries.append(
        SurgeryRecord(
          name: "int8", parameters: .object(["calibration": .string(ranges.source.rawValue)]),
          report: .object(["tensors": .integer(graph.convolutionWeights.count)]),
          summary:
            "rounded the weights of \(graph.convolutionWeights.count) convolutions to 8-bit integers, ranges of activations from \(ranges.source.rawValue)"
        ))
      return model
    } catch {
      throw error.renamed(by: convention).located(file: sources.first?.file.path)
    }
  }

  private func ranges(
    _ calibration: Calibration, of graph: Graph
  ) throws(ResectError) -> ActivationRanges {
    if case .automatic = calibration, let known = self.calibration { return known }
    return try calibration.ranges(
      of: graph, unfolded: try unfolded.map { network throws(ResectError) in try network.graph() }, input: inputRange)
  }

  /// What the numbers that the network takes lie between, where the preprocessing tells.
  var inputRange: ActivationRanges.Range? { preprocessing.value.map { InputNormalization($0).range } }
}

extension ResNet {
  /// Whether the convolutions can take up batch-norms.
  fileprivate var canFoldBatchNorms: Bool {
    get throws(ResectError) {
      guard architecture.normalization != .none else { return false }
      return try foldingBatchNorm().network.parameters.count != parameters.count
    }
  }
}

extension Graph {
  /// The weights of the convolutions, by the tree's names.
  fileprivate var convolutionWeights: Set<String> {
    var names: Set<String> = []
    for node in nodes {
      if case .convolution = node.operation { names.insert("\(node.name).weight") }
    }
    return names
  }
}
