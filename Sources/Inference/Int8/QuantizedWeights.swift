internal import Bytes
internal import Tensors

/// A convolution's weights as 8-bit integers, scaled by output channel.
struct QuantizedWeights: Sendable {
  /// The integers, −127 to 127, row-major.
  let values: [Int8]
  /// What each output channel's integers are multiplied by.
  let scales: [Float]

  /// The weights of `convolution`, each rounded to nearest even.
  init(_ convolution: Graph.Convolution, name: String) throws(ResectError) {
    let numbers = try convolution.weight.floats(of: name)
    guard numbers.allSatisfy(\.isFinite) else {
      throw ResectError(
        .badValue, "weights are not finite, which no integer can be", advice: "--dtype f32 runs them as they are",
        tensor: name)
    }
    let channels = convolution.weight.shape.axes[0]
    let size = numbers.count / max(channels, 1)
    var values = [Int8](repeating: 0, count: numbers.count)
    var scales: [Float] = []
    for channel in 0..<channels {
      let range = channel * size..<(channel + 1) * size
      var largest: Float = 0
      for index in range { largest = max(largest, abs(numbers[index])) }
      let scale = largest > 0 ? largest / 127 : 1
      scales.append(scale)
      for index in range {
        values[index] = Int8(max(-127, min(127, (numbers[index] / scale).rounded(.toNearestOrEven))))
      }
    }
    self.values = values
    self.scales = scales
  }
}
