internal import ResectGraphs

/// What layers of Keras are made of that compute what a ResNet does.
struct KerasConstruction {
  let graph: Graph
  let names: KerasNames
  /// How many biases the network does not have where Keras' code has them.
  let inventedBiases: Int

  /// The construction of `network` as the code of `family` does it; absent where nobody's does.
  ///
  /// Throws `ResectError.Code.notApplicable` where something that the weights do not tell is unknown, or the network cannot run without
  /// its batch.
  init(_ network: ResNet, of family: KerasFamily?) throws(ResectError) {
    var network = network
    inventedBiases = family.map { network.addBiases(of: $0) } ?? 0
    if network.inputNormalization?.isInKeras == false { network.inputNormalization = nil }
    names = KerasNames(network, of: family)
    let graph: Graph
    do throws(ResectError) {
      graph = try network.graph()
    } catch {
      var error = error
      error.advice = error.advice ?? "write .resect"
      throw error
    }
    // Keras' classifiers give probabilities.
    guard let linear = network.head.last else {
      self.graph = graph
      return
    }
    let classifier = ModulePath.classifier(layer: linear.layer).description
    let softmax = Graph.Node("\(classifier).softmax", .activation(.softmax), of: [graph.output])
    self.graph = try Graph(
      input: graph.input, nodes: graph.nodes + [softmax],
      outputs: graph.outputs + [Graph.Output(Graph.Output.probabilities, graph.nodes.count + 1)],
      features: graph.features, appendsConstantFeature: graph.appendsConstantFeature)
  }
}

extension ResNet {
  /// Adds zeros where the code of `family` has biases. Returns how many vectors of them.
  fileprivate mutating func addBiases(of family: KerasFamily) -> Int {
    func zeros(_ weight: LazyTensor) -> LazyTensor {
      LazyTensor(values: [Double](repeating: 0, count: weight.shape.axes[0]), dtype: weight.dtype)
    }
    var count = 0
    updateUnits { paths, unit in
      guard unit.convolution.bias == nil, family.hasBias(paths.convolution) else { return }
      unit.convolution.bias = zeros(unit.convolution.weight)
      count += 1
    }
    for index in head.indices where head[index].bias == nil {
      head[index].bias = zeros(head[index].weight)
      count += 1
    }
    return count
  }
}

extension InputNormalization {
  /// Whether Keras can do it: channels stay where they are, or are turned around.
  var isInKeras: Bool { [Array(channels.indices), channels.indices.reversed()].contains(channels) }
}
