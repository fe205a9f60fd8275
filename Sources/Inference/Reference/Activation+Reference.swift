internal import ResectGraphs

extension Graph.Activation {
  /// What a number becomes, of those functions that take one number alone. What is not a number stays so.
  ///
  /// Functions that need more, a stored slope or the other channels, give the number back: they are whole steps.
  func applied(to x: Double) -> Double {
    switch self {
    case .relu: x < 0 ? 0 : x
    case .relu6: x < 0 ? 0 : x > 6 ? 6 : x
    case .leakyReLU(let slope): x < 0 ? slope * x : x
    case .silu: x / (1 + exponential(-x))
    case .gelu(approximatesByTanh: false): x * 0.5 * (1 + errorFunction(x * 0.5.squareRoot()))
    case .gelu(approximatesByTanh: true):
      x * 0.5 * (1 + hyperbolicTangent((2 / Double.pi).squareRoot() * (x + 0.044715 * x * x * x)))
    case .elu(let alpha): x < 0 ? alpha * exponentialMinusOne(x) : x
    case .sigmoid: 1 / (1 + exponential(-x))
    case .tanh: hyperbolicTangent(x)
    case .hardSigmoid(let slope, let offset): Graph.Activation.clipped(slope * x + offset, to: 1)
    case .hardSwish: x * Graph.Activation.clipped(x + 3, to: 6) / 6
    case .prelu, .softmax, .logSoftmax: x
    }
  }

  private static func clipped(_ x: Double, to most: Double) -> Double { x < 0 ? 0 : x > most ? most : x }
}
