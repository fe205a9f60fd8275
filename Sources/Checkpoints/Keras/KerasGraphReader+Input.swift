internal import ResectBytes
internal import ResectGraphs
internal import ResectTensors

extension KerasModel {
  /// Which layers the result needs.
  var neededLayers: [Bool] {
    var isNeeded = [Bool](repeating: false, count: layers.count)
    guard isNeeded.indices ~= output else { return isNeeded }
    isNeeded[output] = true
    // Layers stand behind those that they take.
    for position in layers.indices.reversed() where isNeeded[position] {
      let inputs = layers[position].stackedChannels(of: layers).map { [$0.source] } ?? layers[position].inputs
      for input in inputs { isNeeded[input] = true }
    }
    return isNeeded
  }
}

extension KerasGraphReader {
  /// Whether images have their channels first, of which all layers that say it have to be one mind.
  static func isChannelsFirst(_ layers: [KerasLayer]) throws(ResectError) -> Bool {
    var isFirst: Bool?
    // A Flatten says what it turns around, not what it takes.
    for layer in layers where layer.className != "Flatten" {
      guard let here = layer.isChannelsFirst else { continue }
      guard isFirst ?? here == here else {
        func word(_ isFirst: Bool) -> String { isFirst ? "channels_first" : "channels_last" }
        throw layer.unsupported("the layer has data_format \(word(here)), layers before it have \(word(!here))")
      }
      isFirst = here
    }
    return isFirst ?? false
  }

  /// What goes into the model.
  static func input(
    of model: KerasModel, _ weights: [String: [KerasLayer.WeightRole: LazyTensor]], isChannelsFirst: Bool
  ) throws(ResectError) -> Graph.Input {
    let needed = zip(model.layers, model.neededLayers).filter(\.1).map(\.0)
    let inputs = needed.filter { $0.className == "InputLayer" }
    guard inputs.count <= 1 else {
      throw inputs[1].unsupported("the model takes \(inputs.count) inputs, one is supported")
    }
    // The first layer of a sequential model may say itself what it takes.
    guard let layer = inputs.first ?? needed.first(where: { $0.inputs.isEmpty }) else {
      throw ResectError(.malformed, "the model's configuration is damaged: it takes nothing")
    }
    var name = inputs.first?.name ?? "input"
    while inputs.isEmpty, needed.contains(where: { $0.name == name }) { name += "_" }
    let shape = (layer.settings["batch_shape"] ?? layer.settings["batch_input_shape"])?.elements ?? []
    let axes = try shape.map { axis throws(ResectError) -> Int? in
      guard axis != .null else { return nil }
      guard let count = axis.integer, 1...Int64(Limits.imagePixels) ~= count else {
        throw layer.damaged("the input's shape")
      }
      return Int(count)
    }
    switch axes.count {
    case 2:
      guard let count = axes[1] else { throw layer.unsupported("the model takes vectors of an unknown length") }
      return Graph.Input(name: name, .features(count))
    case 0, 4:
      let (channels, height, width) =
        axes.isEmpty ? (nil, nil, nil) : isChannelsFirst ? (axes[1], axes[2], axes[3]) : (axes[3], axes[1], axes[2])
      let convolved = try convolvedChannels(needed, weights)
      guard let channels = channels ?? convolved else {
        throw layer.unsupported("how many channels the model's images have is unknown")
      }
      return Graph.Input(name: name, .image(channels: channels, height: height, width: width))
    default: throw layer.unsupported("the model takes values of \(axes.count - 1) axes, images have three")
    }
  }

  /// The channels that the first convolution takes.
  private static func convolvedChannels(
    _ layers: [KerasLayer], _ weights: [String: [KerasLayer.WeightRole: LazyTensor]]
  ) throws(ResectError) -> Int? {
    for layer in layers {
      guard let kernel = weights[layer.name]?[.kernel], kernel.shape.rank == 4 else { continue }
      let (channels, overflow) = kernel.shape.axes[1].multipliedReportingOverflow(by: try layer.count("groups") ?? 1)
      return overflow ? nil : channels
    }
    return nil
  }
}
