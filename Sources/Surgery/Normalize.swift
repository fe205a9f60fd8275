public import ResectBytes
public import ResectResNets
internal import ResectTensors

extension ResNet {
  /// Puts the scale, mean, standard deviation and channel order of `preprocessing` into the network, as a fixed first layer.
  ///
  /// - *Requires*: a preprocessing of the network's channels; a network that does not normalise its input yet.
  /// - *Changes*: what the network takes: the pixels of a decoded image, 0 to 255, red first. It normalises them itself, each step
  ///   in float32 as the preprocessing is computed, so with the same bits.
  /// - *Preserves*: every weight, and what an image gives.
  public func normalizing(by preprocessing: Preprocessing) throws(ResectError) -> (
    network: ResNet, record: SurgeryRecord
  ) {
    let normalization = try checkedNormalization(preprocessing)
    var normalized = self
    normalized.architecture.inputNormalization = normalization
    let record = SurgeryRecord(
      name: "normalize", parameters: .object(["preprocessing": preprocessing.json, "fold": .bool(false)]),
      report: .object(["inputNormalization": normalization.json]),
      summary: "the network takes pixels of 0 to 255 and normalises them itself: mean and std are its first layer")
    return (normalized, record)
  }

  /// Folds the scale, mean, standard deviation and channel order of `preprocessing` into the first convolution.
  ///
  /// - *Requires*: a preprocessing of the network's channels; a network that does not normalise its input yet; a bias of the first
  ///   convolution, or a batch-norm with running statistics after it. Finite weights.
  /// - *Changes*: what the network takes: the pixels of a decoded image, 0 to 255, red first. The weight of the first convolution to
  ///   `w · scale / std`, its input channels to the image's order; and by Σ `w` · mean / std less, summed over the kernel, its
  ///   bias or, where it has none, by as much more the running mean of its batch-norm. Computed in double precision and rounded
  ///   once when they are pulled; a float16 weight becomes float32, since the numbers are up to a thousand times smaller.
  /// - *Preserves*: what an image gives, up to rounding, except near the border: the convolution pads with zeros, which stood for
  ///   mean pixels before and are black ones now. The report has the pixel value by which it would have to pad
  ///   (`exactPadding`, one for each channel of the image).
  public func foldingNormalization(of preprocessing: Preprocessing) throws(ResectError) -> (
    network: ResNet, record: SurgeryRecord
  ) {
    let normalization = try checkedNormalization(preprocessing)
    let isDeep = !innerStem.isEmpty
    let paths =
      isDeep
      ? UnitPaths(convolution: .innerStemConvolution(index: 1), norm: .innerStemNorm(index: 1))
      : UnitPaths(convolution: .stemConvolution, norm: .stemNorm)
    var first = isDeep ? innerStem[0] : stem
    let path = ParameterPath(paths.convolution, .weight)
    var folded = self
    let weight = first.convolution.weight
    let values = try weight.finiteValues(at: path)
    let taps = FoldedTaps(values, axes: weight.shape.axes, normalization)
    first.convolution.weight = try LazyTensor(
      values: taps.weights, shape: weight.shape, dtype: weight.dtype == .float16 ? .float32 : weight.dtype)
    try first.shift(by: taps.shifts, paths: paths)
    if isDeep { folded.innerStem[0] = first } else { folded.stem = first }
    let padding = normalization.exactPadding
    let record = SurgeryRecord(
      name: "normalize", parameters: .object(["preprocessing": preprocessing.json, "fold": .bool(true)]),
      report: .object(["exactPadding": .array(padding.map { .number($0) })]),
      warnings: padding.contains { $0 != 0 }
        ? [
          "the first convolution pads with zeros, which were mean pixels and are black ones now: near the border the result differs (padding with \(padding.map { $0.text(digits: 4) }.joined(separator: ", ")) would be exact)"
        ] : [],
      summary: "folded the normalisation of pixels into the first convolution")
    return (folded, record)
  }

  /// The normalisation by `preprocessing`, where the network can get it.
  private func checkedNormalization(
    _ preprocessing: Preprocessing
  ) throws(ResectError) -> InputNormalization {
    guard architecture.inputNormalization == nil else {
      throw ResectError(.notApplicable, "the network normalises its input already")
    }
    guard preprocessing.channelOrder.count == architecture.inputChannels else {
      throw ResectError(
        .mismatch,
        "the preprocessing gives \(preprocessing.channelOrder.count) channels (\(preprocessing.channelOrder.rawValue)), the network takes \(architecture.inputChannels)"
      )
    }
    guard !preprocessing.keepsPixels else {
      throw ResectError(
        .notApplicable, "the preprocessing leaves pixels as they are: there is nothing to put into the network")
    }
    return InputNormalization(preprocessing)
  }
}

extension InputNormalization {
  /// The pixel that becomes 0, for each channel of the image.
  fileprivate var exactPadding: [Double] {
    var pixels = [Double](repeating: 0, count: channels.count)
    for (channel, source) in channels.enumerated() { pixels[source] = mean[channel] / scale }
    return pixels
  }
}

/// The weights of a convolution that takes pixels, and what the means add to its result.
private struct FoldedTaps {
  var weights: [Double]
  /// −Σ w · mean / std, for each output channel.
  var shifts: [Double]

  /// Folds `values`, output channels × input channels × height × width.
  init(_ values: [Double], axes: [Int], _ normalization: InputNormalization) {
    let area = axes[2] * axes[3]
    weights = values
    shifts = [Double](repeating: 0, count: axes[0])
    for output in 0..<axes[0] {
      for (channel, source) in normalization.channels.enumerated() {
        let factor = normalization.scale / normalization.std[channel]
        let shift = normalization.mean[channel] / normalization.std[channel]
        let start = (output * axes[1] + channel) * area
        let target = (output * axes[1] + source) * area
        for tap in 0..<area {
          weights[target + tap] = values[start + tap] * factor
          shifts[output] -= values[start + tap] * shift
        }
      }
    }
  }
}

extension ResNet.ConvolutionUnit {
  /// Adds `shifts` to what the convolution makes: to its bias or, where it has none, by the mean that the batch-norm subtracts.
  fileprivate mutating func shift(by shifts: [Double], paths: ResNet.UnitPaths) throws(ResectError) {
    if let bias = convolution.bias {
      let values = try bias.finiteValues(at: ParameterPath(paths.convolution, .bias))
      convolution.bias = LazyTensor(values: zip(values, shifts).map { $0 + $1 }, dtype: bias.dtypeOfSums)
      return
    }
    guard let mean = norm?.runningMean else {
      throw ResectError(
        .notApplicable,
        "the first convolution has no bias and no batch-norm with running statistics after it, where the means could go",
        advice: .normalizeInLayer)
    }
    let values = try mean.finiteValues(at: ParameterPath(paths.norm, .runningMean))
    norm?.runningMean = LazyTensor(values: zip(values, shifts).map { $0 - $1 }, dtype: mean.dtypeOfSums)
  }
}

extension LazyTensor {
  /// The dtype of what is added to every activation, for which half precision is not enough.
  fileprivate var dtypeOfSums: DType { dtype == .float64 ? .float64 : .float32 }
}
