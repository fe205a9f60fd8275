public import ResectResNets
internal import ResectTensors
internal import ResectBytes

extension ResNet {
  /// A network of `architecture` with pseudo-random float32 weights of the size that training leaves: activations stay near 1, and
  /// batch-norms have statistics that show a wrong epsilon.
  public static func random(_ architecture: Architecture, seed: UInt64 = 1) throws -> ResNet {
    var random = SeededRandom(seed: seed)
    var tensors: [ParameterPath: LazyTensor] = [:]
    for parameter in architecture.parameters {
      let axes = parameter.axes
      guard parameter.path.kind != .batchesTracked else { continue }
      let fan = Double(axes.dropFirst().reduce(1, *))
      let range: ClosedRange<Double> =
        switch (parameter.path.kind, axes.count) {
        case (.runningVariance, _): 0.001...2
        case (.weight, 1): 0.5...1.5
        case (.weight, _): -(3 / fan).squareRoot()...(3 / fan).squareRoot()
        default: -0.3...0.3
        }
      var bytes: [UInt8] = []
      for _ in 0..<axes.reduce(1, *) {
        bytes.append(littleEndian: Float(Double.random(in: range, using: &random)).bitPattern)
      }
      tensors[parameter.path] = try LazyTensor(
        storage: MemoryStorage(bytes), dtype: .float32, shape: Shape(axes))
    }
    return try ResNet(architecture: architecture, tensors: tensors)
  }
}

extension Architecture {
  /// A small architecture of the given kind: 3 channels in, two stages.
  public static func small(
    _ block: Block = .basic, widths: [Int] = [16, 32], depths: [Int] = [2, 1], stemWidth: Int = 16, stem: Stem = .three,
    shortcut: Shortcut = .projection, groups: Int = 1, placement: StridePlacement = .v15,
    normalization: Normalization = .batchNorm(affine: true, statistics: true), bias: Bool = false,
    inputChannels: Int = 3,
    classes: Int? = 5
  ) -> Architecture {
    let channels = Architecture.regularChannels(
      block: block, depths: depths, widths: widths, groups: groups, widthPerGroup: groups == 1 ? 64 : 32)
    return Architecture(
      block: block, channels: channels,
      projections: Architecture.regularProjections(channels: channels, stemWidth: stemWidth, shortcut: shortcut),
      groups: groups, stem: stem, stemWidth: stemWidth, inputChannels: inputChannels, shortcut: shortcut,
      stridePlacement: .init(placement, from: .option), epsilon: .init(1e-3, from: .option),
      normalization: normalization, hasConvolutionBias: bias, head: classes == nil ? .none : .linear,
      headWidths: classes.map { [$0] } ?? [], hasHeadBias: classes != nil)
  }
}
