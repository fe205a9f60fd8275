public import ResectBytes
public import ResectTensors

extension ResNet {
  /// A network by the plan `architecture`, whose tensors are found by their places.
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
    let places = PlannedLayers(architecture: architecture, tensors: tensors)
    inputNormalization = architecture.inputNormalization
    innerStem = []
    for index in architecture.innerStemWidths.indices {
      innerStem.append(try places.unit(UnitPaths(innerStem: index + 1), stride: index == 0 ? 2 : 1))
    }
    stem = try places.unit(.stem, stride: architecture.stem == .sevenWithMaxPool ? 2 : 1)
    if architecture.stem == .deepWithConvolution { stemPool = try places.unit(.stemPool, stride: 2) }
    if [.sevenWithMaxPool, .deepWithMaxPool].contains(architecture.stem) { stemPooling = architecture.stemPooling }
    stages = []
    for (stage, blocks) in architecture.channels.enumerated() {
      var built: [ResidualBlock] = []
      for (block, outputs) in blocks.enumerated() {
        built.append(try places.block(stage: stage + 1, block: block, count: outputs.count))
      }
      stages.append(built)
    }
    isPreactivated = architecture.isPreactivated
    shortcutKind = architecture.shortcut
    if architecture.hasFinalNorm { finalNorm = places.norm(.finalNorm) }
    appendsConstantFeature = architecture.appendsConstantFeature
    head = []
    for layer in architecture.headLayers {
      let place = ModulePath.classifier(layer: layer)
      head.append(Linear(layer: layer, weight: try places.weight(place), bias: places.bias(place)))
    }
    statedStrides = architecture.stridePlacement
    epsilonSource = architecture.epsilon.source
  }

  /// Elements that are trained, as torch counts parameters.
  public var parameterCount: Int { count { !$0.isBuffer } }

  /// Elements of the buffers: running statistics and batch counts.
  public var bufferCount: Int { count { $0.isBuffer } }

  private func count(_ isCounted: (ParameterPath.Kind) -> Bool) -> Int {
    parameters.reduce(0) { $0 + (isCounted($1.path.kind) ? $1.tensor.shape.elementCount : 0) }
  }
}

/// The layers of an architecture with the tensors that stand at their places.
private struct PlannedLayers {
  let architecture: Architecture
  let tensors: [ParameterPath: LazyTensor]

  func weight(_ place: ModulePath) throws(ResectError) -> LazyTensor {
    guard let weight = tensors[.init(place, .weight)] else {
      throw ResectError(.mismatch, "missing \(ParameterPath(place, .weight))")
    }
    return weight
  }

  func bias(_ place: ModulePath) -> LazyTensor? { tensors[.init(place, .bias)] }

  func norm(_ place: ModulePath) -> ResNet.BatchNorm? {
    guard architecture.normalization != .none, !architecture.absentNorms.contains(place) else {
      return nil
    }
    func tensor(_ kind: ParameterPath.Kind) -> LazyTensor? { tensors[.init(place, kind)] }
    return ResNet.BatchNorm(
      weight: tensor(.weight), bias: tensor(.bias), runningMean: tensor(.runningMean),
      runningVariance: tensor(.runningVariance), batchesTracked: tensor(.batchesTracked),
      epsilon: architecture.epsilon(at: place), isScaleAndShift: architecture.normalization == .scaleAndShift)
  }

  func unit(
    _ paths: ResNet.UnitPaths, stride: Int, groups: Int = 1
  ) throws(ResectError) -> ResNet.ConvolutionUnit {
    let weight = try weight(paths.convolution)
    let padding = architecture.padding(at: paths.convolution).around(kernel: weight.shape.axes.last ?? 1)
    let convolution = ResNet.Convolution(
      weight: weight, bias: bias(paths.convolution), stride: stride, padding: padding, groups: groups)
    let norm = norm(paths.norm)
    // Among batch-norms, one that is absent was never there; else it may have been folded.
    var foldedEpsilon: Double?
    switch architecture.normalization {
    case .batchNorm: break
    case .scaleAndShift, .none: if norm == nil { foldedEpsilon = architecture.epsilon(at: paths.norm) }
    }
    return ResNet.ConvolutionUnit(convolution: convolution, norm: norm, foldedEpsilon: foldedEpsilon)
  }

  func block(stage: Int, block: Int, count: Int) throws(ResectError) -> ResNet.ResidualBlock {
    let stride = architecture.stride(stage: stage, block: block)
    let strider = architecture.block == .basic ? 0 : architecture.stridePlacement.value.position
    var units: [ResNet.ConvolutionUnit] = []
    for index in 1...count {
      units.append(
        try unit(
          .init(stage: stage, block: block, index: index), stride: strider == index - 1 ? stride : 1,
          groups: architecture.block == .bottleneck && index == 2 ? architecture.groups : 1))
    }
    var attention: ResNet.Attention?
    if let kind = architecture.attention?.kind {
      var layers: [ResNet.Attention.Layer] = []
      for index in 1...kind.layers {
        let place = kind.place(stage: stage, block: block, index: index)
        layers.append(.init(weight: try weight(place), bias: bias(place)))
      }
      attention = ResNet.Attention(layers: layers)
    }
    var shortcut: ResNet.ConvolutionUnit?
    if architecture.projections[stage - 1][block] {
      let isPooled = architecture.shortcut == .averagePooledProjection
      shortcut = try unit(.init(shortcutOf: block, stage: stage), stride: isPooled ? 1 : stride)
    }
    return ResNet.ResidualBlock(
      units: units, unplacedStride: strider == nil ? stride : 1, attention: attention, shortcut: shortcut)
  }
}
