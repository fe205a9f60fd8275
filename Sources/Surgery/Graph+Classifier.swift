package import ResectBytes
package import ResectGraphs
internal import ResectTensors

extension Graph {
  /// The linear layer that embeds the classes. Throws where there is none.
  package func soleClassifier() throws(ResectError) -> Classifier {
    if let classifier { return classifier }
    guard computesLogits else {
      throw ResectError(.notApplicable, "the network has no classifier: it is a backbone already")
    }
    let last = node(making: logits)
    throw ResectError(
      .notApplicable,
      "the network has no class embedding: its last layer, \(last.map { "a \($0.operation.word)" } ?? "its input"), is not linear",
      tensor: last?.name)
  }
}

extension Graph {
  /// The graph with another weight, classes × features, and another bias in the layer that embeds the classes.
  func replacing(
    _ classifier: Classifier, weight: LazyTensor, bias: LazyTensor?
  ) throws(ResectError) -> Graph {
    var operation = nodes[classifier.position].operation
    if case .convolution(var convolution) = operation {
      convolution.weight = try weight.reshaped(weight.shape.axes + [1, 1])
      convolution.bias = bias
      operation = .convolution(convolution)
    } else {
      operation = .linear(Linear(weight: weight, bias: bias))
    }
    return try rewritten { position, _ in position == classifier.position ? .replace(operation) : .keep }
  }

  /// The graph of a backbone with a linear layer behind its features, which makes the logits.
  func embedding(_ weight: LazyTensor, bias: LazyTensor?) throws(ResectError) -> Graph {
    let (backbone, value) = try endingInVector()
    let nodes =
      backbone.nodes + [Node(backbone.freeName("classifier"), .linear(.init(weight: weight, bias: bias)), of: [value])]
    return try Graph(input: input, nodes: nodes, outputs: [Output(Output.logits, nodes.count)], features: value)
  }

  /// The graph that ends in a vector: an image of one pixel becomes one.
  func endingInVector() throws(ResectError) -> (graph: Graph, value: ValueID) {
    guard case .image = try featureShape() else { return (self, output) }
    let nodes = nodes + [Node(freeName("features"), .flatten(.channelsFirst), of: [output])]
    let graph = try Graph(
      input: input, nodes: nodes, outputs: [Output(Output.features, nodes.count)], features: nodes.count,
      appendsConstantFeature: appendsConstantFeature)
    return (graph, nodes.count)
  }

  /// How many numbers a backbone gives. Throws where that depends on the size of the image.
  func featureCount() throws(ResectError) -> Int { try featureShape().count }

  /// The shape of the output, which has one number a channel.
  private func featureShape() throws(ResectError) -> ValueShape {
    var (height, width) = (Graph.usualSize, Graph.usualSize)
    if case .image(_, let fixedHeight, let fixedWidth) = input.kind {
      (height, width) = (fixedHeight ?? height, fixedWidth ?? width)
    }
    let shape = try shapes(height: height, width: width)[output]
    guard shape.isPerChannel else {
      throw ResectError(
        .notApplicable, "the network ends in \(shape) numbers, not in one number for each feature",
        tensor: name(of: output))
    }
    return shape
  }

  /// Height and width of an image where a network takes any: features do not depend on it.
  private static let usualSize = 224

  /// `name` or, where a node has it, with the first number behind it that makes it free.
  func freeName(_ name: String) -> String {
    let names = Set(nodes.map(\.name) + [input.name])
    guard names.contains(name) else { return name }
    var number = 1
    while names.contains("\(name).\(number)") { number += 1 }
    return "\(name).\(number)"
  }
}
