public import Tensors

extension ResNet {
  /// The network with every tensor replaced by what `change` makes of it.
  public func mapTensors(_ change: (LazyTensor) -> LazyTensor) -> ResNet {
    var network = self
    network.updateUnits { _, unit in
      unit.convolution.weight = change(unit.convolution.weight)
      unit.convolution.bias = unit.convolution.bias.map(change)
      guard var norm = unit.norm else { return }
      norm.weight = norm.weight.map(change)
      norm.bias = norm.bias.map(change)
      norm.runningMean = norm.runningMean.map(change)
      norm.runningVariance = norm.runningVariance.map(change)
      unit.norm = norm
    }
    for index in network.head.indices {
      network.head[index].weight = change(network.head[index].weight)
      network.head[index].bias = network.head[index].bias.map(change)
    }
    return network
  }
}
