internal import ResectBytes
internal import ResectGraphs

extension KerasGraphReader {
  /// The graph whose result is `result`.
  ///
  /// A softmax or a sigmoid at the end gives probabilities, and what enters it is the logits; so is what a linear layer at the end
  /// gives. A model that ends otherwise is a backbone.
  func graph(giving result: Value) throws(ResectError) -> Graph {
    var logits = beforeIdentities(result.id)
    var outputs: [Graph.Output] = []
    if let node = builder.node(making: logits), case .activation(let activation) = node.operation,
      activation.endsClassifier
    {
      outputs.append(.init(Graph.Output.probabilities, logits))
      logits = beforeIdentities(node.inputs[0])
    }
    let plain = try builder.graph(outputs: [.init(Graph.Output.logits, logits)] + outputs)
    guard let classifier = plain.classifier else {
      return outputs.isEmpty
        ? try builder.graph(outputs: [.init(Graph.Output.features, logits)], features: logits) : plain
    }
    return try builder.graph(outputs: plain.outputs, features: beforeIdentities(classifier.features))
  }

  private func beforeIdentities(_ value: Graph.ValueID) -> Graph.ValueID {
    var value = value
    while let node = builder.node(making: value), case .identity = node.operation { value = node.inputs[0] }
    return value
  }
}
