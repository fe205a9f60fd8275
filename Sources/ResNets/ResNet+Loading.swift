public import ResectBytes
public import ResectTensors

extension ResNet {
  /// A network of `architecture` whose tensors are found by their places.
  ///
  /// Throws `ResectError.Code.mismatch` where a tensor is missing or has another shape; all of them are listed in
  /// the details. Naming reports the same with the file's own names before it comes to this.
  public init(
    architecture: Architecture, tensors: [ParameterPath: LazyTensor]
  ) throws(ResectError) {
    let faults = architecture.parameters.compactMap { expected -> String? in
      guard let tensor = tensors[expected.path] else {
        return expected.isOptional ? nil : "missing \(expected.path)"
      }
      guard tensor.shape.axes == expected.axes else {
        return "wrong shape \(expected.path): expected \(expected.axes), found \(tensor.shape.axes)"
      }
      return nil
    }
    guard faults.isEmpty else {
      throw ResectError(
        .mismatch, "\(faults.count) tensors do not fit the architecture, the first: \(faults[0])",
        details: faults)
    }
    let places = TensorPlaces(architecture: architecture, tensors: tensors)
    self.architecture = architecture
    innerStem = []
    for index in architecture.innerStemWidths.indices {
      innerStem.append(try places.unit(UnitPaths(innerStem: index + 1)))
    }
    stem = try places.unit(.stem)
    if architecture.stem == .deepWithConvolution { stemPool = try places.unit(.stemPool) }
    stages = []
    for (stage, blocks) in architecture.channels.enumerated() {
      var built: [ResidualBlock] = []
      for (block, outputs) in blocks.enumerated() {
        built.append(try places.block(stage: stage + 1, block: block, count: outputs.count))
      }
      stages.append(built)
    }
    if architecture.hasFinalNorm { finalNorm = places.norm(.finalNorm) }
    head = []
    for layer in architecture.headLayers {
      let linear = try places.convolution(.classifier(layer: layer))
      head.append(Linear(layer: layer, weight: linear.weight, bias: linear.bias))
    }
  }

  /// Elements that are trained, as torch counts parameters.
  public var parameterCount: Int { count { !$0.isBuffer } }

  /// Elements of the buffers: running statistics and batch counts.
  public var bufferCount: Int { count { $0.isBuffer } }

  private func count(_ isCounted: (ParameterPath.Kind) -> Bool) -> Int {
    parameters.reduce(0) { $0 + (isCounted($1.path.kind) ? $1.tensor.shape.elementCount : 0) }
  }
}

/// Tensors by their places, as parts of the tree.
private struct TensorPlaces {
  let architecture: Architecture
  let tensors: [ParameterPath: LazyTensor]

  /// The weight and bias of a layer.
  func convolution(_ place: ModulePath) throws(ResectError) -> ResNet.Convolution {
    guard let weight = tensors[.init(place, .weight)] else {
      throw ResectError(.mismatch, "missing \(ParameterPath(place, .weight))")
    }
    return ResNet.Convolution(weight: weight, bias: tensors[.init(place, .bias)])
  }

  func norm(_ place: ModulePath) -> ResNet.BatchNorm? {
    guard architecture.normalization != .none, !architecture.absentNorms.contains(place) else {
      return nil
    }
    func tensor(_ kind: ParameterPath.Kind) -> LazyTensor? { tensors[.init(place, kind)] }
    return ResNet.BatchNorm(
      weight: tensor(.weight), bias: tensor(.bias), runningMean: tensor(.runningMean),
      runningVariance: tensor(.runningVariance), batchesTracked: tensor(.batchesTracked))
  }

  func unit(_ paths: ResNet.UnitPaths) throws(ResectError) -> ResNet.ConvolutionUnit {
    ResNet.ConvolutionUnit(
      convolution: try convolution(paths.convolution), norm: norm(paths.norm))
  }

  func block(stage: Int, block: Int, count: Int) throws(ResectError) -> ResNet.ResidualBlock {
    var units: [ResNet.ConvolutionUnit] = []
    for index in 1...count {
      units.append(try unit(.init(stage: stage, block: block, index: index)))
    }
    var attention: ResNet.Attention?
    if let kind = architecture.attention?.kind {
      var layers: [ResNet.Convolution] = []
      for index in 1...kind.layers {
        layers.append(try convolution(kind.place(stage: stage, block: block, index: index)))
      }
      attention = ResNet.Attention(layers: layers)
    }
    let hasShortcut = architecture.projections[stage - 1][block]
    return ResNet.ResidualBlock(
      units: units, attention: attention,
      shortcut: hasShortcut ? try unit(.init(shortcutOf: block, stage: stage)) : nil)
  }
}
