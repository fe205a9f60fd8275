internal import ResectBytes
internal import ResectGraphs

extension KerasGraphReader {
  /// The graph whose result is `result`.
  ///
  /// A softmax or a sigmoid at the end gives probabilities, and what enters it is the logits; so is what a linear layer at the end
  /// gives. A model that ends otherwise is a backbone.
  func graph(giving result: Value) throws(ResectError) -> Graph {
    var logits = beforeIdentities(result.id)
    var probabilities: Graph.ValueID?
    if let node = builder.node(making: logits), case .activation(let activation) = node.operation,
      activation.endsClassifier
    {
      probabilities = result.id
      logits = beforeIdentities(node.inputs[0])
    }
    let features = features(of: logits)
    guard features != nil || probabilities != nil else {
      return try builder.graph(outputs: [.init(Graph.Output.features, logits)], features: logits)
    }
    let outputs = [Graph.Output(Graph.Output.logits, logits)]
    return try builder.graph(
      outputs: outputs + (probabilities.map { [.init(Graph.Output.probabilities, $0)] } ?? []), features: features)
  }

  /// What the last linear layer takes that `logits` come from with nothing but changes of shape between; nil where there is none.
  private func features(of logits: Graph.ValueID) -> Graph.ValueID? {
    var value = logits
    while let node = builder.node(making: value) {
      switch node.operation {
      case .flatten, .toImage, .identity: value = node.inputs[0]
      case .linear: return beforeIdentities(node.inputs[0])
      // Of one pixel, a convolution is a linear layer.
      case .convolution(let convolution) where convolution.kernel == 1 && convolution.groups == 1:
        let taken = beforeIdentities(node.inputs[0])
        return isPixel(taken) ? taken : nil
      default: return nil
      }
    }
    return nil
  }

  /// Whether a value is an image of one pixel, by what makes it.
  private func isPixel(_ value: Graph.ValueID) -> Bool {
    var value = value
    while let node = builder.node(making: value) {
      switch node.operation {
      case .globalAveragePool, .globalMaxPool, .toImage: return true
      case .activation, .batchNorm, .scaleShift, .identity: value = node.inputs[0]
      case .convolution(let convolution) where convolution.kernel == 1: value = node.inputs[0]
      default: return false
      }
    }
    return false
  }

  private func beforeIdentities(_ value: Graph.ValueID) -> Graph.ValueID {
    var value = value
    while let node = builder.node(making: value), case .identity = node.operation { value = node.inputs[0] }
    return value
  }
}
