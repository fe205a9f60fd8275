public import ResectBytes
package import ResectGraphs
internal import ResectHDF5
public import ResectTensors

/// A model that Keras wrote, whichever the container: its weights by layer, laid out as torch has them, and its graph where the
/// file describes it.
///
/// Kernels, which Keras keeps as height × width × inputs × outputs, become outputs × inputs × height × width; matrices are
/// transposed. Which layout a file has, its format says, and never a shape.
public struct KerasModel: Sendable {
  /// A weight in torch's layout.
  public struct Weight: Sendable {
    /// Its layer's name.
    let layer: String
    /// What it is to its layer.
    let role: KerasLayer.WeightRole
    /// The path of its dataset; absent where Keras leaves it out because it is constant.
    public let path: String?
    /// The weight.
    public let tensor: LazyTensor

    /// Its layer's name and torch's name for it, as `conv1_conv.weight`.
    public var name: String { "\(layer).\(role.torchName)" }

    /// Whether it is a statistic of a batch-norm, which is not trained.
    var isBuffer: Bool { role == .movingMean || role == .movingVariance }
  }

  /// The weights, by layer in the order of the graph or, without one, of the file.
  public let weights: [Weight]
  /// The layers, each after those that it takes; empty where the file does not describe them.
  let layers: [KerasLayer]
  /// The position of the layer whose result is the model's.
  let output: Int
  /// The version of Keras that wrote the file.
  let kerasVersion: KerasVersion
  /// Datasets that are no weights of the model's layers, and why.
  public let ignored: [Checkpoint.Ignored]
  /// What a person should know.
  public let warnings: [String]

  /// What the model computes, with its weights, where the file describes it.
  ///
  /// Throws, with the layer's name, what is not supported, contradicts the weights or cannot be.
  package func graph() throws(ResectError) -> Graph? {
    guard let graph = try KerasGraphReader.graph(of: self) else { return nil }
    // Of images of any size, that layers fit each other shows when the graph runs.
    if case .image(_, let height?, let width?) = graph.input.kind { _ = try graph.shapes(height: height, width: width) }
    return graph
  }

  /// The weights that are no tensors of `graph`, and why.
  package func ignored(beside graph: Graph) -> [Checkpoint.Ignored] {
    let used = Set(graph.parameters.map(\.name))
    let classes = Dictionary(layers.map { ($0.name, $0.className) }) { first, _ in first }
    return weights.filter { $0.path != nil && !used.contains($0.name) }.map { weight in
      .init(
        name: weight.name,
        reason: classes[weight.layer] == "Normalization"
          ? "its numbers normalise the network's input, and the architecture has them"
          : "the model's result does not depend on it")
    }
  }
}

extension HDF5Content {
  /// The content as a model of Keras, or why it is not understood; nil for any other tree of arrays.
  ///
  /// Throws where weights that are named are missing or no numbers, and where the settings of a layer contradict its weights. What
  /// is only not understood hinders nobody from reading the arrays.
  /// Source: Keras' `legacy_h5_format.py` and `saving_lib.py`.
  public func kerasModel() throws(ResectError) -> Result<KerasModel, ResectError>? {
    let legacy = try layerWeights()
    guard legacy != nil || configuration != nil || hasNumberedLayers else { return nil }
    do throws(ResectError) {
      return .success(try kerasModel(legacy))
    } catch {
      guard error.code != .mismatch else { throw error }
      return .failure(error)
    }
  }

  private func kerasModel(_ legacy: [LayerWeights]?) throws(ResectError) -> KerasModel {
    let description = try configuration.map { text throws(ResectError) in try KerasConfiguration(text) }
    let stored =
      if let legacy {
        try StoredLayer.legacy(legacy, layers: description?.layers ?? [])
      } else {
        try numberedLayers(of: description?.layers)
      }
    return try KerasModel(
      stored, description, layout: KernelLayout(self, description?.layers ?? []), of: self)
  }
}

/// A layer and the datasets that are its weights.
struct StoredLayer {
  let name: String
  /// Its class, where the file tells.
  let className: String?
  var weights: [(role: KerasLayer.WeightRole, dataset: HDF5Dataset)]
}

extension KerasModel {
  fileprivate init(
    _ stored: [StoredLayer], _ description: KerasConfiguration?, layout: KernelLayout, of content: HDF5Content
  ) throws(ResectError) {
    layers = description?.layers ?? []
    output = description?.output ?? 0
    kerasVersion = KerasVersion(content.kerasVersion)
    var byName: [String: KerasLayer] = [:]
    for layer in layers {
      guard byName.updateValue(layer, forKey: layer.name) == nil else {
        throw ResectError(.unsupported, "two layers of models within each other have one name", tensor: layer.name)
      }
    }
    var weights: [Weight] = []
    var used: Set<String> = []
    var constants = 0
    for layer in stored {
      let known = byName.removeValue(forKey: layer.name)
      if let known {
        try known.check(layer.weights.map { (known.role($0.role), $0.dataset.axes ?? []) })
      } else if description != nil, !layer.weights.isEmpty {
        throw ResectError(
          .mismatch, "the file has weights of a layer that its model does not have", tensor: layer.name)
      }
      for (word, dataset) in layer.weights {
        let role = known?.role(word) ?? word
        guard let tensor = try content.file.tensor(dataset) else {
          throw ResectError(
            .unsupported, "expected numbers, found \(dataset.whyNotNumeric ?? "nothing")", tensor: dataset.path)
        }
        used.insert(dataset.path)
        weights.append(
          Weight(
            layer: layer.name, role: role, path: dataset.path,
            tensor: try layout.torch(tensor, role, at: dataset.path)))
      }
      let added = KerasModel.constants(of: layer)
      weights += added
      constants += added.count
    }
    if let missing = byName.values.filter({ !($0.promisedRoles ?? []).isEmpty }).map(\.name).min() {
      throw ResectError(.mismatch, "the file has no weights of a layer that its model has", tensor: missing)
    }
    self.weights = weights
    ignored = KerasModel.ignored(
      content.index.datasets.lazy.filter { $0.number != nil && !used.contains($0.path) }.map(\.path))
    warnings =
      constants == 0
      ? []
      : [
        "batch-norms have no scale or no shift (scale=False, center=False): \(constants) vectors of ones or zeros take their places, which computes the same"
      ]
  }

  /// A batch-norm without a scale has one of ones, and without a shift one of zeros.
  private static func constants(of layer: StoredLayer) -> [Weight] {
    let roles = layer.weights.map(\.role)
    guard let mean = layer.weights.first(where: { $0.role == .movingMean }), let count = mean.dataset.axes?.first,
      count <= 1 << 20, let dtype = mean.dataset.number?.dtype
    else { return [] }
    return [(KerasLayer.WeightRole.gamma, 1.0), (.beta, 0.0)].filter { !roles.contains($0.0) }.map { role, value in
      Weight(
        layer: layer.name, role: role, path: nil,
        tensor: LazyTensor(values: [Double](repeating: value, count: Int(count)), dtype: dtype))
    }
  }

  /// Datasets that are no weights, the optimizer's as one: they are as many as the weights, and more.
  private static func ignored(_ paths: some Sequence<String>) -> [Checkpoint.Ignored] {
    var ignored: [Checkpoint.Ignored] = []
    var optimizers: [String: Int] = [:]
    for path in paths {
      let top = path.prefix { $0 != "/" }
      if top == "optimizer" || top == "optimizer_weights" {
        optimizers[String(top), default: 0] += 1
      } else {
        let isRandom = path.contains("seed_generator")
        ignored.append(
          .init(name: path, reason: isRandom ? "the state of random numbers" : "no weight of a layer of the model"))
      }
    }
    return optimizers.sorted { $0.key < $1.key }.map {
      .init(name: $0.key, reason: "the optimizer's \($0.value) arrays")
    } + ignored
  }
}

extension KerasLayer {
  /// Refuses weights that the settings contradict: their number, and the shapes of kernels.
  fileprivate func check(_ weights: [(role: WeightRole, axes: [UInt64])]) throws(ResectError) {
    func refusal(_ what: String) -> ResectError {
      ResectError(.mismatch, "the model's configuration contradicts the weights: \(what)", tensor: name)
    }
    guard let promised = promisedRoles else { return }
    guard Set(promised) == Set(weights.map(\.role)) else {
      let words = promised.map(\.word).joined(separator: ", ")
      let found = weights.map(\.role.word).joined(separator: ", ")
      throw refusal("\(className) has \(words), the file holds \(found.isEmpty ? "nothing" : found)")
    }
    let kinds: [WeightRole] = [.kernel, .depthwiseKernel, .separableDepthwiseKernel]
    guard let (role, kernel) = weights.first(where: { kinds.contains($0.role) }) else { return }
    // Keras 1 has other words for kernels, and other layouts.
    let setting = role == .kernel ? settings["filters"] ?? settings["units"] : settings["depth_multiplier"]
    guard let outputs = setting?.integer else { return }
    let expected = (settings["kernel_size"]?.elements ?? []).map(\.integer)
    let found = kernel.map { Int64(exactly: $0) }
    guard found.last == outputs, expected.isEmpty || Array(found.prefix(2)) == expected else {
      let sizes = expected.map { $0.map(String.init) ?? "?" } + ["inputs", String(outputs)]
      throw refusal(
        "expected a kernel of \(sizes.suffix(expected.isEmpty ? 2 : 4).joined(separator: " × ")), found \(kernel)")
    }
  }
}

extension KerasLayer.WeightRole {
  /// Keras' word for it.
  var word: String {
    switch self {
    case .kernel: "kernel"
    case .depthwiseKernel, .separableDepthwiseKernel: "depthwise_kernel"
    case .pointwiseKernel: "pointwise_kernel"
    case .alpha: "alpha"
    case .bias: "bias"
    case .gamma: "gamma"
    case .beta: "beta"
    case .movingMean: "moving_mean"
    case .movingVariance: "moving_variance"
    case .other(let word): word
    }
  }
}
