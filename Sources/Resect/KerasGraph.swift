/// The layers of a ResNet as Keras' own code has them, each with what it takes and its weights.
///
/// Layers stand in the order of the model's, which numbers the weights of Keras 3: what is farther from the result comes first, so in
/// a block that projects, the shortcut's layers stand among the residual's. Settings that are Keras' defaults are left out. Images
/// may have any size. Source: Keras' `applications/resnet.py` and `src/models/functional.py`; keras_applications 1.0.6,
/// `resnet50.py`.
struct KerasGraph {
  private let family: KerasApplication.Family
  private let stored: (LazyTensor) -> DType
  private var descriptions: [JSON] = []
  /// The layers that have weights.
  private(set) var weights: [KerasLayerWeights] = []
  /// The layer whose result is the model's so far.
  private var last = "input_layer"
  private var automaticNames: [String: Int] = [:]
  /// How many biases the network does not have where Keras' has them.
  private(set) var inventedBiases = 0

  init(_ family: KerasApplication.Family, inputChannels: Int, stored: @escaping (LazyTensor) -> DType) {
    self.family = family
    self.stored = stored
    let batch = JSON.array([.null, .null, .null, .integer(inputChannels)])
    describe("InputLayer", last, [.init("batch_shape", batch), .init("dtype", .string("float32"))], takes: [])
  }

  /// `config.json` of a `.keras` archive.
  var configuration: String {
    let model = JSON.object([
      "module": .string("keras.src.models.functional"), "class_name": .string("Functional"),
      "config": .object([
        "name": .string("resnet"), "trainable": .bool(true), "layers": .array(descriptions),
        "input_layers": .array([.string("input_layer"), .integer(0), .integer(0)]),
        "output_layers": .array([.string(last), .integer(0), .integer(0)]),
      ]),
      "registered_name": .string("Functional"),
    ])
    return String(decoding: model.compact, as: UTF8.self)
  }

  // MARK: Parts of the network

  /// Adds all layers of `network`.
  mutating func add(_ network: ResNet) throws(ResectError) {
    let architecture = network.architecture
    try addStem(network)
    for (stage, blocks) in network.stages.enumerated() {
      for (index, block) in blocks.enumerated() {
        let place = Place(
          stage: stage + 1, block: index, stride: architecture.stride(stage: stage + 1, block: index))
        if family == .v2 { try addPreactivated(block, at: place) } else { try add(block, at: place) }
      }
    }
    if let norm = network.finalNorm {
      normalise(norm, .finalNorm)
      activate("post_relu")
    }
    describe("GlobalAveragePooling2D", "avg_pool", [])
    for linear in network.head { try add(linear) }
  }

  private mutating func addStem(_ network: ResNet) throws(ResectError) {
    pad("conv1_pad", by: 3)
    try convolve(network.stem.convolution, .stemConvolution, stride: 2)
    if let norm = network.stem.norm {
      normalise(norm, .stemNorm)
      activate(family == .legacy ? automaticName("activation") : "conv1_relu")
    }
    if network.architecture.stemPooling != .unpadded { pad("pool1_pad", by: 1) }
    let name = family == .legacy ? automaticName("max_pooling2d") : "pool1_pool"
    pool(name, size: 3)
  }

  /// A block, where it is and how it strides.
  private struct Place {
    let stage: Int
    let block: Int
    let stride: Int

    var name: String { "conv\(stage + 1)_block\(block + 1)" }
    var shortcutConvolution: ModulePath { .shortcutConvolution(stage: stage, block: block) }
    var shortcutNorm: ModulePath { .shortcutNorm(stage: stage, block: block) }

    func convolution(_ index: Int) -> ModulePath { .convolution(stage: stage, block: block, index: index) }
    func norm(_ index: Int) -> ModulePath { .norm(stage: stage, block: block, index: index) }
  }

  private mutating func add(_ block: ResNet.ResidualBlock, at place: Place) throws(ResectError) {
    let input = last
    for index in 1...2 {
      let unit = block.units[index - 1]
      try convolve(unit.convolution, place.convolution(index), stride: index == 1 ? place.stride : 1)
      normalise(unit.norm, place.norm(index))
      activate(family == .legacy ? automaticName("activation") : "\(place.name)_\(index)_relu")
    }
    // The two ways end as many layers before the addition, so they take turns: since 2019, the shortcut comes first.
    var residual = Way(unit: block.units[2], convolution: place.convolution(3), norm: place.norm(3), last: last)
    var kept = input
    if let shortcut = block.shortcut {
      var projection = Way(
        unit: shortcut, convolution: place.shortcutConvolution, norm: place.shortcutNorm, last: input,
        stride: place.stride)
      let isFirst = family != .legacy
      if isFirst { try convolve(&projection) }
      try convolve(&residual)
      if !isFirst { try convolve(&projection) }
      if isFirst { normalise(&projection) }
      normalise(&residual)
      if !isFirst { normalise(&projection) }
      kept = projection.last
    } else {
      try convolve(&residual)
      normalise(&residual)
    }
    if family == .legacy {
      sum(automaticName("add"), of: [residual.last, kept])
      activate(automaticName("activation"))
    } else {
      sum("\(place.name)_add", of: [kept, residual.last])
      activate("\(place.name)_out")
    }
  }

  /// One of the two ways through the end of a block.
  private struct Way {
    let unit: ResNet.ConvolutionUnit
    let convolution: ModulePath
    let norm: ModulePath
    var last: String
    var stride = 1
  }

  private mutating func convolve(_ way: inout Way) throws(ResectError) {
    last = way.last
    try convolve(way.unit.convolution, way.convolution, stride: way.stride)
    way.last = last
  }

  private mutating func normalise(_ way: inout Way) {
    last = way.last
    normalise(way.unit.norm, way.norm)
    way.last = last
  }

  private mutating func addPreactivated(_ block: ResNet.ResidualBlock, at place: Place) throws(ResectError) {
    let input = last
    normalise(block.units[0].norm, place.norm(1))
    activate("\(place.name)_preact_relu")
    let activated = last
    try convolve(block.units[0].convolution, place.convolution(1), stride: 1)
    normalise(block.units[1].norm, place.norm(2))
    activate("\(place.name)_1_relu")
    pad("\(place.name)_2_pad", by: 1)
    try convolve(block.units[1].convolution, place.convolution(2), stride: place.stride)
    normalise(block.units[2].norm, place.norm(3))
    activate("\(place.name)_2_relu")
    let residual = last
    var kept = input
    if let shortcut = block.shortcut {
      last = activated
      try convolve(shortcut.convolution, place.shortcutConvolution, stride: place.stride)
      kept = last
    } else if place.stride > 1 {
      last = input
      pool(automaticName("max_pooling2d"), size: 1)
      kept = last
    }
    last = residual
    try convolve(block.units[2].convolution, place.convolution(3), stride: 1)
    sum("\(place.name)_out", of: [kept, last])
  }

  private mutating func add(_ linear: ResNet.Linear) throws(ResectError) {
    let name = family.convention.name(of: .classifier(layer: nil))
    let kernel = try linear.weight.asKerasMatrix()
    keep(name, .dense, [("kernel", kernel), ("bias", bias(linear.bias, of: linear.weight))])
    describe(
      "Dense", name,
      [.init("units", .integer(linear.weight.shape.axes[0])), .init("activation", .string("softmax"))])
  }

  // MARK: Layers

  private mutating func convolve(
    _ convolution: ResNet.Convolution, _ place: ModulePath, stride: Int
  ) throws(ResectError) {
    let name = family.convention.name(of: place)
    let hasBias = family.hasBias(place)
    var tensors = [("kernel", try convolution.weight.asKerasKernel())]
    if hasBias { tensors.append(("bias", bias(convolution.bias, of: convolution.weight))) }
    keep(name, .convolution, tensors)
    let axes = convolution.weight.shape.axes
    // v2 pads before its 3×3 convolutions, and all pad before the stem.
    let padsItself = axes[2] == 3 && family != .v2
    describe(
      "Conv2D", name,
      [
        .init("filters", .integer(axes[0])), .init("kernel_size", .array([.integer(axes[2]), .integer(axes[3])])),
        .init("strides", pair(stride)), .init("padding", .string(padsItself ? "same" : "valid")),
        .init("use_bias", .bool(hasBias)),
      ])
  }

  private mutating func normalise(_ norm: ResNet.BatchNorm?, _ place: ModulePath) {
    let name = family.convention.name(of: place)
    let tensors = [
      ("gamma", norm?.weight), ("beta", norm?.bias), ("moving_mean", norm?.runningMean),
      ("moving_variance", norm?.runningVariance),
    ]
    keep(name, .batchNormalization, tensors.compactMap { name, tensor in tensor.map { (name, $0) } })
    describe(
      "BatchNormalization", name,
      [.init("axis", .integer(3)), .init("epsilon", family.convention.epsilon.map { .number($0) } ?? .null)])
  }

  private mutating func pad(_ name: String, by count: Int) {
    describe("ZeroPadding2D", name, [.init("padding", .array([pair(count), pair(count)]))])
  }

  private mutating func pool(_ name: String, size: Int) {
    describe("MaxPooling2D", name, [.init("pool_size", pair(size)), .init("strides", pair(2))])
  }

  private mutating func activate(_ name: String) {
    describe("Activation", name, [.init("activation", .string("relu"))])
  }

  private mutating func sum(_ name: String, of layers: [String]) { describe("Add", name, [], takes: layers) }

  /// A layer's bias or, where it has none, the zeros that Keras' code wants in its place.
  private mutating func bias(_ bias: LazyTensor?, of weight: LazyTensor) -> LazyTensor {
    if let bias { return bias }
    inventedBiases += 1
    return LazyTensor(values: [Double](repeating: 0, count: weight.shape.axes[0]), dtype: weight.dtype)
  }

  private mutating func keep(
    _ name: String, _ layerClass: KerasLayerWeights.Class, _ tensors: [(name: String, tensor: LazyTensor)]
  ) {
    weights.append(
      KerasLayerWeights(
        name: name, layerClass: layerClass,
        weights: tensors.map { .init(name: $0.name, tensor: $0.tensor, dtype: stored($0.tensor)) }))
  }

  // MARK: Descriptions

  /// Describes a layer that takes the results of `layers`, by default the last one's.
  private mutating func describe(
    _ className: String, _ name: String, _ settings: [JSON.Member], takes layers: [String]? = nil
  ) {
    let tensors = (layers ?? [last]).map(KerasGraph.tensor)
    // Several results are one argument.
    let arguments = tensors.count > 1 ? [JSON.array(tensors)] : tensors
    let node = JSON.object(["args": .array(arguments), "kwargs": .object([JSON.Member]())])
    descriptions.append(
      .object([
        "module": .string("keras.layers"), "class_name": .string(className),
        "config": .object([JSON.Member("name", .string(name))] + settings), "registered_name": .null,
        "name": .string(name), "inbound_nodes": .array(arguments.isEmpty ? [] : [node]),
      ]))
    last = name
  }

  /// The name that Keras gives a layer that its code names nothing: numbered from the second on.
  private mutating func automaticName(_ base: String) -> String {
    let count = automaticNames[base, default: 0]
    automaticNames[base] = count + 1
    return count == 0 ? base : "\(base)_\(count)"
  }

  private func pair(_ value: Int) -> JSON { .array([.integer(value), .integer(value)]) }

  /// The result of a layer. Keras wants a shape here, and does not use it.
  private static func tensor(_ name: String) -> JSON {
    .object([
      "class_name": .string("__keras_tensor__"),
      "config": .object([
        "shape": .array([.null]), "dtype": .string("float32"),
        "keras_history": .array([.string(name), .integer(0), .integer(0)]),
      ]),
    ])
  }
}
