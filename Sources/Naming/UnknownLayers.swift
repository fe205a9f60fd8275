internal import ResectBytes
internal import ResectResNets
internal import ResectTensors

/// The layers that tensors of unknown names form, in the order of the file: what their shapes and the last parts of their names
/// say, whatever comes before.
struct UnknownLayers {
  /// A layer and the names of its tensors.
  struct Layer {
    let name: String
    var tensors: [ParameterPath.Kind: (name: String, axes: [Int])] = [:]

    /// The weight's axes.
    var weight: [Int] { tensors[.weight]?.axes ?? [] }
    /// The elements of a batch-norm's vectors.
    var channels: Int { tensors.values.lazy.compactMap(\.axes.first).first ?? 0 }
    /// For errors.
    var description: String {
      let shape = weight.map(String.init).joined(separator: " × ")
      return "\(tensors[.weight]?.name ?? name) (\(shape))"
    }
  }

  private(set) var convolutions: [Layer] = []
  private(set) var norms: [Layer] = []
  private(set) var linears: [Layer] = []

  /// Words for the tensors of a layer.
  private static let words: [String: ParameterPath.Kind] = [
    "weight": .weight, "w": .weight, "kernel": .weight, "gamma": .weight, "scale": .weight,
    "bias": .bias, "b": .bias, "beta": .bias, "offset": .bias,
    "running_mean": .runningMean, "moving_mean": .runningMean, "mean": .runningMean,
    "running_var": .runningVariance, "moving_variance": .runningVariance,
    "moving_var": .runningVariance, "variance": .runningVariance, "var": .runningVariance,
    "num_batches_tracked": .batchesTracked,
  ]

  /// Groups `tensors` by layer. Throws `ResectError.Code.notAResNet` for a tensor that no layer of a ResNet has.
  init(_ tensors: [NamedTensor]) throws(ResectError) {
    var layers: [Layer] = []
    var positions: [String: Int] = [:]
    for tensor in UnknownLayers.ordered(tensors) {
      let (module, word) = UnknownLayers.parts(of: tensor.name)
      let axes = tensor.tensor.shape.axes
      guard let kind = [2, 4].contains(axes.count) ? .weight : UnknownLayers.words[word] else {
        throw UnknownLayers.refusal("\(tensor.name) says by no known word what it is of its layer")
      }
      let position = positions[module] ?? layers.count
      if position == layers.count {
        positions[module] = position
        layers.append(Layer(name: module))
      }
      guard layers[position].tensors[kind] == nil else {
        throw UnknownLayers.refusal("\(module) has two tensors that could be its \(kind.rawValue)")
      }
      layers[position].tensors[kind] = (tensor.name, axes)
    }
    for layer in layers { try sort(layer) }
    try checkNorms()
    bringStemForward()
  }

  private mutating func sort(_ layer: Layer) throws(ResectError) {
    switch layer.weight.count {
    case 4:
      let isDepthwise = layer.weight[1] == 1 && layer.weight[0] > 1 && layer.weight[2] > 1
      guard !isDepthwise || convolutions.isEmpty else {
        throw UnknownLayers.refusal("\(layer.description) is a depthwise convolution, as MobileNets have")
      }
      convolutions.append(layer)
    case 2: linears.append(layer)
    case 3, 5:
      throw UnknownLayers.refusal(
        "\(layer.description) is a convolution over \(layer.weight.count - 2 == 1 ? "one axis" : "three axes"), a ResNet's are over two"
      )
    case 0, 1:
      guard layer.tensors.values.allSatisfy({ $0.axes.count < 2 }), layer.channels > 0 else {
        throw UnknownLayers.refusal("\(layer.name) has no weight")
      }
      norms.append(layer)
    default: throw UnknownLayers.refusal("\(layer.description) has too many axes")
    }
  }

  /// Batch-norms of a network have the same tensors; what has others is something else.
  private func checkNorms() throws(ResectError) {
    func kinds(_ layer: Layer) -> Set<ParameterPath.Kind> {
      Set(layer.tensors.keys).subtracting([.batchesTracked])
    }
    let common = Dictionary(grouping: norms, by: kinds).max { $0.value.count < $1.value.count }?.key
    if let stranger = norms.first(where: { kinds($0) != common }) {
      throw UnknownLayers.refusal(
        "\(stranger.description) is a vector that no layer of a ResNet has: an activation with parameters, perhaps")
    }
    if let common, common == [.weight] || common == [.bias] {
      throw UnknownLayers.refusal("\(norms[0].description) is a vector of its own, no batch-norm")
    }
  }

  /// Where names are sorted, the stem need not come first: it is the convolution that takes an image.
  private mutating func bringStemForward() {
    let stems = convolutions.indices.filter {
      convolutions[$0].weight[1] <= 4 && convolutions[$0].weight[2] > 1
    }
    guard stems.count == 1, stems[0] > 0 else { return }
    let stem = convolutions.remove(at: stems[0])
    convolutions.insert(stem, at: 0)
    // Its batch-norm was as far back.
    if norms.count > stems[0], norms[stems[0]].channels == stem.weight[0], norms[0].channels != stem.weight[0] {
      norms.insert(norms.remove(at: stems[0]), at: 0)
    }
  }

  /// The file's order or, where that is the alphabet's, which puts 10 before 2, the order of the numbers.
  private static func ordered(_ tensors: [NamedTensor]) -> [NamedTensor] {
    let names = tensors.map { Array($0.name.utf8) }
    let isSorted = zip(names, names.dropFirst()).allSatisfy { $0.lexicographicallyPrecedes($1) }
    guard isSorted else { return tensors }
    return tensors.sorted { $0.name.naturally(precedes: $1.name) }
  }

  private static func parts(of name: String) -> (module: String, word: String) {
    let name = name.hasSuffix(":0") ? String(name.dropLast(2)) : name
    let separator = name.lastIndex { $0 == "." || $0 == "/" } ?? name.lastIndex(of: "_")
    guard let separator else { return (name, name) }
    // Words with underscores may follow an underscore.
    for (word, _) in words where word.contains("_") && name.hasSuffix(word) {
      let module = name.dropLast(word.count)
      return (String(module.last.map { "._/".contains($0) } ?? false ? module.dropLast() : module), word)
    }
    return (String(name[..<separator]), String(name[name.index(after: separator)...]))
  }

  static func refusal(_ what: String) -> ResectError { ResectError(.notAResNet, what) }
}

extension String {
  /// Whether it comes before `other` where runs of digits are compared as numbers.
  fileprivate func naturally(precedes other: String) -> Bool {
    var (one, two) = (utf8[...], other.utf8[...])
    func digits(_ text: Substring.UTF8View) -> Substring.UTF8View { text.prefix { 0x30...0x39 ~= $0 } }
    while let a = one.first, let b = two.first {
      let (left, right) = (digits(one), digits(two))
      if !left.isEmpty, !right.isEmpty {
        if left.count != right.count { return left.count < right.count }
        if !left.elementsEqual(right) { return left.lexicographicallyPrecedes(right) }
        one = one.dropFirst(left.count)
        two = two.dropFirst(right.count)
      } else {
        if a != b { return a < b }
        one = one.dropFirst()
        two = two.dropFirst()
      }
    }
    return one.isEmpty && !two.isEmpty
  }
}
