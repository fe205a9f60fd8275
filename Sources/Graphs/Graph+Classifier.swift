internal import ResectTensors

extension Graph {
  /// The linear layer that embeds the classes: the last that computes anything before the logits.
  package struct Classifier: Sendable {
    /// The position of its node.
    package let position: Int
    /// Its weight, classes × features, and its bias.
    package let linear: Linear
    /// The value that enters it: the features.
    package let features: ValueID
    /// The value that it makes.
    package var logits: ValueID { position + 1 }

    /// How many classes there are.
    package var classes: Int { linear.weight.shape.axes[0] }
    /// How many features there are.
    package var featureCount: Int { linear.weight.shape.axes[1] }
  }

  /// The value that is a number for each class, before any softmax.
  package var logits: ValueID { output(named: Output.logits) ?? output }

  /// The layer that embeds the classes; absent where the network ends in features or in something that is not linear.
  package var classifier: Classifier? {
    guard computesLogits else { return nil }
    var value = logits
    while let node = node(making: value), let input = node.inputs.first {
      switch node.operation {
      case .identity: value = input
      case .flatten, .toImage:
        // Other than between a vector and an image of one pixel, numbers change places.
        guard isOnePixel(input) else { return nil }
        value = input
      case .linear(let linear):
        guard linear.weight.shape.rank == 2 else { return nil }
        return Classifier(position: value - 1, linear: linear, features: input)
      case .convolution(let convolution):
        // Keras' MobileNet has its classifier as a convolution of one pixel.
        guard isOnePixel(input), convolution.groups == 1, convolution.weight.shape.axes.dropFirst(2) == [1, 1],
          convolution.padding == .none || convolution.padding == .same, let weight = convolution.matrix
        else { return nil }
        return Classifier(
          position: value - 1, linear: Linear(weight: weight, bias: convolution.bias), features: input)
      default: return nil
      }
    }
    return nil
  }

  /// Whether a value is surely a vector or an image of one pixel.
  private func isOnePixel(_ value: ValueID) -> Bool {
    var value = value
    while let node = node(making: value) {
      switch node.operation {
      case .globalAveragePool, .globalMaxPool, .linear, .toImage: return true
      case .identity, .activation, .batchNorm, .scaleShift, .convolution:
        guard let input = node.inputs.first else { return false }
        if case .convolution(let convolution) = node.operation, convolution.kernel != 1 { return false }
        value = input
      default: return false
      }
    }
    if case .features = input.kind { return true }
    return false
  }
}

extension Graph.Convolution {
  /// The weight of a convolution of one pixel as a matrix.
  fileprivate var matrix: LazyTensor? { try? weight.reshaped(Array(weight.shape.axes.prefix(2))) }
}
