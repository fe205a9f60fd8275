internal import ResectBytes
internal import ResectGraphs
internal import ResectTensors

extension KerasGraphWriter {
  /// Adds the layer of an activation.
  mutating func add(
    _ activation: Graph.Activation, of taken: Value, at position: Int
  ) throws(ResectError) -> Value {
    let name = name(at: position)
    switch activation {
    case .relu6: return add("ReLU", name, [.init("max_value", .number(6))], of: taken)
    case .leakyReLU(let slope): return add("LeakyReLU", name, [.init("negative_slope", .number(slope))], of: taken)
    case .elu(let alpha): return add("ELU", name, [.init("alpha", .number(alpha))], of: taken)
    case .gelu(approximatesByTanh: true):
      return add(operation: "Gelu", of: "keras.src.ops.nn", name, [.init("approximate", .bool(true))], to: taken)
    case .prelu(let slopes): return try rectify(taken, slopes, as: name)
    case .hardSigmoid(let slope, let offset) where activation.kerasWord == nil:
      let isScaled = (slope, offset) != (1, 0)
      let scaled = isScaled ? rescale(taken, by: [slope], adding: [offset], as: partName(at: position, "scale")) : taken
      return add("ReLU", name, [.init("max_value", .number(1))], of: scaled)
    case .relu, .silu, .gelu, .sigmoid, .tanh, .hardSigmoid, .hardSwish, .softmax, .logSoftmax:
      guard let word = activation.kerasWord else { throw refusal("that is a \(activation.word) of these numbers") }
      return add("Activation", name, [.init("activation", .string(word))], of: taken)
    }
  }

  /// Adds a layer with a slope for each channel, or one for all.
  private mutating func rectify(_ taken: Value, _ slopes: LazyTensor, as name: String) throws(ResectError) -> Value {
    let count = slopes.shape.elementCount
    // Of an image, the slopes have an axis for each of the image's.
    let shared = (taken.isVector ? [] : [1, 2]) + (count == 1 ? [taken.isVector ? 1 : 3] : [])
    let laidOut = try slopes.reshaped((taken.isVector ? [] : [1, 1]) + [count])
    return add(
      "PReLU", name, shared.isEmpty ? [] : [.init("shared_axes", .array(shared.map { .integer($0) }))], of: taken,
      keeping: (.parametricReLU, weights([("alpha", slopes, laidOut)])))
  }
}

extension Graph.Activation {
  /// Keras' word for it, where the numbers are those of the function that the word means.
  ///
  /// Source: `keras/src/activations/activations.py` of Keras 3.
  var kerasWord: String? {
    switch self {
    case .relu: "relu"
    case .relu6: "relu6"
    case .leakyReLU(slope: 0.2): "leaky_relu"
    case .elu(alpha: 1): "elu"
    case .silu: "silu"
    case .gelu(approximatesByTanh: false): "gelu"
    case .sigmoid: "sigmoid"
    case .tanh: "tanh"
    case .hardSigmoid(slope: 1.0 / 6, offset: 0.5): "hard_sigmoid"
    case .hardSwish: "hard_silu"
    case .softmax: "softmax"
    case .logSoftmax: "log_softmax"
    case .leakyReLU, .elu, .gelu, .hardSigmoid, .prelu: nil
    }
  }

  /// Whether nothing that it makes is below zero.
  var isNonNegative: Bool {
    switch self {
    case .relu, .relu6, .sigmoid, .hardSigmoid, .softmax: true
    case .leakyReLU, .prelu, .silu, .gelu, .elu, .tanh, .hardSwish, .logSoftmax: false
    }
  }
}
