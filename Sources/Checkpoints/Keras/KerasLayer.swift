public import ResectBytes

/// A layer of a model that Keras describes: its class, its settings and what it takes.
public struct KerasLayer: Sendable {
  /// Its name, which no other layer of the model has.
  public let name: String
  /// Its class, as `Conv2D`.
  public let className: String
  /// Its settings, by Keras' names.
  public let settings: JSON
  /// The positions of the layers whose results it takes.
  public internal(set) var inputs: [Int]
  /// How it is called: what it takes and the constants beside that, as the description has it; null where that says nothing.
  public let call: JSON
  /// Where Keras 3 keeps its weights.
  let group: String
}

extension KerasLayer {
  /// What a layer's weight is.
  enum WeightRole: Sendable, Hashable {
    case kernel
    case bias
    case gamma
    case beta
    case movingMean
    case movingVariance
    /// Something that no layer of a ResNet has.
    case other(String)

    /// By the word that ends a weight's name, from Keras 1 on.
    ///
    /// Keras 1 calls the variance `running_std`, and uses it as a variance.
    init(word: String) {
      self =
        switch word {
        case "kernel", "W": .kernel
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
      case .kernel, .gamma: "weight"
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
    case "Conv2D", "Convolution2D", "Dense":
      let hasBias = settings["use_bias"]?.bool ?? settings["bias"]?.bool ?? true
      return hasBias ? [.kernel, .bias] : [.kernel]
    case "BatchNormalization", "Normalization":
      return KerasLayer.roles(className: className, settings: settings, count: 4)
    default: return nil
    }
  }
}

extension JSON {
  /// Whether these settings of a layer that normalises by fixed numbers leave those to its weights.
  fileprivate var keepsMoments: Bool { (self["mean"] ?? .null) == .null }
}
