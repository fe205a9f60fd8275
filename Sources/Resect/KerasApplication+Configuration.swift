extension KerasApplication {
  /// `config.json` of a `.keras` archive: the application's graph, from which Keras builds the model.
  ///
  /// Settings that are Keras' defaults are left out. Images may have any size.
  static func configuration(of network: ResNet) -> String {
    var graph = Graph(inputChannels: network.architecture.inputChannels)
    graph.stem(network.stem)
    for (stage, blocks) in network.stages.enumerated() {
      for (index, block) in blocks.enumerated() {
        graph.add(block, name: "conv\(stage + 2)_block\(index + 1)", stride: stage > 0 && index == 0 ? 2 : 1)
      }
    }
    graph.head(network.head.first)
    let model = JSON.object([
      "module": .string("keras.src.models.functional"), "class_name": .string("Functional"),
      "config": .object([
        "name": .string("resnet"), "trainable": .bool(true), "layers": .array(graph.layers),
        "input_layers": .array([.string("input_layer"), .integer(0), .integer(0)]),
        "output_layers": .array([.string(graph.last), .integer(0), .integer(0)]),
      ]),
      "registered_name": .string("Functional"),
    ])
    return String(decoding: model.compact, as: UTF8.self)
  }

  /// `metadata.json` of a `.keras` archive: the version that its layout is of, and the day of all entries.
  static let archiveMetadata = #"{"keras_version":"3.0.0","date_saved":"1980-01-01@00:00:00"}"#
}

/// The layers of the model, each with what it takes.
private struct Graph {
  private(set) var layers: [JSON]
  /// The layer whose result is the model's so far.
  private(set) var last = "input_layer"

  init(inputChannels: Int) {
    let batch = JSON.array([.null, .null, .null, .integer(inputChannels)])
    layers = [
      Graph.layer("InputLayer", "input_layer", [.init("batch_shape", batch), .init("dtype", .string("float32"))], [])
    ]
  }

  mutating func stem(_ unit: ResNet.ConvolutionUnit) {
    pad("conv1_pad", by: 3)
    convolve("conv1_conv", unit, stride: 2)
    normalise("conv1_bn")
    activate("conv1_relu")
    pad("pool1_pad", by: 1)
    add("MaxPooling2D", "pool1_pool", [.init("pool_size", pair(3)), .init("strides", pair(2))])
  }

  mutating func add(_ block: ResNet.ResidualBlock, name: String, stride: Int) {
    let input = last
    convolve("\(name)_1_conv", block.units[0], stride: stride)
    normalise("\(name)_1_bn")
    activate("\(name)_1_relu")
    convolve("\(name)_2_conv", block.units[1], stride: 1)
    normalise("\(name)_2_bn")
    activate("\(name)_2_relu")
    let path = last
    var kept = input
    if let shortcut = block.shortcut {
      last = input
      convolve("\(name)_0_conv", shortcut, stride: stride)
      last = path
    }
    convolve("\(name)_3_conv", block.units[2], stride: 1)
    let result = last
    if block.shortcut != nil {
      last = "\(name)_0_conv"
      normalise("\(name)_0_bn")
      kept = last
      last = result
    }
    normalise("\(name)_3_bn")
    // The two results are one argument.
    layers.append(Graph.layer("Add", "\(name)_add", [], [.array([kept, last].map(Graph.tensor))]))
    last = "\(name)_add"
    activate("\(name)_out")
  }

  mutating func head(_ linear: ResNet.Linear?) {
    guard let linear else { return }
    add("GlobalAveragePooling2D", "avg_pool", [])
    add(
      "Dense", "predictions",
      [.init("units", .integer(linear.weight.shape.axes[0])), .init("activation", .string("softmax"))])
  }

  private mutating func pad(_ name: String, by count: Int) {
    add("ZeroPadding2D", name, [.init("padding", .array([pair(count), pair(count)]))])
  }

  private mutating func convolve(_ name: String, _ unit: ResNet.ConvolutionUnit, stride: Int) {
    let axes = unit.convolution.weight.shape.axes
    add(
      "Conv2D", name,
      [
        .init("filters", .integer(axes[0])), .init("kernel_size", .array([.integer(axes[2]), .integer(axes[3])])),
        .init("strides", pair(stride)), .init("padding", .string(axes[2] == 3 ? "same" : "valid")),
      ])
  }

  private mutating func normalise(_ name: String) {
    add(
      "BatchNormalization", name,
      [.init("axis", .integer(3)), .init("epsilon", .number(KerasApplication.epsilon))])
  }

  private mutating func activate(_ name: String) {
    add("Activation", name, [.init("activation", .string("relu"))])
  }

  /// Adds a layer that takes the last one's result.
  private mutating func add(_ className: String, _ name: String, _ settings: [JSON.Member]) {
    layers.append(Graph.layer(className, name, settings, [Graph.tensor(last)]))
    last = name
  }

  private func pair(_ value: Int) -> JSON { .array([.integer(value), .integer(value)]) }

  private static func layer(
    _ className: String, _ name: String, _ settings: [JSON.Member], _ arguments: [JSON]
  ) -> JSON {
    let node = JSON.object(["args": .array(arguments), "kwargs": .object([JSON.Member]())])
    return .object([
      "module": .string("keras.layers"), "class_name": .string(className),
      "config": .object([JSON.Member("name", .string(name))] + settings), "registered_name": .null,
      "name": .string(name), "inbound_nodes": .array(arguments.isEmpty ? [] : [node]),
    ])
  }

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
