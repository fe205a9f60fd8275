internal import ResectBytes
internal import ResectHDF5

extension HDF5Content {
  // Keras 2.12 to 2.15 called the layers of a functional model otherwise.
  private static let roots = ["layers", "_layer_checkpoint_dependencies"]

  /// Whether there are layers whose weights have numbers for names.
  var hasNumberedLayers: Bool { HDF5Content.roots.contains { index.group(at: $0) != nil } }

  /// The layers of a file of Keras 3, whose weights are numbered: `layers/conv2d_3/vars/0`.
  ///
  /// With the model's description, a layer's group follows from its class and order. Without it, the group says its name since
  /// Keras 3.6; before, the group's own name has to do.
  func numberedLayers(of layers: [KerasLayer]?) throws(ResectError) -> [StoredLayer] {
    guard let layers else { return try undescribedLayers() }
    let root = HDF5Content.roots.first { index.group(at: $0) != nil } ?? "layers"
    let numbered = self.numbered
    var stored: [StoredLayer] = []
    for layer in layers {
      let group = root == "layers" ? layer.group : layer.group.replacing("layers/", with: root + "/")
      let datasets = numbered[group] ?? []
      if let name = index.group(at: "\(group)/vars")?["name"]?.string, !datasets.isEmpty, name != layer.name {
        throw ResectError(
          .mismatch,
          "the model's configuration contradicts the weights: the weights of \(layer.name) should be here, found those of \(name)",
          tensor: group)
      }
      stored.append(
        try StoredLayer(
          name: layer.name, className: layer.className, settings: layer.settings, datasets: datasets))
    }
    return stored
  }

  /// By group, the datasets in its `vars`, in the order of their numbers.
  private var numbered: [String: [HDF5Dataset]] {
    var groups: [String: [(number: Int, dataset: HDF5Dataset)]] = [:]
    for dataset in index.datasets {
      let parts = dataset.path.split(separator: "/")
      guard parts.count > 2, parts[parts.count - 2] == "vars", let number = Int(parts[parts.count - 1]) else {
        continue
      }
      groups[parts.dropLast(2).joined(separator: "/"), default: []].append((number, dataset))
    }
    return groups.mapValues { $0.sorted { $0.number < $1.number }.map(\.dataset) }
  }

  private func undescribedLayers() throws(ResectError) -> [StoredLayer] {
    var found: [(className: String, number: Int, layer: StoredLayer)] = []
    for (group, datasets) in numbered.sorted(by: { $0.key < $1.key })
    where !group.hasPrefix("optimizer") && !group.isEmpty {
      guard let last = group.split(separator: "/").last, last != "seed_generator" else { continue }
      let (className, number) = classAndNumber(String(last))
      let name = index.group(at: "\(group)/vars")?["name"]?.string ?? String(last)
      let layer = try StoredLayer(name: name, className: className, settings: nil, datasets: datasets)
      found.append((className, number, layer))
    }
    let names = found.map(\.layer.name)
    guard Set(names).count == names.count else {
      throw ResectError(.unsupported, "two layers of models within each other have one name")
    }
    // Layers of models within each other may have one number: then they stay in the order of their groups.
    return found.enumerated().sorted {
      ($0.element.className, $0.element.number, $0.offset) < ($1.element.className, $1.element.number, $1.offset)
    }.map(\.element.layer)
  }

  /// `conv2d_3` is the fourth `Conv2D`.
  private func classAndNumber(_ group: String) -> (className: String, number: Int) {
    var base = group[...]
    var number = 0
    if let underscore = group.lastIndex(of: "_"), let suffix = Int(group[group.index(after: underscore)...]) {
      (base, number) = (group[..<underscore], suffix)
    }
    let classes = [
      "conv2d": "Conv2D", "depthwise_conv2d": "DepthwiseConv2D", "separable_conv2d": "SeparableConv2D",
      "dense": "Dense", "batch_normalization": "BatchNormalization", "p_re_lu": "PReLU",
    ]
    return (classes[String(base)] ?? String(base), number)
  }
}

extension StoredLayer {
  /// A layer whose weights have numbers for names.
  fileprivate init(
    name: String, className: String, settings: JSON?, datasets: [HDF5Dataset]
  ) throws(ResectError) {
    self.name = name
    self.className = className
    let roles = KerasLayer.roles(className: className, settings: settings, count: datasets.count)
    if roles == nil, className == "BatchNormalization" {
      throw ResectError(
        .unsupported,
        "a batch-norm has \(datasets.count) weights, and nothing says whether its scale or its shift is missing",
        advice: "save the whole model as .keras", tensor: name)
    }
    // What there is more or less of than the settings promise is reported with the rest.
    weights = datasets.enumerated().map { index, dataset in
      (roles.flatMap { index < $0.count ? $0[index] : nil } ?? .other(String(index)), dataset)
    }
  }
}
