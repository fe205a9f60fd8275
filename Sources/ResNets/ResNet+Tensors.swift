public import ResectTensors

extension ResNet {
  /// The network with every tensor replaced by what `change` makes of it.
  public func mapTensors(_ change: (LazyTensor) -> LazyTensor) -> ResNet {
    var network = self
    network.updateUnits { _, unit in
      unit.convolution.weight = change(unit.convolution.weight)
      unit.convolution.bias = unit.convolution.bias.map(change)
    }
    for stage in network.stages.indices {
      for block in network.stages[stage].indices {
        guard var attention = network.stages[stage][block].attention else { continue }
        for index in attention.layers.indices {
          attention.layers[index].weight = change(attention.layers[index].weight)
          attention.layers[index].bias = attention.layers[index].bias.map(change)
        }
        network.stages[stage][block].attention = attention
      }
    }
    network.updateNorms { _, norm in
      norm.weight = norm.weight.map(change)
      norm.bias = norm.bias.map(change)
      norm.runningMean = norm.runningMean.map(change)
      norm.runningVariance = norm.runningVariance.map(change)
    }
    for index in network.head.indices {
      network.head[index].weight = change(network.head[index].weight)
      network.head[index].bias = network.head[index].bias.map(change)
    }
    return network
  }
}
