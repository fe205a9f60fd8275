/// A network as `ResNet50`, `ResNet101` or `ResNet152` of keras.applications has it: layers with weights, in the order of its code.
///
/// The order is that of the model's layers: in a block that projects, the shortcut's convolution comes after the second one, and
/// its batch-norm after the third convolution. Source: Keras' `applications/resnet.py`.
struct KerasApplication {
  /// What the application's batch-norms add to the variance.
  static let epsilon = 1.001e-5

  /// The layers.
  let layers: [KerasLayerWeights]
  /// `config.json` of a `.keras` archive.
  let configuration: String
  /// What a person should know.
  let warnings: [String]

  /// The layers of `network`, each tensor in the dtype that `stored` gives it.
  ///
  /// Throws `ResectError.Code.unsupported` where the application computes something else than `network`.
  init(_ network: ResNet, stored: @escaping (LazyTensor) -> DType) throws(ResectError) {
    try KerasApplication.check(network.architecture)
    var builder = Builder(stored: stored)
    try builder.add(network.stem, .stemConvolution, .stemNorm)
    for (index, blocks) in network.stages.enumerated() {
      for (block, content) in blocks.enumerated() { try builder.add(content, stage: index + 1, block: block) }
    }
    for linear in network.head {
      try builder.add(
        "predictions", .dense,
        [("kernel", linear.weight.asKerasMatrix()), ("bias", builder.bias(linear.bias, of: linear.weight))])
    }
    layers = builder.layers
    configuration = KerasApplication.configuration(of: network)
    warnings = builder.warnings(network)
  }

  /// Writes the layers to `file`; `metadata` are attributes of the HDF5 file's root, which Keras does not look at.
  func write(
    as format: OutputFormat, metadata: [(name: String, value: String)], to file: borrowing OutputFile,
    progress: WriteProgress?
  ) throws(ResectError) {
    let attributes = metadata.map { HDF5Tree.Attribute($0.name, .string($0.value)) }
    guard format != .hdf5 else {
      return try writeHDF5(
        HDF5Tree(legacyKeras: layers, attributes: attributes), to: file, progress: progress)
    }
    let weights = try HDF5Tree(keras: layers, attributes: attributes)
    guard format == .keras else { return try writeHDF5(weights, to: file, progress: progress) }
    try writeKerasArchive(
      weights: weights, configuration: configuration, metadata: KerasApplication.archiveMetadata, to: file,
      progress: progress)
  }

  /// Refuses networks that the application's code does not build.
  private static func check(_ architecture: Architecture) throws(ResectError) {
    func refusal(_ what: String, _ advice: String) -> ResectError {
      ResectError(.unsupported, "keras.applications has no ResNet \(what)", advice: advice)
    }
    guard architecture.block == .bottleneck, architecture.stem == .sevenWithMaxPool,
      architecture.shortcut == .projection, architecture.groups == 1, architecture.attention == nil,
      !architecture.isPreactivated, [.none, .linear].contains(architecture.head), !architecture.appendsConstantFeature
    else { throw refusal("of this kind: its blocks are plain bottlenecks", "write another format") }
    guard architecture.padding == .symmetric, architecture.stemPooling == .symmetric,
      architecture.stridedBlocks == .first
    else { throw refusal("that pads or strides as this one does", "write another format") }
    guard architecture.normalization == .batchNorm(affine: true, statistics: true),
      architecture.absentNorms.isEmpty
    else { throw refusal("without batch-norms", "write it before they are folded") }
    guard architecture.epsilon.value == epsilon else {
      let own = architecture.epsilon.value.map { "\($0)" } ?? "an unknown number"
      throw refusal(
        "that adds \(own) to the variance, but \(epsilon)", "resect epsilon IN OUT --to \(epsilon) makes up for it")
    }
    guard architecture.stridePlacement.value == .v1 else {
      throw refusal(
        "that strides as \(architecture.stridePlacement.value.rawValue), but as v1",
        "where the weights were trained so, say --stride v1")
    }
  }
}

/// Layers in the making.
private struct Builder {
  let stored: (LazyTensor) -> DType
  private(set) var layers: [KerasLayerWeights] = []
  private var inventedBiases = 0

  init(stored: @escaping (LazyTensor) -> DType) { self.stored = stored }

  mutating func add(
    _ name: String, _ layerClass: KerasLayerWeights.Class, _ weights: [(name: String, tensor: LazyTensor)]
  ) {
    layers.append(
      KerasLayerWeights(
        name: name, layerClass: layerClass,
        weights: weights.map { .init(name: $0.name, tensor: $0.tensor, dtype: stored($0.tensor)) }))
  }

  mutating func add(
    _ unit: ResNet.ConvolutionUnit, _ convolution: ModulePath, _ norm: ModulePath
  ) throws(ResectError) {
    try add(unit.convolution, convolution)
    add(unit.norm, norm)
  }

  mutating func add(_ block: ResNet.ResidualBlock, stage: Int, block index: Int) throws(ResectError) {
    func convolution(_ unit: Int) -> ModulePath { .convolution(stage: stage, block: index, index: unit) }
    func norm(_ unit: Int) -> ModulePath { .norm(stage: stage, block: index, index: unit) }
    for unit in 1...2 { try add(block.units[unit - 1], convolution(unit), norm(unit)) }
    let place = ModulePath.shortcutConvolution(stage: stage, block: index)
    if let shortcut = block.shortcut { try add(shortcut.convolution, place) }
    try add(block.units[2].convolution, convolution(3))
    if let shortcut = block.shortcut { add(shortcut.norm, .shortcutNorm(stage: stage, block: index)) }
    add(block.units[2].norm, norm(3))
  }

  private mutating func add(_ convolution: ResNet.Convolution, _ place: ModulePath) throws(ResectError) {
    try add(
      place.kerasName, .convolution,
      [
        ("kernel", convolution.weight.asKerasKernel()),
        ("bias", bias(convolution.bias, of: convolution.weight)),
      ])
  }

  private mutating func add(_ norm: ResNet.BatchNorm?, _ place: ModulePath) {
    let tensors = [
      ("gamma", norm?.weight), ("beta", norm?.bias), ("moving_mean", norm?.runningMean),
      ("moving_variance", norm?.runningVariance),
    ]
    add(place.kerasName, .batchNormalization, tensors.compactMap { name, tensor in tensor.map { (name, $0) } })
  }

  /// A layer's bias or, where it has none, the zeros that the application wants in its place.
  mutating func bias(_ bias: LazyTensor?, of weight: LazyTensor) -> LazyTensor {
    if let bias { return bias }
    inventedBiases += 1
    return LazyTensor(values: [Double](repeating: 0, count: weight.shape.axes[0]), dtype: weight.dtype)
  }

  func warnings(_ network: ResNet) -> [String] {
    var warnings: [String] = []
    if inventedBiases > 0 {
      warnings.append("\(inventedBiases) biases that the network does not have are written as zeros: Keras' has them")
    }
    let counts = network.parameters.count { $0.path.kind == .batchesTracked }
    if counts > 0 { warnings.append("\(counts) counts of batches are left out: Keras has no place for them") }
    return warnings
  }
}

extension ModulePath {
  /// What keras.applications calls the module.
  fileprivate var kerasName: String {
    switch self {
    case .stemConvolution: "conv1_conv"
    case .stemNorm: "conv1_bn"
    case .convolution(let stage, let block, let index): "conv\(stage + 1)_block\(block + 1)_\(index)_conv"
    case .norm(let stage, let block, let index): "conv\(stage + 1)_block\(block + 1)_\(index)_bn"
    case .shortcutConvolution(let stage, let block): "conv\(stage + 1)_block\(block + 1)_0_conv"
    case .shortcutNorm(let stage, let block): "conv\(stage + 1)_block\(block + 1)_0_bn"
    case .innerStemConvolution, .innerStemNorm, .stemPoolConvolution, .stemPoolNorm, .squeezeExcitation,
      .channelAttention, .finalNorm, .classifier:
      description
    }
  }
}
