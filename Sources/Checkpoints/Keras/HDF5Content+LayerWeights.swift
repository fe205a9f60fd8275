public import ResectBytes
public import ResectHDF5
internal import ResectTensors

/// What a legacy Keras file says of one layer: which datasets are its weights, in order.
public struct LayerWeights: Sendable {
  /// A weight and where it is.
  public struct Weight: Sendable {
    /// Its name, as `weight_names` gives it.
    public let name: String
    /// Its dataset, which holds numbers.
    public let dataset: HDF5Dataset
  }

  /// The layer's name.
  public let layer: String
  /// Its weights; often none.
  public let weights: [Weight]
}

extension HDF5Content {
  /// The weights by layer, as Keras wrote them before version 3, and still does to `.h5`: the attribute `layer_names`, of
  /// the root or of `model_weights`, names groups, and `weight_names` of each names its datasets. Nil where there is no
  /// `layer_names`.
  ///
  /// Throws where a layer or a weight that is named is not there, is no array of numbers, or lies elsewhere, and where a layer is
  /// named twice.
  /// Source: Keras' `legacy_h5_format.py`.
  public func layerWeights() throws(ResectError) -> [LayerWeights]? {
    for base in ["model_weights", ""] {
      guard let group = index.group(at: base), let layers = try names("layer_names", of: group) else {
        continue
      }
      var result: [LayerWeights] = []
      var known: Set<String> = []
      var count = 0
      for layer in layers {
        guard known.insert(layer).inserted else {
          throw ResectError(.malformed, "layer_names names a layer twice", tensor: layer)
        }
        result.append(try weights(of: layer, in: base))
        // Links may lead to the same weights by many names.
        count += result[result.count - 1].weights.count
        guard count <= Limits.tensors else {
          throw ResectError(.limit, "the layers have more than \(Limits.tensors) weights")
        }
      }
      return result
    }
    return nil
  }

  private func weights(of layer: String, in base: String) throws(ResectError) -> LayerWeights {
    let path = base.isEmpty ? layer : "\(base)/\(layer)"
    guard leadsInside(layer), let group = index.group(at: path) else {
      throw ResectError(
        .malformed, "layer_names names a layer that has no group of its own", tensor: layer)
    }
    guard let names = try names("weight_names", of: group) else {
      throw ResectError(.malformed, "the layer's group has no weight_names", tensor: path)
    }
    guard names.count <= Limits.tensors else {
      throw ResectError(.limit, "the layer has more than \(Limits.tensors) weights", tensor: path)
    }
    var weights: [LayerWeights.Weight] = []
    for name in names {
      let place = "\(path)/\(name)"
      guard leadsInside(name), let dataset = index.dataset(at: place) else {
        throw ResectError(
          .malformed, "weight_names names a weight that is no dataset of its layer", tensor: place)
      }
      guard let dtype = dataset.number?.dtype, dtype.componentCount == 1 else {
        throw ResectError(
          .unsupported, "expected numbers, found \(dataset.whyNotNumeric ?? "complex numbers")",
          tensor: place)
      }
      weights.append(LayerWeights.Weight(name: name, dataset: dataset))
    }
    return LayerWeights(layer: layer, weights: weights)
  }

  private func leadsInside(_ name: String) -> Bool {
    !name.hasPrefix("/") && !name.split(separator: "/").contains("..")
  }

  /// The attribute `name`, which Keras splits into `name0`, `name1` and so on where it is large.
  private func names(_ name: String, of group: HDF5Group) throws(ResectError) -> [String]? {
    var parts: [HDF5Value] = []
    if let whole = group[name] {
      parts = [whole]
    } else {
      let values = Dictionary(group.attributes.map { ($0.name, $0.value) }) { first, _ in first }
      while let part = values["\(name)\(parts.count)"] { parts.append(part) }
    }
    guard !parts.isEmpty else { return nil }
    var names: [String] = []
    for part in parts {
      guard let strings = part.strings else {
        throw ResectError(.malformed, "the attribute \(name) is no list of names", tensor: group.path)
      }
      names += strings
    }
    return names
  }
}
