public import ResectBytes
public import ResectTensors

/// Keeps the means of a layer's channels right after its weights have changed a little.
///
/// A change of the weights moves the mean of output channel o by the sum over the input channels i of the mean of i times the
/// change of the kernel (o, i), summed over its taps; the bias takes that back (Nagel et al., Data-Free Quantization Through
/// Weight Equalization and Bias Correction, 2019). At the image's border, where taps fall on padding, the shift is smaller; it is
/// not looked at.
public enum BiasCorrection {
  /// What to add to the bias of each output channel.
  ///
  /// `weights` and `changed` are a layer's before and after, of `shape` outputs × inputs / groups × kernel, row-major; of each
  /// input channel, `inputMeans` has the mean. Throws where the numbers of elements do not fit each other.
  public static func corrections(
    weights: [Double], changed: [Double], shape: Shape, groups: Int = 1, inputMeans: [Double]
  ) throws(ResectError) -> [Double] {
    guard shape.rank >= 2, shape.elementCount > 0, weights.count == shape.elementCount,
      changed.count == weights.count, groups >= 1, shape.axes[0] % groups == 0,
      inputMeans.count / groups == shape.axes[1], inputMeans.count % groups == 0
    else {
      throw ResectError(
        .mismatch,
        "\(weights.count) and \(changed.count) weights and \(inputMeans.count) input channels do not fit shape \(shape) in \(groups) groups"
      )
    }
    let (outputs, inputs) = (shape.axes[0], shape.axes[1])
    let taps = shape.elementCount / outputs / inputs
    return (0..<outputs).map { output in
      let firstInput = output / (outputs / groups) * inputs
      var shift = 0.0
      for input in 0..<inputs {
        let start = (output * inputs + input) * taps
        var change = 0.0
        for index in start..<start + taps { change += changed[index] - weights[index] }
        shift += change * inputMeans[firstInput + input]
      }
      return -shift
    }
  }
}
