internal import ResectBytes
internal import ResectGraphs
internal import ResectTensors

/// Makes a graph of the layers that Keras describes, with the weights in it.
///
/// A layer is a node of its name; what else it does has that name and a word behind it. Only layers that the result needs are
/// read. What Keras does otherwise than a node of the graph does is refused with the layer's name.
struct KerasGraphReader {
  /// What is known of a value without knowing how large the image is.
  struct Value {
    enum Kind {
      case image
      /// An image of one pixel.
      case pixel
      case vector
      /// An image whose channels were put before its rows.
      case turned
    }

    var id: Graph.ValueID
    var kind: Kind
    /// Channels or elements, where they are known.
    var channels: Int?

    var isVector: Bool { kind == .vector }
  }

  private let model: KerasModel
  private let weights: [String: [KerasLayer.WeightRole: LazyTensor]]
  private let layerNames: Set<String>
  /// Whether images have their channels before height and width.
  let isChannelsFirst: Bool
  private let input: Value
  private(set) var builder: GraphBuilder
  /// The result of each layer that was read.
  private var values: [Value?]

  /// Begins to read the layers of `model`, which has some.
  private init(_ model: KerasModel) throws(ResectError) {
    self.model = model
    layerNames = Set(model.layers.map(\.name))
    values = [Value?](repeating: nil, count: model.layers.count)
    var weights: [String: [KerasLayer.WeightRole: LazyTensor]] = [:]
    for weight in model.weights where weight.path != nil {
      weights[weight.layer, default: [:]][weight.role] = weight.tensor
    }
    self.weights = weights
    isChannelsFirst = try KerasGraphReader.isChannelsFirst(model.layers)
    let input = try KerasGraphReader.input(of: model, weights, isChannelsFirst: isChannelsFirst)
    builder = GraphBuilder(input)
    let isImage = if case .image = input.kind { true } else { false }
    self.input = Value(id: 0, kind: isImage ? .image : .vector, channels: input.channels)
  }

  /// The graph of `model`; nil where the file does not describe its layers.
  static func graph(of model: KerasModel) throws(ResectError) -> Graph? {
    guard !model.layers.isEmpty else { return nil }
    var reader = try KerasGraphReader(model)
    for (position, isNeeded) in model.neededLayers.enumerated() where isNeeded { try reader.read(position) }
    guard let result = reader.values[model.output] else {
      throw ResectError(.malformed, "the model's configuration is damaged: its result is no layer's")
    }
    guard result.kind != .turned else {
      throw model.layers[model.output].unsupported("the model gives an image with its channels first")
    }
    return try reader.graph(giving: result)
  }

  // MARK: Layers

  private mutating func read(_ position: Int) throws(ResectError) {
    let layer = model.layers[position]
    if layer.className == "InputLayer" {
      values[position] = input
      return
    }
    if let (source, channels) = layer.stackedChannels(of: model.layers) {
      values[position] = try reorder(channels, of: taken(source), layer)
      return
    }
    let inputs = layer.inputs.isEmpty ? [input] : layer.inputs.map(taken)
    var value = try add(layer, of: inputs, as: layer.name)
    if case .function(let function) = try layer.ownActivation(version: model.kerasVersion) {
      value = try activate(function, value, layer, as: name(layer, function.word))
    }
    values[position] = value
  }

  /// The result of a layer; layers are read after those that they take.
  private func taken(_ position: Int) -> Value { values[position] ?? input }

  /// A name for what a layer does beside its node.
  private func name(_ layer: KerasLayer, _ part: String) -> String {
    var name = "\(layer.name).\(part)"
    while layerNames.contains(name) { name += "_" }
    return builder.freeName(name)
  }

  /// Adds a layer but for an activation of its own. Returns its result.
  private mutating func add(
    _ layer: KerasLayer, of inputs: [Value], as name: String
  ) throws(ResectError) -> Value {
    guard !layer.isOwnCode else {
      throw layer.unsupported(
        "the layer is a \(layer.className) of somebody's own, whose code is not in the file", advice: nil)
    }
    if !["Flatten", "Reshape"].contains(layer.className), inputs.contains(where: { $0.kind == .turned }) {
      throw layer.unsupported("only a Flatten or a Reshape may take an image whose channels a Permute put first")
    }
    if let value = try merge(layer, inputs, as: name) { return value }
    guard inputs.count == 1 else {
      throw layer.unsupported("a \(layer.function) of \(inputs.count) values is not supported")
    }
    let taken = inputs[0]
    if layer.turnsChannels { return try reorder(nil, of: taken, layer) }
    if let (factors, terms) = layer.arithmetic { return try scale(taken, by: factors, adding: terms, layer, as: name) }
    if case .function(let function)? = try layer.activationLayer(version: model.kerasVersion) {
      return try activate(function, taken, layer, as: name)
    }
    switch layer.className {
    case "Conv2D", "Convolution2D", "DepthwiseConv2D", "SeparableConv2D":
      return try convolve(taken, layer, as: name)
    case "Dense": return try dense(taken, layer, as: name)
    case "BatchNormalization": return try normalize(taken, layer, as: name)
    case "Rescaling":
      return try scale(
        taken, by: layer.numbers("scale") ?? [1], adding: layer.numbers("offset") ?? [0], layer, as: name)
    case "Normalization": return try standardize(taken, layer, as: name)
    case "PReLU": return try rectify(taken, layer, as: name)
    case "ZeroPadding2D":
      return try image(taken, layer, .pad(try layer.border()), as: name)
    case "MaxPooling2D":
      return try image(taken, layer, .maxPool(.init(try layer.window(kernel: "pool_size"))), as: name)
    case "AveragePooling2D":
      return try image(taken, layer, .averagePool(.init(try layer.window(kernel: "pool_size"))), as: name)
    case "GlobalAveragePooling2D", "GlobalMaxPooling2D":
      let keepsImage = layer.settings["keepdims"]?.bool ?? false
      var value = try image(
        taken, layer,
        layer.className == "GlobalMaxPooling2D"
          ? .globalMaxPool(keepsImage: keepsImage) : .globalAveragePool(keepsImage: keepsImage), as: name)
      value.kind = keepsImage ? .pixel : .vector
      return value
    case "Permute": return try turn(taken, layer)
    case "Flatten":
      let order = taken.kind == .turned ? .channelsFirst : try flatteningOrder(layer)
      return flatten(taken, as: name, order: order)
    case "Reshape": return try reshape(taken, layer, as: name)
    case "Activation", "Dropout", "SpatialDropout2D", "AlphaDropout", "GaussianNoise", "GaussianDropout",
      "ActivityRegularization", "Identity", "RandomFlip", "RandomRotation", "RandomZoom", "RandomTranslation",
      "RandomContrast", "RandomBrightness":
      // An activation that is linear, or something in training only.
      return add(.identity, of: taken, as: name)
    case "Lambda":
      throw layer.unsupported(
        "the layer is a Lambda: it is code, and nothing in a file is run", advice: "say it by layers of Keras instead")
    default:
      let kind = layer.function == layer.className ? "layer" : "function"
      throw layer.unsupported("the \(kind) \(layer.function) is not supported")
    }
  }

  /// Adds an operation that keeps what is known of its value.
  private mutating func add(_ operation: Graph.Operation, of value: Value, as name: String) -> Value {
    var result = value
    result.id = builder.add(operation, of: value.id, as: name)
    return result
  }

  /// Adds an operation on an image.
  private mutating func image(
    _ value: Value, _ layer: KerasLayer, _ operation: Graph.Operation, as name: String
  ) throws(ResectError) -> Value {
    guard !value.isVector else { throw layer.unsupported("a \(layer.className) of a vector is not supported") }
    return add(operation, of: value, as: name)
  }

  // MARK: Several values

  /// Adds a layer or an operation that puts several values together; nil for any other layer.
  private mutating func merge(
    _ layer: KerasLayer, _ inputs: [Value], as name: String
  ) throws(ResectError) -> Value? {
    guard inputs.count > 1 else { return nil }
    var result = inputs[0]
    switch layer.function {
    case "Merge" where layer.settings["mode"]?.string != "sum": return nil
    case "Add", "Merge", "math.add", "__operators__.add":
      result.id = builder.add(.add, ofAll: inputs.map(\.id), as: name)
    case "Average":
      let sum = builder.add(.add, ofAll: inputs.map(\.id), as: self.name(layer, "sum"))
      let share = LazyTensor(values: [1 / Double(inputs.count)], dtype: .float64)
      result.id = builder.add(.scaleShift(.init(scale: share, shift: nil)), of: sum, as: name)
    case "Multiply", "math.multiply", "__operators__.mul":
      for (position, factor) in inputs.enumerated().dropFirst() {
        // What has one number a channel stands behind what it is a factor of.
        let isSmaller = result.kind != .image && factor.kind == .image
        let pair = isSmaller ? [factor, result] : [result, factor]
        let isLast = position == inputs.count - 1
        result = pair[0]
        result.id = builder.add(
          .multiply, ofAll: pair.map(\.id), as: isLast ? name : self.name(layer, "product"))
      }
    case "Concatenate":
      guard let axis = try layer.integers("axis").first ?? -1 as Int?, isChannelAxis(axis, of: result) else {
        throw layer.unsupported("the layer joins along an axis other than the channels'")
      }
      result.id = builder.add(.concatenate, ofAll: inputs.map(\.id), as: name)
      let channels = inputs.map(\.channels)
      result.channels = channels.contains(nil) ? nil : channels.compactMap(\.self).reduce(0, &+)
    default: return nil
    }
    return result
  }

  /// Whether an axis of Keras, which counts that of the batch, is the channels'.
  private func isChannelAxis(_ axis: Int, of value: Value) -> Bool {
    if value.isVector { return axis == -1 || axis == 1 }
    return isChannelsFirst ? axis == 1 || axis == -3 : axis == 3 || axis == -1
  }

  // MARK: Layers with weights

  private func weight(_ role: KerasLayer.WeightRole, of layer: KerasLayer) throws(ResectError) -> LazyTensor {
    guard let weight = weights[layer.name]?[role] else {
      throw ResectError(
        .mismatch, "the file has no \(role.word) of a layer that its model has", tensor: layer.name)
    }
    return weight
  }

  private mutating func convolve(
    _ value: Value, _ layer: KerasLayer, as name: String
  ) throws(ResectError) -> Value {
    guard !value.isVector else { throw layer.unsupported("a \(layer.className) of a vector is not supported") }
    let window = try layer.window(kernel: "kernel_size")
    let bias = weights[layer.name]?[.bias]
    switch layer.className {
    case "DepthwiseConv2D":
      let weight = try self.weight(.depthwiseKernel, of: layer)
      return try convolveDepthwise(value, weight, window, bias: bias, layer, as: name)
    case "SeparableConv2D":
      let kernels = try self.weight(.separableDepthwiseKernel, of: layer)
      let part = try convolveDepthwise(value, kernels, window, bias: nil, layer, as: self.name(layer, "depthwise"))
      let weight = try self.weight(.pointwiseKernel, of: layer)
      return try convolve(part, .init(weight: weight, bias: bias), layer, as: name)
    default:
      let convolution = Graph.Convolution(
        weight: try weight(.kernel, of: layer), bias: bias, stride: window.stride, padding: window.padding,
        dilation: window.dilation, groups: try layer.count("groups") ?? 1)
      return try convolve(value, convolution, layer, as: name)
    }
  }

  /// As many groups as there are channels.
  private mutating func convolveDepthwise(
    _ value: Value, _ weight: LazyTensor, _ window: Graph.Window, bias: LazyTensor?, _ layer: KerasLayer,
    as name: String
  ) throws(ResectError) -> Value {
    let multiplier = try layer.count("depth_multiplier") ?? 1
    guard let outputs = weight.shape.axes.first, outputs % multiplier == 0, outputs > 0 else {
      throw ResectError(
        .mismatch,
        "the model's configuration contradicts the weights: a depth_multiplier of \(multiplier), kernels for \(weight.shape.axes.first ?? 0) channels",
        tensor: layer.name)
    }
    return try convolve(
      value,
      .init(
        weight: weight, bias: bias, stride: window.stride, padding: window.padding, dilation: window.dilation,
        groups: outputs / multiplier), layer, as: name)
  }

  private mutating func convolve(
    _ value: Value, _ convolution: Graph.Convolution, _ layer: KerasLayer, as name: String
  ) throws(ResectError) -> Value {
    let axes = convolution.weight.shape.axes
    let (channels, overflow) = (axes.count == 4 ? axes[1] : 0).multipliedReportingOverflow(by: convolution.groups)
    guard axes.count == 4, !overflow, value.channels ?? channels == channels, axes[0] % convolution.groups == 0 else {
      throw ResectError(
        .mismatch,
        "the convolution's kernel \(convolution.weight.shape) in \(convolution.groups) groups does not fit \(value.channels.map(String.init) ?? "the") channels",
        tensor: layer.name)
    }
    var result = add(.convolution(convolution), of: value, as: name)
    result.channels = axes[0]
    if convolution.kernel != 1 && convolution.padding != .same { result.kind = .image }
    return result
  }

  /// A linear layer; of an image, Keras applies it to each pixel.
  private mutating func dense(_ value: Value, _ layer: KerasLayer, as name: String) throws(ResectError) -> Value {
    let weight = try weight(.kernel, of: layer)
    let bias = weights[layer.name]?[.bias]
    guard value.isVector else {
      guard !isChannelsFirst else {
        throw layer.unsupported("a Dense over the columns of an image is not supported")
      }
      let kernel = try weight.reshaped(weight.shape.axes + [1, 1])
      return try convolve(value, .init(weight: kernel, bias: bias), layer, as: name)
    }
    var result = add(.linear(.init(weight: weight, bias: bias)), of: value, as: name)
    result.channels = weight.shape.axes.first
    return result
  }

  private mutating func normalize(_ value: Value, _ layer: KerasLayer, as name: String) throws(ResectError) -> Value {
    let axis = try layer.integers("axis").first ?? -1
    guard isChannelAxis(axis, of: value) else {
      throw layer.unsupported("the batch-norm is over axis \(axis), none but the channels' is supported")
    }
    guard (layer.settings["mode"]?.integer ?? 0) == 0 else {
      throw layer.unsupported("the batch-norm has Keras 1's mode that keeps no statistics")
    }
    guard let epsilon = layer.settings["epsilon"]?.number else { throw layer.damaged("epsilon") }
    return add(
      .batchNorm(
        .init(
          weight: weights[layer.name]?[.gamma], bias: weights[layer.name]?[.beta],
          mean: try weight(.movingMean, of: layer), variance: try weight(.movingVariance, of: layer),
          epsilon: epsilon)), of: value, as: name)
  }

  private mutating func rectify(_ value: Value, _ layer: KerasLayer, as name: String) throws(ResectError) -> Value {
    let slopes = try weight(.alpha, of: layer)
    // A slope for each channel, or one for all: every other axis is shared.
    let count = slopes.shape.elementCount
    guard count == 1 || count == slopes.shape.axes[isChannelsFirst ? 0 : slopes.shape.rank - 1] else {
      throw layer.unsupported("a PReLU with a slope for each pixel (\(slopes.shape)) is not supported")
    }
    return add(.activation(.prelu(slopes: try slopes.reshaped([count]))), of: value, as: name)
  }

  // MARK: Layers without weights

  private mutating func activate(
    _ function: Graph.Activation, _ value: Value, _ layer: KerasLayer, as name: String
  ) throws(ResectError) -> Value {
    switch function {
    case .softmax, .logSoftmax:
      let axis = layer.className == "Softmax" ? try layer.integers("axis").first ?? -1 : -1
      guard isChannelAxis(axis, of: value) else {
        throw layer.unsupported("a \(function.word) over axis \(axis) is not supported, only one over the channels")
      }
    default: break
    }
    return add(.activation(function), of: value, as: name)
  }

  /// Numbers of one element, or of one a channel.
  private func constants(_ numbers: [Double], of value: Value, _ layer: KerasLayer) throws(ResectError) -> LazyTensor {
    guard numbers.count == 1 || numbers.count == value.channels ?? numbers.count else {
      throw ResectError(
        .mismatch, "the layer has \(numbers.count) numbers for \(value.channels ?? 0) channels", tensor: layer.name)
    }
    guard numbers.count == 1 || value.isVector || !isChannelsFirst else {
      throw layer.unsupported("numbers that differ along the columns of an image are not supported")
    }
    return LazyTensor(values: numbers, dtype: .float64)
  }

  private mutating func scale(
    _ value: Value, by factors: [Double], adding terms: [Double], _ layer: KerasLayer, as name: String
  ) throws(ResectError) -> Value {
    guard factors.allSatisfy(\.isFinite) else {
      throw ResectError(.badValue, "the layer divides by zero", tensor: layer.name)
    }
    let scale = factors == [1] ? nil : try constants(factors, of: value, layer)
    let shift = terms == [0] ? nil : try constants(terms, of: value, layer)
    return add(.scaleShift(.init(scale: scale, shift: shift)), of: value, as: name)
  }

  /// Means and standard deviations of the channels, from the settings or, where the layer learnt them, from its weights.
  ///
  /// Source: `keras/src/layers/preprocessing/normalization.py`.
  private mutating func standardize(_ value: Value, _ layer: KerasLayer, as name: String) throws(ResectError) -> Value {
    let axes = try layer.integers("axis")
    guard axes.isEmpty || axes.count == 1 && isChannelAxis(axes[0], of: value), layer.settings["invert"]?.bool != true
    else {
      throw layer.unsupported("the layer normalises otherwise than each channel by its mean and variance")
    }
    let mean = try moment("mean", of: layer)
    // As Keras, whose root is never smaller.
    let std = try moment("variance", of: layer).map { max($0.squareRoot(), 1e-7) }
    guard !value.isVector, let channels = value.channels else {
      let shift = zip(mean, std).map { -$0 / $1 }
      return try scale(value, by: std.map { 1 / $0 }, adding: shift, layer, as: name)
    }
    func spread(_ numbers: [Double]) -> [Double] {
      numbers.count == 1 ? [Double](repeating: numbers[0], count: channels) : numbers
    }
    guard [mean.count, std.count].allSatisfy({ [1, channels].contains($0) }) else {
      throw ResectError(
        .mismatch, "the layer has \(max(mean.count, std.count)) numbers for \(channels) channels", tensor: layer.name)
    }
    return try normalize(value, Array(0..<channels), mean: spread(mean), std: spread(std), layer, as: name)
  }

  /// The numbers of a setting or, where it has none, of the weight of that name.
  private func moment(_ word: String, of layer: KerasLayer) throws(ResectError) -> [Double] {
    if let given = try layer.numbers(word) { return given }
    guard let weight = weights[layer.name]?[.other(word)] else { throw layer.damaged(word) }
    guard 1...KerasLayer.mostConstants ~= weight.shape.elementCount else {
      throw layer.unsupported("a \(layer.className) of \(weight.shape) is none of channels")
    }
    let values = try weight.doubles()
    guard values.allSatisfy(\.isFinite) else {
      throw ResectError(.badValue, "the layer's \(word) is not finite", tensor: layer.name)
    }
    return values
  }

  /// The channels of an image in another order, backwards where that is absent.
  private mutating func reorder(
    _ channels: [Int]?, of value: Value, _ layer: KerasLayer
  ) throws(ResectError) -> Value {
    let count = value.channels ?? 0
    guard !value.isVector, !isChannelsFirst, count > 0 else {
      throw layer.unsupported("an order of numbers that are no channels of an image is not supported")
    }
    let channels = channels ?? Array((0..<count).reversed())
    guard channels.sorted() == Array(0..<count) else {
      throw layer.unsupported("the layer takes the channels \(channels) of the image's \(count)")
    }
    return try normalize(
      value, channels, mean: [Double](repeating: 0, count: count), std: [Double](repeating: 1, count: count), layer,
      as: layer.name)
  }

  private mutating func normalize(
    _ value: Value, _ channels: [Int], mean: [Double], std: [Double], _ layer: KerasLayer, as name: String
  ) throws(ResectError) -> Value {
    do throws(ResectError) {
      return add(
        .normalize(try InputNormalization(channels: channels, scale: 1, mean: mean, std: std)), of: value, as: name)
    } catch {
      throw error.located(tensor: layer.name)
    }
  }

  /// In which order Keras makes a vector of an image: that of its memory.
  private var memoryOrder: Graph.FlatteningOrder { isChannelsFirst ? .channelsFirst : .channelsLast }

  /// `Flatten` turns an image with the channels first around, where it is told of them.
  private func flatteningOrder(_ layer: KerasLayer) throws(ResectError) -> Graph.FlatteningOrder {
    switch (layer.isChannelsFirst ?? false, isChannelsFirst) {
    case (true, false):
      throw layer.unsupported("a Flatten with data_format channels_first of an image that has them last")
    case (true, true): .channelsLast
    case (false, _): memoryOrder
    }
  }

  /// An image with its channels before its rows, of which a vector is made as torch makes it.
  private func turn(_ value: Value, _ layer: KerasLayer) throws(ResectError) -> Value {
    guard !value.isVector, !isChannelsFirst, try layer.integers("dims") == [3, 1, 2] else {
      throw layer.unsupported("a Permute is supported only where it puts the channels of an image first")
    }
    var turned = value
    turned.kind = .turned
    return turned
  }

  private mutating func flatten(_ value: Value, as name: String, order: Graph.FlatteningOrder) -> Value {
    guard !value.isVector else { return add(.identity, of: value, as: name) }
    var result = add(.flatten(order), of: value, as: name)
    // How many numbers an image has depends on its size.
    if value.kind != .pixel { result.channels = nil }
    result.kind = .vector
    return result
  }

  /// A vector as an image of one pixel, or an image as a vector.
  private mutating func reshape(_ value: Value, _ layer: KerasLayer, as name: String) throws(ResectError) -> Value {
    let target = try layer.integers("target_shape")
    let others = isChannelsFirst ? target.dropFirst() : target.dropLast()
    let count = isChannelsFirst ? target.first : target.last
    guard let count, target.count == 1 || target.count == 3 && others.allSatisfy({ $0 == 1 }) else {
      throw layer.unsupported(
        "a Reshape to \(target) is not supported, only between a vector and an image of one pixel")
    }
    if target.count == 1 {
      return flatten(value, as: name, order: value.kind == .turned ? .channelsFirst : memoryOrder)
    }
    guard value.kind != .turned else {
      throw layer.unsupported("a Reshape of turned axes to an image is not supported")
    }
    if value.kind == .pixel { return add(.identity, of: value, as: name) }
    let vector = value.isVector ? value : flatten(value, as: self.name(layer, "vector"), order: memoryOrder)
    var result = add(.toImage, of: vector, as: name)
    result.kind = .pixel
    result.channels = result.channels ?? (count > 0 ? count : nil)
    return result
  }
}
