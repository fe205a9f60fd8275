internal import ResectBytes
internal import ResectCheckpoints
internal import ResectResNets
internal import ResectTensors

extension LayerGraph {
  /// The layers that Keras describes; nil where the file describes none.
  ///
  /// A layer with an activation of its own becomes two nodes.
  init?(_ model: KerasModel) throws(ResectError) {
    guard !model.layers.isEmpty else { return nil }
    var nodes: [Node] = []
    let weights = Dictionary(model.weights.map { ($0.name, $0.tensor) }) { first, _ in first }
    // Where the result of each layer is.
    var results: [Int] = []
    for layer in model.layers {
      var inputs = layer.inputs.map { results[$0] }
      if inputs.isEmpty, layer.className != "InputLayer" {
        // The first layer of a sequential model may say itself what it takes.
        nodes.append(Node(name: layer.name, operation: layer.input, inputs: []))
        inputs = [nodes.count - 1]
      }
      if let (source, channels) = layer.stackedChannels(of: model.layers) {
        nodes.append(Node(name: layer.name, operation: .reorderChannels(channels), inputs: [results[source]]))
      } else {
        nodes.append(Node(name: layer.name, operation: try layer.operation(weights), inputs: inputs))
      }
      if let activation = layer.ownActivation {
        nodes.append(Node(name: layer.name, operation: activation, inputs: [nodes.count - 1]))
      }
      results.append(nodes.count - 1)
    }
    self.init(nodes: nodes, output: results[model.output])
  }
}

extension KerasLayer {
  /// What the layer of a model with these weights computes, but for an activation of its own.
  fileprivate func operation(_ weights: [String: LazyTensor]) throws(ResectError) -> LayerGraph.Operation {
    if let arithmetic { return arithmetic }
    return switch className {
    case "InputLayer": input
    case "Rescaling":
      .scale(by: try numbers("scale") ?? [1], adding: try numbers("offset") ?? [0])
    case "Normalization": try standardization(weights)
    case "Conv2D", "Convolution2D": .convolution(try window(kernel: "kernel_size", stride: "strides"))
    case "ZeroPadding2D": .zeroPadding(try border())
    case "BatchNormalization": .batchNorm(epsilon: try batchNormEpsilon())
    case "Activation": KerasLayer.operation(activation: settings["activation"])
    case "ReLU": isPlainReLU ? .relu : .other("a ReLU that is limited or leaks")
    case "Softmax": .outputActivation("softmax")
    case "Add", "Merge", "TFOpLambda", "TensorFlowOpLayer": additionOrFunction
    case "MaxPooling2D": .maxPool(try window(kernel: "pool_size", stride: "strides"))
    case "AveragePooling2D": .averagePool(try window(kernel: "pool_size", stride: "strides"))
    case "GlobalAveragePooling2D": .globalAveragePool
    case "Flatten": .flatten
    case "Dense": .dense
    case "Dropout", "SpatialDropout2D", "GaussianNoise", "GaussianDropout", "ActivityRegularization", "RandomFlip",
      "RandomRotation", "RandomZoom", "RandomTranslation", "RandomContrast", "RandomBrightness":
      // They do something in training only.
      .identity
    default: .other("the layer \(className)")
    }
  }

  /// The image that the model takes.
  fileprivate var input: LayerGraph.Operation {
    let shape = settings["batch_shape"] ?? settings["batch_input_shape"]
    let axes = shape?.elements?.map { $0.integer.flatMap { Int(exactly: $0) } } ?? []
    guard axes.count == 4 else { return .input(height: nil, width: nil) }
    // Channels are few. The sizes only say whether a pooling takes the whole image.
    return isChannelsFirst || (axes[1] ?? 0) <= 4 && (axes[3] ?? 0) > 4
      ? .input(height: axes[2], width: axes[3]) : .input(height: axes[1], width: axes[2])
  }

  private var isChannelsFirst: Bool {
    settings["data_format"]?.string == "channels_first" || settings["dim_ordering"]?.string == "th"
  }

  /// The activation that a convolution or a linear layer applies to its result.
  fileprivate var ownActivation: LayerGraph.Operation? {
    guard ["Conv2D", "Convolution2D", "Dense", "Add"].contains(className), let activation = settings["activation"],
      activation != .null
    else { return nil }
    let operation = KerasLayer.operation(activation: activation)
    return operation == .identity ? nil : operation
  }

  private static func operation(activation: JSON?) -> LayerGraph.Operation {
    // Keras 3 may give the function's description in the place of its name.
    let name = activation?.string ?? activation?["config"]?.string ?? activation?["class_name"]?.string ?? "unknown"
    return switch name {
    case "linear": .identity
    case "relu": .relu
    case "softmax", "sigmoid", "log_softmax": .outputActivation(name)
    default: .other("the activation \(name)")
    }
  }

  private var isPlainReLU: Bool {
    (settings["max_value"] ?? .null) == .null && (settings["negative_slope"]?.number ?? 0) == 0
      && (settings["threshold"]?.number ?? 0) == 0
  }

  /// Additions of Keras 1, and functions of TensorFlow that became layers.
  private var additionOrFunction: LayerGraph.Operation {
    switch className {
    case "Add": return .add
    case "Merge": return settings["mode"]?.string == "sum" ? .add : .other("the layer Merge")
    default:
      let function = settings["function"]?.string ?? settings["node_def"]?.string ?? className
      switch function {
      case "math.add", "__operators__.add": return .add
      case "nn.relu": return .relu
      default: return .other("the function \(function)")
      }
    }
  }

  /// Means and standard deviations of the input's channels, from the settings or, where the layer learnt them, from its weights.
  ///
  /// Source: `keras/src/layers/preprocessing/normalization.py`.
  private func standardization(_ weights: [String: LazyTensor]) throws(ResectError) -> LayerGraph.Operation {
    let axis = settings["axis"] ?? .null
    let axes = axis.elements ?? (axis == .null ? [] : [axis])
    guard axes.isEmpty || axes == [.integer(-1)] || axes == [.integer(3)], settings["invert"]?.bool != true else {
      throw ResectError(
        .unsupported, "the layer normalises otherwise than each channel by its mean and variance", tensor: name)
    }
    let mean = try moment("mean", weights)
    let variance = try moment("variance", weights)
    // As Keras, whose root is never smaller.
    return .standardize(mean: mean, std: variance.map { max($0.squareRoot(), 1e-7) })
  }

  /// A number or a list of them, all finite; nil where there is none.
  private func numbers(_ setting: String) throws(ResectError) -> [Double]? {
    guard let value = settings[setting], value != .null else { return nil }
    let numbers = (value.elements ?? [value]).map(\.number)
    guard !numbers.isEmpty, numbers.count <= 4096, numbers.allSatisfy({ $0?.isFinite ?? false }) else {
      throw damaged(setting)
    }
    return numbers.compactMap(\.self)
  }

  /// The numbers of a setting or, where it has none, of the weight of that name.
  private func moment(_ word: String, _ weights: [String: LazyTensor]) throws(ResectError) -> [Double] {
    if let given = try numbers(word) { return given }
    guard let weight = weights["\(name).\(word)"] else { throw damaged(word) }
    guard 1...4096 ~= weight.shape.elementCount else {
      throw ResectError(.unsupported, "a \(className) of \(weight.shape) is none of an image", tensor: name)
    }
    let values = try weight.doubles()
    guard values.allSatisfy(\.isFinite) else {
      throw ResectError(.badValue, "the layer's \(word) is not finite", tensor: name)
    }
    return values
  }

  private func batchNormEpsilon() throws(ResectError) -> Double {
    let axis = settings["axis"]?.integer ?? settings["axis"]?.elements?.first?.integer ?? -1
    guard [-1, 3, 1].contains(axis) else {
      throw ResectError(
        .unsupported, "the batch-norm is over axis \(axis), a ResNet's is over the channels", tensor: name)
    }
    guard (settings["mode"]?.integer ?? 0) == 0 else {
      throw ResectError(.unsupported, "the batch-norm has Keras 1's mode that keeps no statistics", tensor: name)
    }
    guard let epsilon = settings["epsilon"]?.number else { throw damaged("epsilon") }
    return epsilon
  }

  private func border() throws(ResectError) -> LayerGraph.Border {
    guard let padding = settings["padding"] else { throw damaged("padding") }
    // One number, two, or two pairs.
    let sides: [Int64?]
    if let all = padding.integer {
      sides = [all, all, all, all]
    } else {
      let pairs = padding.elements ?? []
      sides = pairs.flatMap { pair in pair.elements.map { $0.map(\.integer) } ?? [pair.integer, pair.integer] }
    }
    let numbers = sides.compactMap { $0.flatMap { 0...1 << 16 ~= $0 ? Int($0) : nil } }
    guard sides.count == 4, numbers.count == 4 else { throw damaged("padding") }
    return LayerGraph.Border(top: numbers[0], bottom: numbers[1], left: numbers[2], right: numbers[3])
  }

  private func window(kernel: String, stride: String) throws(ResectError) -> LayerGraph.Window {
    guard let size = try pair(kernel, "nb_row", "nb_col") else { throw damaged(kernel) }
    let padding = settings["padding"]?.string ?? settings["border_mode"]?.string ?? "valid"
    guard padding == "same" || padding == "valid" else {
      throw ResectError(.unsupported, "the layer pads as \(padding)", tensor: name)
    }
    // A pooling that says no stride takes windows side by side.
    let subsample = settings[stride] == nil ? "subsample" : stride
    let steps = try pair(subsample) ?? (kernel == "pool_size" ? size : [1, 1])
    return LayerGraph.Window(
      kernel: size, stride: steps, dilation: try pair("dilation_rate") ?? [1, 1], padsSame: padding == "same")
  }

  /// Two counts, or one that stands for both. Keras 1 had a setting for each of a kernel's.
  private func pair(_ setting: String, _ rows: String = "", _ columns: String = "") throws(ResectError) -> [Int]? {
    let numbers: [Int64?]
    if let value = settings[setting], value != .null {
      numbers = value.elements.map { $0.map(\.integer) } ?? [value.integer, value.integer]
    } else if let rows = settings[rows], let columns = settings[columns] {
      numbers = [rows.integer, columns.integer]
    } else {
      return nil
    }
    let counts = numbers.compactMap { $0.flatMap { 1...1 << 16 ~= $0 ? Int($0) : nil } }
    guard numbers.count == 2, counts.count == 2 else { throw damaged(setting) }
    return counts
  }

  private func damaged(_ setting: String) -> ResectError {
    ResectError(
      .malformed, "the model's configuration is damaged: \(setting) of a \(className) is missing or no number",
      tensor: name)
  }
}
