internal import ResectBytes

/// A layer of a model that Keras describes: its class, its settings and what it takes.
struct KerasLayer: Sendable {
  /// Its name, which no other layer of the model has.
  let name: String
  /// Its class, as `Conv2D`.
  let className: String
  /// Its settings, by Keras' names.
  let settings: JSON
  /// The positions of the layers whose results it takes.
  var inputs: [Int]
  /// How it is called: what it takes and the constants beside that, as the description has it; null where that says nothing.
  let call: JSON
  /// Where Keras 3 keeps its weights.
  let group: String
  /// Whether its class is none of Keras' but one of somebody's own, whose code the file does not have.
  let isOwnCode: Bool
}

extension KerasLayer {
  /// What a layer's weight is.
  enum WeightRole: Sendable, Hashable {
    case kernel
    /// The kernels of a depthwise convolution.
    case depthwiseKernel
    /// The kernels of a separable convolution: the depthwise ones, then those of one pixel.
    case separableDepthwiseKernel
    case pointwiseKernel
    case bias
    case gamma
    case beta
    case movingMean
    case movingVariance
    /// The slopes of a PReLU.
    case alpha
    /// Something that no layer of a graph has.
    case other(String)

    /// By the word that ends a weight's name, from Keras 1 on.
    ///
    /// Keras 1 calls the variance `running_std`, and uses it as a variance.
    init(word: String) {
      self =
        switch word {
        case "kernel", "W": .kernel
        case "depthwise_kernel": .separableDepthwiseKernel
        case "pointwise_kernel": .pointwiseKernel
        case "alpha": .alpha
        case "bias", "b": .bias
        case "gamma": .gamma
        case "beta": .beta
        case "moving_mean", "running_mean": .movingMean
        case "moving_variance", "running_std", "running_var": .movingVariance
        default: .other(word)
        }
    }

    /// What torch calls it.
    var torchName: String {
      switch self {
      case .kernel, .depthwiseKernel, .pointwiseKernel, .gamma, .alpha: "weight"
      case .separableDepthwiseKernel: "depthwise.weight"
      case .bias, .beta: "bias"
      case .movingMean: "running_mean"
      case .movingVariance: "running_var"
      case .other(let word): word
      }
    }
  }

  /// What a layer of this class keeps, in Keras' order; nil where that is not known, or the settings are needed and missing.
  static func roles(className: String, settings: JSON?, count: Int) -> [WeightRole]? {
    switch className {
    case "Conv2D", "Convolution2D", "Dense": return Array([.kernel, .bias].prefix(count))
    case "DepthwiseConv2D": return Array([.depthwiseKernel, .bias].prefix(count))
    case "SeparableConv2D": return Array([.separableDepthwiseKernel, .pointwiseKernel, .bias].prefix(count))
    case "PReLU": return [.alpha]
    case "Normalization":
      return settings?.keepsMoments == true ? [.other("mean"), .other("variance"), .other("count")] : []
    case "BatchNormalization":
      guard let settings else {
        return switch count {
        case 4: [.gamma, .beta, .movingMean, .movingVariance]
        case 2: [.movingMean, .movingVariance]
        default: nil
        }
      }
      let isScaled = settings["scale"]?.bool ?? true
      let isCentered = settings["center"]?.bool ?? true
      return (isScaled ? [.gamma] : []) + (isCentered ? [.beta] : []) + [.movingMean, .movingVariance]
    default: return nil
    }
  }

  /// The weights that the settings promise; nil for a class of which that is not known.
  var promisedRoles: [WeightRole]? {
    switch className {
    case "Conv2D", "Convolution2D", "Dense", "DepthwiseConv2D", "SeparableConv2D":
      let hasBias = settings["use_bias"]?.bool ?? settings["bias"]?.bool ?? true
      let roles = KerasLayer.roles(className: className, settings: settings, count: 4) ?? []
      return hasBias ? roles : roles.filter { $0 != .bias }
    case "BatchNormalization", "Normalization", "PReLU":
      return KerasLayer.roles(className: className, settings: settings, count: 4)
    default: return nil
    }
  }
}

extension KerasLayer {
  /// What a weight is that its file calls `role`: a depthwise convolution's kernel is called as a separable one's or, since Keras 3, as
  /// any other's.
  func role(_ role: WeightRole) -> WeightRole {
    let isKernel = role == .kernel || role == .separableDepthwiseKernel
    return className == "DepthwiseConv2D" && isKernel ? .depthwiseKernel : role
  }
}

extension JSON {
  /// Whether these settings of a layer that normalises by fixed numbers leave those to its weights.
  fileprivate var keepsMoments: Bool { (self["mean"] ?? .null) == .null }
}
