public import ResectTensors

extension ResNet {
  /// The network with every tensor replaced by what `change` makes of it.
  public func mapTensors<Failure: Error>(
    _ change: (Parameter) throws(Failure) -> LazyTensor
  ) throws(Failure) -> ResNet {
    var network = self
    try network.updateTensors { path, tensor throws(Failure) in
      tensor = try change(Parameter(path: path, tensor: tensor))
    }
    return network
  }

  /// Lets `update` change each tensor.
  package mutating func updateTensors<Failure: Error>(
    _ update: (ParameterPath, inout LazyTensor) throws(Failure) -> Void
  ) throws(Failure) {
    func change(_ module: ModulePath, _ kind: ParameterPath.Kind, _ tensor: inout LazyTensor?) throws(Failure) {
      guard var present = tensor else { return }
      try update(ParameterPath(module, kind), &present)
      tensor = present
    }
    try updateUnits { paths, unit throws(Failure) in
      try update(ParameterPath(paths.convolution, .weight), &unit.convolution.weight)
      try change(paths.convolution, .bias, &unit.convolution.bias)
    }
    for stage in stages.indices {
      for block in stages[stage].indices {
        guard var attention = stages[stage][block].attention else { continue }
        let kind = attention.kind
        for index in attention.layers.indices {
          let place = kind.place(stage: stage + 1, block: block, index: index + 1)
          try update(ParameterPath(place, .weight), &attention.layers[index].weight)
          try change(place, .bias, &attention.layers[index].bias)
        }
        stages[stage][block].attention = attention
      }
    }
    try updateNorms { place, norm throws(Failure) in
      try change(place, .weight, &norm.weight)
      try change(place, .bias, &norm.bias)
      try change(place, .runningMean, &norm.runningMean)
      try change(place, .runningVariance, &norm.runningVariance)
      try change(place, .batchesTracked, &norm.batchesTracked)
    }
    for index in head.indices {
      let place = ModulePath.classifier(layer: head[index].layer)
      try update(ParameterPath(place, .weight), &head[index].weight)
      try change(place, .bias, &head[index].bias)
    }
  }
}
