internal import ResectGraphs

/// A ResNet as layers of Keras, each with what it takes and its weights.
///
/// Names are those of Keras' own code, where it has any. Settings that are Keras' defaults are left out. Images may have any size.
/// Source: Keras' `applications/resnet.py` and `src/models/functional.py`; keras_applications 1.0.6, `resnet50.py`.
struct KerasGraph {
  /// Whose code the layers are of; absent where it is nobody's.
  private let family: KerasFamily?
  /// The convention that names layers with weights.
  private let names: Convention
  private let network: ResNet
  private let stored: (LazyTensor) -> DType
  private var layers: [Layer] = []
  /// The layer whose result is the network's so far.
  private var last = 0
  private var automaticNames: [String: Int] = [:]
  /// How many biases the network does not have where Keras' code has them.
  private(set) var inventedBiases = 0

  private struct Layer {
    let className: String
    let name: String
    let settings: [JSON.Member]
    /// The positions of the layers that it takes.
    let inputs: [Int]
    var weights: KerasLayerWeights?
  }

  /// The layers of `network`, each tensor in the dtype that `stored` gives it.
  init(
    _ network: ResNet, of family: KerasFamily?, stored: @escaping (LazyTensor) -> DType
  ) throws(ResectError) {
    self.family = family
    names = family?.convention ?? (network.isPreactivated ? .kerasV2 : .keras)
    self.network = network
    self.stored = stored
    let batch = JSON.array([.null, .null, .null, .integer(network.inputChannels)])
    add("InputLayer", "input_layer", [.init("batch_shape", batch), .init("dtype", .string("float32"))], takes: [])
    if let normalization = network.inputNormalization, normalization.isInKeras { normalise(by: normalization) }
    try addStem()
    for (stage, blocks) in network.stages.enumerated() {
      for (index, block) in blocks.enumerated() {
        let place = Place(stage: stage + 1, block: index)
        if network.isPreactivated { try addPreactivated(block, at: place) } else { try add(block, at: place) }
      }
    }
    if normalise(network.finalNorm, .finalNorm) { activate("post_relu") }
    add("GlobalAveragePooling2D", "avg_pool", [])
    for linear in network.head { try add(linear) }
  }

  // MARK: What is written

  /// The layers that have weights, in the order of the model's.
  var weights: [KerasLayerWeights] { order.compactMap { layers[$0].weights } }

  /// `config.json` of a `.keras` archive.
  var configuration: String {
    let model = JSON.object([
      "module": .string("keras.src.models.functional"), "class_name": .string("Functional"),
      "config": .object([
        "name": .string("resnet"), "trainable": .bool(true),
        "layers": .array(order.map { description(of: layers[$0]) }),
        "input_layers": .array([.string(layers[0].name), .integer(0), .integer(0)]),
        "output_layers": .array([.string(layers[last].name), .integer(0), .integer(0)]),
      ]),
      "registered_name": .string("Functional"),
    ])
    return String(decoding: model.compact, as: UTF8.self)
  }

  /// The layers in the order of the model's, which numbers the weights of Keras 3: those that are farther from the result come first,
  /// and of equally far ones those that a walk from the result to the image meets first.
  private var order: [Int] {
    var depths = [Int](repeating: 0, count: layers.count)
    for (position, layer) in layers.enumerated().reversed() {
      for input in layer.inputs { depths[input] = max(depths[input], depths[position] + 1) }
    }
    var turns = [Int?](repeating: nil, count: layers.count)
    var pending = [last]
    var turn = 0
    while let next = pending.popLast() {
      guard turns[next] == nil else { continue }
      turns[next] = turn
      turn += 1
      pending += layers[next].inputs.reversed()
    }
    return layers.indices.sorted { (depths[$1], turns[$0] ?? 0) < (depths[$0], turns[$1] ?? 0) }
  }

  private func description(of layer: Layer) -> JSON {
    let tensors = layer.inputs.map { tensor(layers[$0].name) }
    // Several results are one argument.
    let arguments = tensors.count > 1 ? [JSON.array(tensors)] : tensors
    let node = JSON.object(["args": .array(arguments), "kwargs": .object([JSON.Member]())])
    return .object([
      "module": .string("keras.layers"), "class_name": .string(layer.className),
      "config": .object([JSON.Member("name", .string(layer.name))] + layer.settings), "registered_name": .null,
      "name": .string(layer.name), "inbound_nodes": .array(arguments.isEmpty ? [] : [node]),
    ])
  }

  /// The result of a layer. Keras wants a shape here, and does not use it.
  private func tensor(_ name: String) -> JSON {
    .object([
      "class_name": .string("__keras_tensor__"),
      "config": .object([
        "shape": .array([.null]), "dtype": .string("float32"),
        "keras_history": .array([.string(name), .integer(0), .integer(0)]),
      ]),
    ])
  }

  // MARK: Parts of the network

  private mutating func addStem() throws(ResectError) {
    for (index, unit) in network.innerStem.enumerated() {
      try convolve(unit.convolution, .innerStemConvolution(index: index + 1))
      normalise(unit.norm, .innerStemNorm(index: index + 1))
      activate("conv1_\(index + 1)_relu")
    }
    try convolve(network.stem.convolution, .stemConvolution)
    // Before pre-activated blocks, only a batch-norm brings a ReLU.
    if normalise(network.stem.norm, .stemNorm) || !network.isPreactivated {
      activate(family == .legacy ? automaticName("activation") : "conv1_relu")
    }
    if let pool = network.stemPool {
      try convolve(pool.convolution, .stemPoolConvolution)
      normalise(pool.norm, .stemPoolNorm)
      activate("pool1_relu")
    } else if let pooling = network.stemPooling {
      if pooling == .symmetric || pooling == .symmetricZeros { pad("pool1_pad", by: 1) }
      pool(family == .legacy ? automaticName("max_pooling2d") : "pool1_pool", size: 3, same: pooling == .same)
    }
  }

  /// Where a block is.
  private struct Place {
    let stage: Int
    let block: Int

    var name: String { "conv\(stage + 1)_block\(block + 1)" }
    var shortcutConvolution: ModulePath { .shortcutConvolution(stage: stage, block: block) }
    var shortcutNorm: ModulePath { .shortcutNorm(stage: stage, block: block) }

    func convolution(_ index: Int) -> ModulePath { .convolution(stage: stage, block: block, index: index + 1) }
    func norm(_ index: Int) -> ModulePath { .norm(stage: stage, block: block, index: index + 1) }
  }

  private mutating func add(_ block: ResNet.ResidualBlock, at place: Place) throws(ResectError) {
    let kept = try addShortcut(of: block, at: place)
    for (index, unit) in block.units.enumerated() {
      try convolve(unit.convolution, place.convolution(index))
      normalise(unit.norm, place.norm(index))
      guard index < block.units.count - 1 else { continue }
      activate(family == .legacy ? automaticName("activation") : "\(place.name)_\(index + 1)_relu")
    }
    // Which comes first decides about the order of layers that are equally far from the result.
    if family == .legacy {
      add("Add", automaticName("add"), [], takes: [last, kept])
      activate(automaticName("activation"))
    } else {
      add("Add", "\(place.name)_add", [], takes: [kept, last])
      activate("\(place.name)_out")
    }
  }

  private mutating func addPreactivated(_ block: ResNet.ResidualBlock, at place: Place) throws(ResectError) {
    let input = last
    normalise(block.units[0].norm, place.norm(0))
    activate("\(place.name)_preact_relu")
    let activated = last
    if block.shortcut == nil || network.shortcutKind == .inputProjection { last = input }
    let kept = try addShortcut(of: block, at: place)
    last = activated
    for (index, unit) in block.units.enumerated() {
      if index > 0 {
        normalise(unit.norm, place.norm(index))
        activate("\(place.name)_\(index)_relu")
      }
      try convolve(unit.convolution, place.convolution(index))
    }
    add("Add", "\(place.name)_out", [], takes: [kept, last])
  }

  /// Adds what a block's input passes through before the addition. Returns that, and goes on where it began.
  private mutating func addShortcut(of block: ResNet.ResidualBlock, at place: Place) throws(ResectError) -> Int {
    let start = last
    defer { last = start }
    guard let shortcut = block.shortcut else {
      if block.stride > 1 { pool(automaticName("max_pooling2d"), size: 1) }
      return last
    }
    if network.shortcutKind == .averagePooledProjection, block.stride > 1 {
      add(
        "AveragePooling2D", "\(place.name)_0_pool",
        [.init("pool_size", pair(2)), .init("strides", pair(2)), .init("padding", .string("same"))])
    }
    try convolve(shortcut.convolution, place.shortcutConvolution)
    normalise(shortcut.norm, place.shortcutNorm)
    return last
  }

  private mutating func add(_ linear: ResNet.Linear) throws(ResectError) {
    var tensors = [("kernel", try linear.weight.asKerasMatrix())]
    let hasBias = family != nil || linear.bias != nil
    if hasBias { tensors.append(("bias", bias(linear.bias, of: linear.weight))) }
    add(
      "Dense", name(of: .classifier(layer: nil)),
      [
        .init("units", .integer(linear.weight.shape.axes[0])), .init("activation", .string("softmax")),
        .init("use_bias", .bool(hasBias)),
      ], keeping: (.dense, tensors))
  }

  // MARK: Layers

  /// The layers that do what the network does with its input.
  private mutating func normalise(by normalization: InputNormalization) {
    add("Rescaling", "rescaling", [.init("scale", .number(normalization.scale)), .init("offset", .number(0))])
    add(
      "Normalization", "normalization",
      [
        .init("axis", .array([.integer(-1)])), .init("mean", .array(normalization.mean.map { .number($0) })),
        .init("variance", .array(normalization.std.map { .number($0 * $0) })),
      ])
  }

  private mutating func convolve(
    _ convolution: ResNet.Convolution, _ place: ModulePath
  ) throws(ResectError) {
    let stride = convolution.stride
    let name = name(of: place)
    let hasBias = family?.hasBias(place) ?? (convolution.bias != nil)
    var tensors = [("kernel", try convolution.weight.asKerasKernel())]
    if hasBias { tensors.append(("bias", bias(convolution.bias, of: convolution.weight))) }
    let axes = convolution.weight.shape.axes
    // Without a stride, "same" is half the kernel on every side.
    var padsSame = axes[2] > 1 && (stride == 1 || convolution.padding == .same)
    if axes[2] > 1, !padsSame || (family == .v2 && place != .stemConvolution) {
      pad(name.hasSuffix("_conv") ? "\(name.dropLast(5))_pad" : "\(name)_pad", by: axes[2] / 2)
      padsSame = false
    }
    add(
      "Conv2D", name,
      [
        .init("filters", .integer(axes[0])), .init("kernel_size", .array([.integer(axes[2]), .integer(axes[3])])),
        .init("strides", pair(stride)), .init("padding", .string(padsSame ? "same" : "valid")),
        .init("groups", .integer(convolution.groups)), .init("use_bias", .bool(hasBias)),
      ], keeping: (.convolution, tensors))
  }

  /// Adds a batch-norm, if there is one. Returns whether there is.
  @discardableResult
  private mutating func normalise(_ norm: ResNet.BatchNorm?, _ place: ModulePath) -> Bool {
    guard let norm else { return false }
    // A scale and a shift are a batch-norm of mean 0, variance 1 and eps 0.
    let isFrozen = norm.isScaleAndShift
    func constant(_ value: Double) -> LazyTensor? {
      norm.weight.map { LazyTensor(values: [Double](repeating: value, count: $0.shape.elementCount), dtype: .float32) }
    }
    let tensors = [
      ("gamma", norm.weight), ("beta", norm.bias), ("moving_mean", isFrozen ? constant(0) : norm.runningMean),
      ("moving_variance", isFrozen ? constant(1) : norm.runningVariance),
    ]
    add(
      "BatchNormalization", name(of: place),
      [
        .init("axis", .integer(3)), .init("epsilon", .number(isFrozen ? 0 : norm.epsilon ?? 0)),
        .init("scale", .bool(norm.weight != nil)), .init("center", .bool(norm.bias != nil)),
      ], keeping: (.batchNormalization, tensors.compactMap { name, tensor in tensor.map { (name, $0) } }))
    return true
  }

  private mutating func pad(_ name: String, by count: Int) {
    add("ZeroPadding2D", name, [.init("padding", .array([pair(count), pair(count)]))])
  }

  private mutating func pool(_ name: String, size: Int, same: Bool = false) {
    add(
      "MaxPooling2D", name,
      [.init("pool_size", pair(size)), .init("strides", pair(2)), .init("padding", .string(same ? "same" : "valid"))])
  }

  private mutating func activate(_ name: String) { add("Activation", name, [.init("activation", .string("relu"))]) }

  /// Adds a layer that takes the results of `inputs`, by default the last one's.
  private mutating func add(
    _ className: String, _ name: String, _ settings: [JSON.Member], takes inputs: [Int]? = nil,
    keeping weights: (KerasLayerWeights.Class, [(name: String, tensor: LazyTensor)])? = nil
  ) {
    let kept = weights.map { layerClass, tensors in
      KerasLayerWeights(
        name: name, layerClass: layerClass,
        weights: tensors.map { .init(name: $0.name, tensor: $0.tensor, dtype: stored($0.tensor)) })
    }
    layers.append(
      Layer(className: className, name: name, settings: settings, inputs: inputs ?? [last], weights: kept))
    last = layers.count - 1
  }

  // MARK: Names and numbers

  /// What Keras' code calls the layer; where it has none such, what the tree does.
  private func name(of place: ModulePath) -> String {
    names.hasName(for: ParameterPath(place, .weight))
      ? names.name(of: place) : place.description.replacing(".", with: "_")
  }

  /// The name that Keras gives a layer that its code names nothing: numbered from the second on.
  private mutating func automaticName(_ base: String) -> String {
    let count = automaticNames[base, default: 0]
    automaticNames[base] = count + 1
    return count == 0 ? base : "\(base)_\(count)"
  }

  /// A layer's bias or, where it has none, the zeros that Keras' code wants in its place.
  private mutating func bias(_ bias: LazyTensor?, of weight: LazyTensor) -> LazyTensor {
    if let bias { return bias }
    inventedBiases += 1
    return LazyTensor(values: [Double](repeating: 0, count: weight.shape.axes[0]), dtype: weight.dtype)
  }

  private func pair(_ value: Int) -> JSON { .array([.integer(value), .integer(value)]) }
}
