package import ResectBytes
package import ResectGraphs
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

extension Graph.Convolution {
  /// The weight of a convolution of one pixel as a matrix.
  fileprivate var matrix: LazyTensor? { try? weight.reshaped(Array(weight.shape.axes.prefix(2))) }
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
