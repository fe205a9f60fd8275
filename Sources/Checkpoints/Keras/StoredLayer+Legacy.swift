internal import ResectBytes
internal import ResectHDF5

extension StoredLayer {
  /// The layers of a file that lists them by `layer_names`. The layers of a model within the model are told apart by what their
  /// weights' names begin with.
  static func legacy(
    _ groups: [LayerWeights], layers: [KerasLayer]
  ) throws(ResectError) -> [StoredLayer] {
    let known = Set(layers.map(\.name))
    var stored: [StoredLayer] = []
    var roles: [Set<KerasLayer.WeightRole>] = []
    for group in groups {
      let parts = group.weights.map { LegacyName($0.name, group: group.layer) }
      // A layer of this name has all of them, whatever scopes their names show.
      let isOneLayer = known.contains(group.layer) || (known.isEmpty && Set(parts.map(\.layer)).count <= 1)
      var positions: [String: Int] = [:]
      for (part, weight) in zip(parts, group.weights) {
        let name = isOneLayer ? group.layer : part.layer
        let position = positions[name] ?? stored.count
        if position == stored.count {
          positions[name] = position
          stored.append(StoredLayer(name: name, className: nil, weights: []))
          roles.append([])
        }
        let role = KerasLayer.WeightRole(word: part.word)
        guard roles[position].insert(role).inserted else {
          throw ResectError(
            .malformed, "the layer has two weights of one name", tensor: "\(group.layer)/\(weight.name)")
        }
        stored[position].weights.append((role, weight.dataset))
      }
    }
    return stored
  }
}

/// The name of a weight: `res2a/kernel:0`, `kernel`, or Keras 1's `res2a_W:0`.
private struct LegacyName {
  let layer: String
  let word: String

  init(_ name: String, group: String) {
    var parts = name.split(separator: "/").map(String.init)
    var last = parts.popLast() ?? ""
    if let colon = last.lastIndex(of: ":"), Int(last[last.index(after: colon)...]) != nil {
      last = String(last[..<colon])
    }
    if let scope = parts.last {
      (layer, word) = (scope, last)
    } else if last.hasPrefix(group + "_") {
      (layer, word) = (group, String(last.dropFirst(group.count + 1)))
    } else if let first = LegacyName.first(last) {
      (layer, word) = first
    } else {
      (layer, word) = (group, last)
    }
  }

  /// Keras 1's names, where the layer lies in a model within the model.
  private static func first(_ name: String) -> (layer: String, word: String)? {
    for word in ["W", "b", "gamma", "beta", "running_mean", "running_std"] where name.hasSuffix("_\(word)") {
      return (String(name.dropLast(word.count + 1)), word)
    }
    return nil
  }
}
