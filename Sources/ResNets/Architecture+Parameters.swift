/// A tensor that an architecture has a place for.
public struct ExpectedParameter: Sendable, Hashable {
  /// Its place.
  public let path: ParameterPath
  /// The lengths of its axes, as torch has them: output channels first.
  public let axes: [Int]
  /// Whether the network is whole without it.
  public let isOptional: Bool

  init(_ module: ModulePath, _ kind: ParameterPath.Kind, _ axes: [Int], isOptional: Bool = false) {
    path = .init(module, kind)
    self.axes = axes
    self.isOptional = isOptional
  }
}

extension Architecture {
  /// Every tensor that a network of this architecture has, in the order of torch's state dict.
  public var parameters: [ExpectedParameter] {
    var expected = stemParameters
    var input = stemWidth
    for (stage, blocks) in channels.enumerated() {
      for (block, outputs) in blocks.enumerated() {
        expected += self.block(stage: stage + 1, block: block, input: input, outputs: outputs)
        input = outputs.last ?? input
      }
    }
    if hasFinalNorm { expected += norm(.finalNorm, input) }
    return expected + headParameters
  }

  /// The places of every convolution and its batch-norm, whether that is there or not.
  var units: [ResNet.UnitPaths] {
    var units = innerStemWidths.indices.map { ResNet.UnitPaths(innerStem: $0 + 1) }
    units.append(.stem)
    if stem == .deepWithConvolution { units.append(.stemPool) }
    for (stage, blocks) in channels.enumerated() {
      for (block, outputs) in blocks.enumerated() {
        for index in outputs.indices { units.append(.init(stage: stage + 1, block: block, index: index + 1)) }
        if projections[stage][block] { units.append(.init(shortcutOf: block, stage: stage + 1)) }
      }
    }
    return units
  }

  /// The positions of the head's linear layers: none, the single unnumbered one, or their numbers.
  public var headLayers: [Int?] {
    switch head {
    case .none: []
    case .linear: [nil]
    case .layers(let layers): layers
    }
  }

  private var stemParameters: [ExpectedParameter] {
    var expected: [ExpectedParameter] = []
    var input = inputChannels
    for (index, width) in innerStemWidths.enumerated() {
      let module = ModulePath.innerStemConvolution(index: index + 1)
      expected += convolution(module, [width, input, stem.kernel, stem.kernel])
      expected += norm(.innerStemNorm(index: index + 1), width)
      input = width
    }
    expected += convolution(.stemConvolution, [stemWidth, input, stem.kernel, stem.kernel])
    expected += norm(.stemNorm, stemWidth)
    if stem == .deepWithConvolution {
      expected += convolution(.stemPoolConvolution, [stemWidth, stemWidth, 3, 3])
      expected += norm(.stemPoolNorm, stemWidth)
    }
    return expected
  }

  private var headParameters: [ExpectedParameter] {
    var expected: [ExpectedParameter] = []
    var features = featureCount
    for (layer, width) in zip(headLayers, headWidths) {
      let module = ModulePath.classifier(layer: layer)
      expected.append(.init(module, .weight, [width, features]))
      if hasHeadBias { expected.append(.init(module, .bias, [width])) }
      features = width
    }
    return expected
  }

  private func block(stage: Int, block index: Int, input: Int, outputs: [Int]) -> [ExpectedParameter] {
    var expected: [ExpectedParameter] = []
    var channels = input
    for (position, (output, kernel)) in zip(outputs, block.kernels).enumerated() {
      let groups = block == .bottleneck && kernel == 3 ? groups : 1
      let place = ModulePath.convolution(stage: stage, block: index, index: position + 1)
      let normPlace = ModulePath.norm(stage: stage, block: index, index: position + 1)
      let axes = [output, channels / groups, kernel, kernel]
      expected +=
        isPreactivated
        ? norm(normPlace, channels) + convolution(place, axes)
        : convolution(place, axes) + norm(normPlace, output)
      channels = output
    }
    expected += attentionParameters(stage: stage, block: index, channels: channels)
    if projections[stage - 1][index] {
      let kernel = projectionKernel(stage: stage, block: index)
      expected += convolution(
        .shortcutConvolution(stage: stage, block: index), [channels, input, kernel, kernel])
      expected += norm(.shortcutNorm(stage: stage, block: index), channels)
    }
    return expected
  }

  private func attentionParameters(stage: Int, block: Int, channels: Int) -> [ExpectedParameter] {
    guard let attention else { return [] }
    let size = attention.sizes[stage - 1][block]
    var expected: [ExpectedParameter] = []
    func add(_ module: ModulePath, _ axes: [Int]) {
      expected.append(.init(module, .weight, axes))
      if attention.hasBias { expected.append(.init(module, .bias, [axes[0]])) }
    }
    switch attention.kind {
    case .squeezeExcitation, .linearSqueezeExcitation:
      let kernel = attention.kind == .squeezeExcitation ? [1, 1] : []
      add(.squeezeExcitation(stage: stage, block: block, index: 1), [size, channels] + kernel)
      add(.squeezeExcitation(stage: stage, block: block, index: 2), [channels, size] + kernel)
    case .efficientChannel:
      add(.channelAttention(stage: stage, block: block), [1, 1, size])
    }
    return expected
  }

  private func convolution(_ place: ModulePath, _ axes: [Int]) -> [ExpectedParameter] {
    let weight = ExpectedParameter(place, .weight, axes)
    return hasBias(place) ? [weight, .init(place, .bias, [axes[0]])] : [weight]
  }

  private func norm(_ place: ModulePath, _ channels: Int) -> [ExpectedParameter] {
    guard !absentNorms.contains(place) else { return [] }
    let affine = [
      ExpectedParameter(place, .weight, [channels]), ExpectedParameter(place, .bias, [channels]),
    ]
    switch normalization {
    case .none: return []
    case .scaleAndShift: return affine
    case .batchNorm(let isAffine, let hasStatistics):
      let statistics = [
        ExpectedParameter(place, .runningMean, [channels]),
        ExpectedParameter(place, .runningVariance, [channels]),
        // Counts batches in training; torch before 0.4.1 did not have it.
        ExpectedParameter(place, .batchesTracked, [], isOptional: true),
      ]
      return (isAffine ? affine : []) + (hasStatistics ? statistics : [])
    }
  }
}
