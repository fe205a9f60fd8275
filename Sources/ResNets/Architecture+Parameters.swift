/// A tensor that an architecture has a place for.
public struct ExpectedParameter: Sendable, Hashable {
  /// Its place.
  public let path: ParameterPath
  /// The lengths of its axes, as torch has them: output channels first.
  public let axes: [Int]
  /// Whether the network is whole without it.
  public let isOptional: Bool
}

extension Architecture {
  /// Every tensor that a network of this architecture has, in the order of torch's state dict.
  public var parameters: [ExpectedParameter] {
    var expected = unit(
      .stemConvolution, .stemNorm, [stemWidth, inputChannels, stem.kernel, stem.kernel])
    var input = stemWidth
    for (stage, blocks) in channels.enumerated() {
      for (block, outputs) in blocks.enumerated() {
        expected += self.block(stage: stage + 1, block: block, input: input, outputs: outputs)
        input = outputs.last ?? input
      }
    }
    var features = featureCount
    for (layer, width) in zip(headLayers, headWidths) {
      let module = ModulePath.classifier(layer: layer)
      expected.append(
        ExpectedParameter(
          path: .init(module, .weight), axes: [width, features], isOptional: false))
      if hasHeadBias {
        expected.append(
          ExpectedParameter(path: .init(module, .bias), axes: [width], isOptional: false))
      }
      features = width
    }
    return expected
  }

  /// The positions of the head's linear layers: none, the single unnumbered one, or their numbers.
  public var headLayers: [Int?] {
    switch head {
    case .none: []
    case .linear: [nil]
    case .layers(let layers): layers
    }
  }

  private func block(stage: Int, block index: Int, input: Int, outputs: [Int])
    -> [ExpectedParameter]
  {
    var expected: [ExpectedParameter] = []
    var channels = input
    for (position, (output, kernel)) in zip(outputs, block.kernels).enumerated() {
      let groups = block == .bottleneck && kernel == 3 ? groups : 1
      expected += unit(
        .convolution(stage: stage, block: index, index: position + 1),
        .norm(stage: stage, block: index, index: position + 1),
        [output, channels / groups, kernel, kernel])
      channels = output
    }
    if projections[stage - 1][index] {
      expected += unit(
        .shortcutConvolution(stage: stage, block: index), .shortcutNorm(stage: stage, block: index),
        [channels, input, 1, 1])
    }
    return expected
  }

  private func unit(_ convolution: ModulePath, _ norm: ModulePath, _ axes: [Int])
    -> [ExpectedParameter]
  {
    let channels = [axes[0]]
    var expected = [
      ExpectedParameter(path: .init(convolution, .weight), axes: axes, isOptional: false)
    ]
    func add(_ module: ModulePath, _ kind: ParameterPath.Kind, _ axes: [Int], optional: Bool) {
      expected.append(
        ExpectedParameter(path: .init(module, kind), axes: axes, isOptional: optional))
    }
    if hasConvolutionBias { add(convolution, .bias, channels, optional: false) }
    guard case .batchNorm(let affine, let statistics) = normalization else { return expected }
    if affine {
      add(norm, .weight, channels, optional: false)
      add(norm, .bias, channels, optional: false)
    }
    if statistics {
      add(norm, .runningMean, channels, optional: false)
      add(norm, .runningVariance, channels, optional: false)
      // Counts batches in training; torch before 0.4.1 did not have it.
      add(norm, .batchesTracked, [], optional: true)
    }
    return expected
  }
}
