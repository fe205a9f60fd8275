package import ResectBytes
package import ResectGraphs
package import ResectTensors

extension KerasNetwork {
  /// The layers that compute what `graph` does: probabilities where it gives any, else its first output.
  ///
  /// Each tensor is kept in the dtype that `stored` gives it. Throws `ResectError.Code.unsupported`, with the node's name, where no layer
  /// of Keras does what a node does.
  package init(
    _ graph: Graph, names: KerasNames = KerasNames(), stored: @escaping (LazyTensor) -> DType
  ) throws(ResectError) {
    guard !graph.appendsConstantFeature else {
      throw ResectError(
        .unsupported, "layers of Keras append no constant to the features",
        advice: "split the network into backbone and classes")
    }
    let output = graph.output(named: Graph.Output.probabilities) ?? graph.output
    let needed = try graph.computing([Graph.Output(graph.outputs[0].name, output)])
    var writer = KerasGraphWriter(needed, names: names, stored: stored)
    self = try writer.network()
  }
}

/// Says a graph by layers of Keras.
///
/// A layer has the name of its node, and what else the node takes has that name and a word behind it. Images have their channels
/// last, and any size unless the graph fixes it. Source: Keras 3's `src/layers`.
struct KerasGraphWriter {
  /// The result of a layer, and what is known of it whatever size the image has.
  struct Value {
    enum Kind {
      case image
      /// An image of one pixel.
      case pixel
      case vector
    }

    var layer: Int
    var kind: Kind
    /// Whether no number of it is below zero, so that zeros around it change no maximum.
    var isNonNegative = false

    var isVector: Bool { kind == .vector }
  }

  private let graph: Graph
  let names: KerasNames
  private let stored: (LazyTensor) -> DType
  private let consumers: [[Int]]
  private var nameList = KerasNameList()
  /// The names of the nodes' layers.
  private let nodeNames: [String]
  private let inputName: String
  private var layers: [KerasNetwork.Layer] = []
  private var values: [Value] = []
  /// The positions of the activations that the layer before them applies.
  private var applied: Set<Int> = []

  init(_ graph: Graph, names: KerasNames, stored: @escaping (LazyTensor) -> DType) {
    self.graph = graph
    self.names = names
    self.stored = stored
    consumers = graph.consumers
    inputName = nameList.add(names.input ?? graph.input.name)
    var nodeNames: [String] = []
    for node in graph.nodes { nodeNames.append(nameList.add(names.layers[node.name] ?? node.name)) }
    self.nodeNames = nodeNames
  }

  mutating func network() throws(ResectError) -> KerasNetwork {
    values.append(addInput())
    for (position, node) in graph.nodes.enumerated() {
      do throws(ResectError) {
        values.append(try add(node.operation, of: node.inputs.map { values[$0] }, at: position))
      } catch {
        throw error.located(tensor: node.name)
      }
    }
    var places: [String: KerasNetwork.Place] = [:]
    for (position, node) in graph.nodes.enumerated() {
      places[node.name] = .init(layer: nodeNames[position], result: layers[values[position + 1].layer].name)
    }
    return KerasNetwork(name: names.model, layers: layers, output: values[graph.output].layer, places: places)
  }

  private mutating func addInput() -> Value {
    let (axes, kind): ([Int?], Value.Kind) =
      switch graph.input.kind {
      case .image(let channels, let height, let width): ([nil, height, width, channels], .image)
      case .features(let count): ([nil, count], .vector)
      }
    let shape = JSON.array(axes.map { $0.map { .integer($0) } ?? .null })
    let layer = append(
      "InputLayer", inputName, [.init("batch_shape", shape), .init("dtype", .string("float32"))], of: [])
    return Value(layer: layer, kind: kind)
  }

  // MARK: Operations

  /// Adds what the node at `position` does. Returns its result.
  private mutating func add(
    _ operation: Graph.Operation, of inputs: [Value], at position: Int
  ) throws(ResectError) -> Value {
    let (name, taken) = (nodeNames[position], inputs.first)
    switch (operation, taken) {
    case (.convolution(let convolution), let taken?) where !taken.isVector:
      return try convolve(convolution, taken, at: position)
    case (.linear(let linear), let taken?) where taken.isVector: return try add(linear, of: taken, at: position)
    case (.batchNorm(let norm), let taken?):
      let tensors = [
        ("gamma", norm.weight), ("beta", norm.bias), ("moving_mean", norm.mean), ("moving_variance", norm.variance),
      ]
      return normalize(taken, by: tensors, epsilon: norm.epsilon, as: name)
    case (.scaleShift(let affine), let taken?): return try add(affine, of: taken, as: name)
    case (.activation(let activation), var taken?):
      if !applied.contains(position) { taken = try add(activation, of: taken, at: position) }
      taken.isNonNegative = activation.isNonNegative
      return taken
    case (.maxPool(let pooling), let taken?) where !taken.isVector:
      return try maximize(pooling, taken, at: position)
    case (.averagePool(let pooling), let taken?) where !taken.isVector:
      return try average(pooling, taken, at: position)
    case (.globalAveragePool(let keepsImage), let taken?) where !taken.isVector:
      return pool("GlobalAveragePooling2D", taken, keepsImage: keepsImage, as: name)
    case (.globalMaxPool(let keepsImage), let taken?) where !taken.isVector:
      return pool("GlobalMaxPooling2D", taken, keepsImage: keepsImage, as: name)
    case (.add, let taken?): return merge("Add", names.reversesSums ? inputs.reversed() : inputs, taken, as: name)
    case (.concatenate, let taken?): return merge("Concatenate", inputs, taken, as: name)
    case (.multiply, let taken?): return multiply(taken, inputs[1], as: name)
    case (.flatten(let order), let taken?): return try flatten(taken, order, at: position)
    case (.toImage, let taken?) where taken.isVector: return reshape(taken, to: .pixel, as: name)
    case (.pad(let border), let taken?) where !taken.isVector:
      guard border.value == 0, border.channelsBefore == 0, border.channelsAfter == 0 else {
        throw refusal("that puts channels, or other numbers than zeros, around an image")
      }
      return pad(taken, border, as: name)
    case (.normalize(let normalization), let taken?) where !taken.isVector:
      return try normalize(taken, by: normalization, at: position)
    case (.identity, let taken?): return add("Identity", name, of: taken)
    case (.channelConvolution, _?): throw refusal("that convolves along the channels")
    case (.constant, nil): throw refusal("that is a constant")
    case (_, let taken):
      let kind = taken.map { $0.isVector ? "a vector" : "an image" } ?? "nothing"
      throw ResectError(.mismatch, "the \(operation.word) cannot take \(kind)")
    }
  }

  private mutating func add(
    _ linear: Graph.Linear, of taken: Value, at position: Int
  ) throws(ResectError) -> Value {
    let activation = takeActivation(behind: position)
    let settings: [JSON.Member?] = [
      .init("units", .integer(linear.weight.shape.axes[0])), activation.map { .init("activation", .string($0)) },
      .init("use_bias", .bool(linear.bias != nil)),
    ]
    return add(
      "Dense", nodeNames[position], settings.compactMap(\.self), of: taken,
      keeping: (
        .dense, weights([("kernel", linear.weight, try linear.weight.asKerasMatrix()), ("bias", linear.bias, nil)])
      ))
  }

  /// The result of a layer that puts values together. Keras wants more than one.
  private mutating func merge(_ className: String, _ inputs: [Value], _ first: Value, as name: String) -> Value {
    guard inputs.count > 1 else { return add("Identity", name, of: first) }
    var result = first
    result.layer = append(className, name, of: inputs.map(\.layer))
    result.isNonNegative = inputs.allSatisfy(\.isNonNegative)
    return result
  }

  private mutating func multiply(_ taken: Value, _ factor: Value, as name: String) -> Value {
    var factor = factor
    // One number a channel has to lie along the channels.
    if taken.isVector != factor.isVector {
      factor = reshape(factor, to: taken.isVector ? .vector : .pixel, as: nameList.add("\(name)_reshape"))
    }
    return merge("Multiply", [taken, factor], taken, as: name)
  }

  /// A vector as an image of one pixel, or the other way around.
  private mutating func reshape(_ taken: Value, to kind: Value.Kind, as name: String) -> Value {
    let axes = kind == .vector ? [-1] : [1, 1, -1]
    var result = add("Reshape", name, [.init("target_shape", .array(axes.map { .integer($0) }))], of: taken)
    result.kind = kind
    return result
  }

  private mutating func flatten(
    _ taken: Value, _ order: Graph.FlatteningOrder, at position: Int
  ) throws(ResectError) -> Value {
    let name = nodeNames[position]
    let count = taken.kind == .image && !isSizeFixed ? try elementCount(of: position + 1) : nil
    var taken = taken
    if taken.kind == .image, order == .channelsFirst {
      let axes = JSON.array([.integer(3), .integer(1), .integer(2)])
      taken = add("Permute", nameList.add("\(name)_permute"), [.init("dims", axes)], of: taken)
    }
    // Of an image of any size, a Flatten gives a vector of unknown length, which no layer with weights takes.
    var result =
      count.map { add("Reshape", name, [.init("target_shape", .array([.integer($0)]))], of: taken) }
      ?? add("Flatten", name, of: taken)
    result.kind = .vector
    return result
  }

  private var isSizeFixed: Bool {
    if case .image(_, .some, .some) = graph.input.kind { true } else { false }
  }

  /// The elements of the vector that `value` is, by what takes it; nil where nothing does that has weights.
  private func elementCount(of value: Graph.ValueID) throws(ResectError) -> Int? {
    var pending = [value]
    var isSeen: Set<Graph.ValueID> = [value]
    while let value = pending.popLast() {
      for position in consumers[value] {
        switch graph.nodes[position].operation {
        case .linear(let linear): return linear.weight.shape.axes[1]
        case .batchNorm(let norm): return norm.mean.shape.elementCount
        case .activation, .identity, .scaleShift, .add:
          if isSeen.insert(position + 1).inserted { pending.append(position + 1) }
        default: throw refusal("that makes a vector of an image of any size for this: \(graph.nodes[position].name)")
        }
      }
    }
    return nil
  }

  private mutating func pool(_ className: String, _ taken: Value, keepsImage: Bool, as name: String) -> Value {
    var result = add(className, name, keepsImage ? [.init("keepdims", .bool(true))] : [], of: taken)
    result.kind = keepsImage ? .pixel : .vector
    return result
  }

  // MARK: Layers

  /// The name of the layer of the node at `position`.
  func name(at position: Int) -> String { nodeNames[position] }

  /// A name for what does a part of the work of the node at `position` before its layer.
  mutating func preparationName(at position: Int, _ word: String) -> String {
    nameList.add(names.preparations[graph.nodes[position].name] ?? "\(nodeNames[position])_\(word)")
  }

  /// A name for what does a part of the work of the node at `position`.
  mutating func partName(at position: Int, _ word: String) -> String { nameList.add("\(nodeNames[position])_\(word)") }

  /// Whether the node at `position` is padded by a layer, come what may.
  func isPaddedApart(at position: Int) -> Bool { names.paddedApart.contains(graph.nodes[position].name) }

  /// Keras' word for the activation that follows the node at `position`, and nothing else does, where it is named after it: the
  /// node's layer applies it.
  mutating func takeActivation(behind position: Int) -> String? {
    let value = position + 1
    guard value != graph.output, consumers[value].count == 1, let next = consumers[value].first,
      case .activation(let activation) = graph.nodes[next].operation,
      graph.nodes[next].name.hasPrefix("\(graph.nodes[position].name)."),
      names.layers[graph.nodes[next].name] == nil, let word = activation.kerasWord
    else { return nil }
    applied.insert(next)
    return word
  }

  /// Adds a layer that changes numbers, but not what kind of value they are.
  mutating func add(
    _ className: String, _ name: String, _ settings: [JSON.Member] = [], of taken: Value,
    keeping weights: (KerasLayerWeights.Class, [OutputTensor])? = nil
  ) -> Value {
    var result = taken
    result.layer = append(className, name, settings, of: [taken.layer], keeping: weights)
    if weights != nil { result.isNonNegative = false }
    return result
  }

  /// Adds an operation that Keras has no layer for.
  mutating func add(
    operation className: String, of module: String, _ name: String, _ settings: [JSON.Member] = [],
    arguments: [JSON] = [], to taken: Value
  ) -> Value {
    var result = taken
    result.layer = append(className, name, settings, of: [taken.layer], module: module, arguments: arguments)
    return result
  }

  private mutating func append(
    _ className: String, _ name: String, _ settings: [JSON.Member] = [], of inputs: [Int],
    module: String = KerasNetwork.Layer.layersModule, arguments: [JSON] = [],
    keeping weights: (layerClass: KerasLayerWeights.Class, tensors: [OutputTensor])? = nil
  ) -> Int {
    layers.append(
      KerasNetwork.Layer(
        className: className, module: module, name: name, settings: settings, inputs: inputs, arguments: arguments,
        weights: weights.map { KerasLayerWeights(name: name, layerClass: $0.layerClass, weights: $0.tensors) }))
    return layers.count - 1
  }

  /// Tensors as weights of a layer, as Keras lays them out where that is another way. Those that are absent are left out.
  func weights(_ tensors: [(name: String, tensor: LazyTensor?, laidOut: LazyTensor?)]) -> [OutputTensor] {
    tensors.compactMap { name, tensor, laidOut in
      tensor.map { OutputTensor(name: name, tensor: laidOut ?? $0, dtype: stored($0)) }
    }
  }

  /// The error where Keras has no such layer.
  func refusal(_ what: String) -> ResectError {
    ResectError(.unsupported, "Keras has no layer \(what)", advice: "write .resect")
  }
}
