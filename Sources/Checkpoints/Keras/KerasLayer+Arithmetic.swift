internal import ResectBytes

/// Operations that are no layers, as `preprocess_input` of keras.applications or `x / 255` leave them in a model's description.
///
/// Source: what Keras 3.15 and tf_keras 2.21 write.
extension KerasLayer {
  /// What an operation between one layer's result and a constant computes: a factor and a term, each one for all channels or one for
  /// each; nil for anything else.
  var arithmetic: (factors: [Double], terms: [Double])? {
    guard inputs.count == 1, let (numbers, isSecond) = constant else { return nil }
    return switch (function, isSecond) {
    case ("TrueDivide", true), ("Divide", true), ("math.truediv", true): (numbers.map { 1 / $0 }, [0])
    case ("Multiply", _), ("math.multiply", _): (numbers, [0])
    case ("Add", _), ("math.add", _), ("__operators__.add", _), ("nn.bias_add", _): ([1], numbers)
    case ("Subtract", true), ("math.subtract", true): ([1], numbers.map { -$0 })
    case ("Subtract", false): ([-1], numbers)
    default: nil
    }
  }

  /// The function of TensorFlow that Keras 2 made a layer of, or else the class.
  var function: String {
    guard ["TFOpLambda", "TensorFlowOpLayer"].contains(className) else { return className }
    return settings["function"]?.string ?? settings["node_def"]?.string ?? className
  }

  /// Where this layer stacks single channels of one image: that image's layer among `layers`, and the channels in order.
  func stackedChannels(of layers: [KerasLayer]) -> (source: Int, channels: [Int])? {
    guard className == "Stack", [-1, 3].contains(settings["axis"]?.integer), let first = inputs.first,
      let source = layers[first].inputs.first
    else { return nil }
    let channels = inputs.map { layers[$0].inputs == [source] ? layers[$0].takenChannel : nil }
    return channels.contains(nil) ? nil : (source, channels.compactMap(\.self))
  }

  /// The one channel that this layer takes of an image: `x[..., 2]`.
  private var takenChannel: Int? {
    guard className == "GetItem", let spec = call["args"]?.elements?.last?.elements, spec.count == 2,
      spec[0].isEllipsis
    else { return nil }
    return spec[1].integer.flatMap { Int(exactly: $0) }
  }

  /// Whether this layer is `x[..., ::-1]`.
  var turnsChannels: Bool {
    let spec =
      switch className {
      case "GetItem": call["args"]?.elements?.last?.elements
      case "SlicingOpLambda": call.elements?.last?["slice_spec"]?.elements
      default: nil as [JSON]?
      }
    guard let spec, spec.count == 2, spec[0].isEllipsis else { return false }
    let slice = spec[1]["config"] ?? spec[1]
    return slice["step"]?.integer == -1 && slice["start"] == .null && slice["stop"] == .null
  }

  /// The constant of the call, one number or one a channel, and whether it stands behind the layer's result.
  private var constant: (numbers: [Double], isSecond: Bool)? {
    if let arguments = call["args"]?.elements {
      guard arguments.count == 2, let tensor = arguments.firstIndex(where: \.isTensor) else { return nil }
      return arguments[1 - tensor].constants.map { ($0, tensor == 0) }
    }
    // Keras 2: ["input_1", 0, 0, {"y": 127.5}].
    guard let settings = call.elements?.last else { return nil }
    return (settings["y"] ?? settings["bias"])?.constants.map { ($0, true) }
  }
}

extension JSON {
  fileprivate var isTensor: Bool { self["class_name"]?.string == "__keras_tensor__" }

  fileprivate var isEllipsis: Bool { self["class_name"]?.string == "__ellipsis__" }

  /// Finite numbers along the last axis of a constant whose other axes have one element; nil for any other.
  fileprivate var constants: [Double]? {
    var value = self["config"]?["value"] ?? self
    while let elements = value.elements, elements.count == 1, elements[0].elements != nil { value = elements[0] }
    let numbers = (value.elements ?? [value]).map(\.number)
    guard 1...KerasLayer.mostConstants ~= numbers.count, numbers.allSatisfy({ $0?.isFinite ?? false }) else {
      return nil
    }
    return numbers.compactMap(\.self)
  }
}
