public import ResectBytes
public import ResectResNets
internal import ResectTensors

extension ResNet {
  /// Puts a batch-norm that changes nothing behind every convolution, for programs that build none without them.
  ///
  /// - *Requires*: no batch-norms, as after ``foldingBatchNorm()``; blocks in the order convolution, batch-norm.
  /// - *Changes*: each convolution's bias becomes the shift of its batch-norm, which has scale 1, mean 0 and the variance
  ///   1 − eps, so that the root of variance and eps is 1.
  /// - *Preserves*: every weight and bias to the bit; the logits, up to the rounding of 1 − eps.
  ///
  /// `epsilon` is what the other program's batch-norms add to the variance; by default what the network's were built with.
  public func unfoldingBatchNorm(
    epsilon: Double? = nil
  ) throws(ResectError) -> (network: ResNet, record: SurgeryRecord) {
    guard architecture.normalization == .none else {
      throw ResectError(.notApplicable, "the network has batch-norms: there is nothing to unfold")
    }
    guard !architecture.isPreactivated else {
      throw ResectError(
        .notApplicable, "a pre-activated network normalises before its convolutions: biases have no batch-norm to go to"
      )
    }
    guard let epsilon = epsilon ?? architecture.epsilon.value else {
      throw ResectError(
        .notApplicable, "nobody says what the batch-norms are to add to the variance", advice: .sayEpsilon)
    }
    var unfolded = self
    var count = 0
    unfolded.updateUnits { _, unit in
      let channels = unit.convolution.weight.shape.axes[0]
      func constant(_ value: Double) -> LazyTensor {
        LazyTensor(values: [Double](repeating: value, count: channels), dtype: .float32)
      }
      unit.norm = BatchNorm(
        weight: constant(1), bias: unit.convolution.bias ?? constant(0), runningMean: constant(0),
        runningVariance: constant(1 - epsilon))
      unit.convolution.bias = nil
      count += 1
    }
    unfolded.architecture.normalization = .batchNorm(affine: true, statistics: true)
    unfolded.architecture.hasConvolutionBias = false
    unfolded.architecture.biasExceptions = []
    unfolded.architecture.absentNorms = []
    unfolded.architecture.epsilon = .init(epsilon, from: .option)
    unfolded.architecture.epsilonExceptions = [:]
    let record = SurgeryRecord(
      name: "unfold", parameters: .object(["epsilon": .number(epsilon)]),
      report: .object(["layers": .integer(count)]),
      summary: "put \(count) batch-norms that change nothing behind the convolutions, eps \(epsilon)")
    return (unfolded, record)
  }
}
