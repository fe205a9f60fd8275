internal import ResectBytes
internal import ResectGraphs

/// What layers and functions of Keras compute of each number.
///
/// Source: `keras/src/activations/activations.py` and `keras/src/layers/activations` of Keras 3.15, and those of Keras 2.
extension KerasLayer {
  /// The activation of a layer of this class; nil for any other layer. A `PReLU`, which has weights, is another.
  func activationLayer(version: KerasVersion) throws(ResectError) -> KerasActivation? {
    switch className {
    case "Activation": return try activation(settings["activation"] ?? .null, version: version)
    case "ReLU": return .function(try rectifier())
    case "LeakyReLU":
      // 0.3 where nothing is said; Keras 2 calls it alpha.
      let (slope, alpha) = (try number("negative_slope"), try number("alpha"))
      return .function(.leakyReLU(slope: slope ?? alpha ?? 0.3))
    case "ELU": return .function(.elu(alpha: try number("alpha") ?? 1))
    case "Softmax": return .function(.softmax)
    // An operation of Keras 3, whose default is another than that of the activation.
    case "Gelu": return .function(.gelu(approximatesByTanh: settings["approximate"]?.bool ?? true))
    // Operations of Keras 3 that take no settings.
    case "Relu", "Relu6", "Sigmoid", "Silu", "Tanh", "HardSilu":
      let name = className == "HardSilu" ? "hard_silu" : className.lowercased()
      return KerasLayer.function(name, version).map { .function($0) }
    default: return nil
    }
  }

  /// The activation that a layer applies to its result; linear where it has none.
  func ownActivation(version: KerasVersion) throws(ResectError) -> KerasActivation {
    guard className != "Activation", let own = settings["activation"], own != .null else { return .linear }
    return try activation(own, version: version)
  }

  /// What a setting names: a function, or a layer that stands for one.
  private func activation(_ setting: JSON, version: KerasVersion) throws(ResectError) -> KerasActivation {
    // Keras 3 may give the function's or the layer's description in the place of its name.
    if let layer = setting["class_name"]?.string, let settings = setting["config"], settings.members != nil {
      let inner = KerasLayer(
        name: name, className: layer, settings: settings, inputs: [], call: .null, group: "", isOwnCode: false)
      guard layer != "Activation", let activation = try inner.activationLayer(version: version) else {
        throw unsupported("the activation \(layer) is not supported")
      }
      return activation
    }
    let name = setting.string ?? setting["config"]?.string ?? setting["class_name"]?.string ?? "unknown"
    if name == "linear" { return .linear }
    guard let function = KerasLayer.function(name, version) else {
      throw unsupported("the activation \(name) is not supported")
    }
    return .function(function)
  }

  private static func function(_ name: String, _ version: KerasVersion) -> Graph.Activation? {
    switch name {
    case "relu": .relu
    case "relu6": .relu6
    case "leaky_relu": .leakyReLU(slope: 0.2)
    case "elu": .elu(alpha: 1)
    case "silu", "swish": .silu
    case "gelu": .gelu(approximatesByTanh: false)
    case "sigmoid": .sigmoid
    case "tanh": .tanh
    case "hard_sigmoid":
      version.major < 3 ? .hardSigmoid(slope: 0.2, offset: 0.5) : .hardSigmoid(slope: 1 / 6, offset: 0.5)
    case "hard_silu", "hard_swish": .hardSwish
    case "softmax": .softmax
    case "log_softmax": .logSoftmax
    default: nil
    }
  }

  /// The kinds of `ReLU` that have a name.
  private func rectifier() throws(ResectError) -> Graph.Activation {
    let most = try number("max_value")
    let slope = try number("negative_slope") ?? 0
    let threshold = try number("threshold") ?? 0
    switch (most, slope, threshold) {
    case (nil, 0, 0): return .relu
    case (6, 0, 0): return .relu6
    case (1, 0, 0): return .hardSigmoid(slope: 1, offset: 0)
    case (nil, _, 0): return .leakyReLU(slope: slope)
    default:
      throw unsupported(
        "a ReLU with max_value \(most.map { "\($0)" } ?? "none"), negative_slope \(slope) and threshold \(threshold) is not supported"
      )
    }
  }
}

/// An activation as Keras names it.
enum KerasActivation {
  /// None.
  case linear
  case function(Graph.Activation)
}

/// The version of Keras that wrote a file, as far as it matters.
struct KerasVersion {
  /// 3 for what is not known: files say it since Keras 1.2.
  let major: Int

  /// By a text such as `3.15.1`.
  init(_ text: String?) { major = text.flatMap { Int($0.prefix { $0 != "." }) } ?? 3 }
}
