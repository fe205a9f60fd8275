internal import ResectBytes
internal import ResectGraphs
internal import ResectTensors

/// The numbers that a step computes with, which are finite.
struct Weights<Scalar: BinaryFloatingPoint & Sendable>: Sendable {
  /// A kernel, a matrix, slopes or a constant.
  private(set) var weight: [Scalar] = []
  private(set) var bias: [Scalar]?
  /// What each channel is multiplied by, and what is then added.
  private(set) var factors: [Double] = []
  private(set) var shifts: [Double] = []

  /// The numbers of a step whose result has `channels` channels.
  init(of step: Program.Step, channels: Int) throws(ResectError) {
    func numbers(_ tensor: LazyTensor, _ role: String) throws(ResectError) -> [Scalar] {
      try tensor.finiteNumbers("\(step.name).\(role)")
    }
    func take(_ tensor: LazyTensor, _ bias: LazyTensor?) throws(ResectError) {
      weight = try numbers(tensor, "weight")
      if let bias { self.bias = try numbers(bias, "bias") }
    }
    switch step.operation {
    case .convolution(let convolution): try take(convolution.weight, convolution.bias)
    case .linear(let linear): try take(linear.weight, linear.bias)
    case .channelConvolution(let convolution): try take(convolution.kernel, convolution.bias)
    case .batchNorm(let norm): (factors, shifts) = try norm.affine(at: step.name)
    case .scaleShift(let affine): (factors, shifts) = try affine.affine(at: step.name, channels: channels)
    case .activation(.prelu(let slopes)): weight = try numbers(slopes, "weight")
    case .constant(let tensor): weight = try numbers(tensor, "value")
    case .activation, .maxPool, .averagePool, .globalAveragePool, .globalMaxPool, .add, .multiply, .concatenate,
      .flatten, .toImage, .pad, .normalize, .identity:
      break
    }
  }
}

extension Graph.BatchNorm {
  /// What each channel is multiplied by, and what is then added.
  func affine(at name: String) throws(ResectError) -> (factors: [Double], shifts: [Double]) {
    let mean: [Double] = try mean.finiteNumbers("\(name).running_mean")
    let variance = try variances("\(name).running_var")
    let scale = try weight?.finiteNumbers("\(name).weight") ?? [Double](repeating: 1, count: mean.count)
    let shift = try bias?.finiteNumbers("\(name).bias") ?? [Double](repeating: 0, count: mean.count)
    let factors = zip(scale, variance).map { $0 / ($1 + epsilon).squareRoot() }
    return (factors, mean.indices.map { shift[$0] - mean[$0] * factors[$0] })
  }

  /// The variances, each with a root once epsilon is added.
  func variances(_ name: String) throws(ResectError) -> [Double] {
    let values: [Double] = try variance.finiteNumbers(name)
    if let index = values.firstIndex(where: { !(Float($0) + Float(epsilon) > 0) }) {
      throw ResectError(
        .badValue, "element \(index) is \(values[index]): with eps \(epsilon) it has no root to divide by", tensor: name
      )
    }
    return values
  }
}

extension Graph.ScaleShift {
  /// What each channel is multiplied by, and what is then added.
  func affine(at name: String, channels: Int) throws(ResectError) -> (factors: [Double], shifts: [Double]) {
    func numbers(_ tensor: LazyTensor?, _ role: String, absent: Double) throws(ResectError) -> [Double] {
      guard let tensor else { return [Double](repeating: absent, count: channels) }
      let values: [Double] = try tensor.finiteNumbers("\(name).\(role)")
      return values.count == 1 ? [Double](repeating: values[0], count: channels) : values
    }
    return (try numbers(scale, "weight", absent: 1), try numbers(shift, "bias", absent: 0))
  }
}
