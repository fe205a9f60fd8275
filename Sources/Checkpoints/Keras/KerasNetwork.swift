internal import ResectBytes

/// A network as layers of Keras, each with what it takes and its weights: what an archive is made of.
///
/// Settings that are Keras' defaults are left out. Source: Keras' `src/models/functional.py`.
package struct KerasNetwork {
  /// A layer, or an operation that Keras has no layer for.
  struct Layer {
    let className: String
    /// The module of Keras that has the class.
    let module: String
    let name: String
    let settings: [JSON.Member]
    /// The positions of the layers that it takes.
    let inputs: [Int]
    /// What an operation takes beside those.
    let arguments: [JSON]
    let weights: KerasLayerWeights?

    /// Where the classes of layers are.
    static let layersModule = "keras.layers"
  }

  /// Where a node of the graph is among the layers.
  package struct Place: Sendable {
    /// The layer that has its weights, if it has any.
    package let layer: String
    /// The layer whose result is the node's.
    package let result: String
  }

  private let name: String
  /// Where the nodes of the graph are, by name.
  package let places: [String: Place]
  /// Each behind those that it takes; the first is the input.
  private let layers: [Layer]
  /// The position of the layer whose result is the network's.
  private let output: Int
  /// The positions in the order of the model's.
  private let order: [Int]

  /// A network of `layers`, each behind those that it takes.
  init(name: String, layers: [Layer], output: Int, places: [String: Place]) {
    self.name = name
    self.places = places
    self.layers = layers
    self.output = output
    order = KerasNetwork.order(of: layers, output: output)
  }

  /// The layers that have weights, in the order of the model's.
  package var weights: [KerasLayerWeights] { order.compactMap { layers[$0].weights } }

  /// `config.json` of a `.keras` archive.
  package var configuration: String {
    let model = JSON.object([
      "module": .string("keras.src.models.functional"), "class_name": .string("Functional"),
      "config": .object([
        "name": .string(name), "trainable": .bool(true),
        "layers": .array(order.map { description(of: layers[$0]) }),
        "input_layers": .array([.string(layers[0].name), .integer(0), .integer(0)]),
        "output_layers": .array([.string(layers[output].name), .integer(0), .integer(0)]),
      ]),
      "registered_name": .string("Functional"),
    ])
    return String(decoding: model.compact, as: UTF8.self)
  }

  /// The layers in the order of the model's, which numbers the weights of Keras 3: those that are farther from the result come first,
  /// and of equally far ones those that a walk from the result to the image meets first.
  private static func order(of layers: [Layer], output: Int) -> [Int] {
    var depths = [Int](repeating: 0, count: layers.count)
    for (position, layer) in layers.enumerated().reversed() {
      for input in layer.inputs { depths[input] = max(depths[input], depths[position] + 1) }
    }
    var turns = [Int?](repeating: nil, count: layers.count)
    var pending = [output]
    var turn = 0
    while let next = pending.popLast() {
      guard turns[next] == nil else { continue }
      turns[next] = turn
      turn += 1
      pending += layers[next].inputs.reversed()
    }
    return layers.indices.sorted { (depths[$1], turns[$0] ?? 0) < (depths[$0], turns[$1] ?? 0) }
  }

  private func description(of layer: Layer) -> JSON {
    let tensors = layer.inputs.map { tensor(layers[$0].name) }
    // Several results are one argument.
    let arguments = (tensors.count > 1 ? [JSON.array(tensors)] : tensors) + layer.arguments
    let node = JSON.object(["args": .array(arguments), "kwargs": .object([JSON.Member]())])
    return .object([
      "module": .string(layer.module), "class_name": .string(layer.className),
      "config": .object([JSON.Member("name", .string(layer.name))] + layer.settings),
      "registered_name": layer.module == Layer.layersModule ? .null : .string(layer.className),
      "name": .string(layer.name), "inbound_nodes": .array(arguments.isEmpty ? [] : [node]),
    ])
  }

  /// The result of a layer. Keras wants a shape here, and does not use it.
  private func tensor(_ name: String) -> JSON {
    .object([
      "class_name": .string("__keras_tensor__"),
      "config": .object([
        "shape": .array([.null]), "dtype": .string("float32"),
        "keras_history": .array([.string(name), .integer(0), .integer(0)]),
      ]),
    ])
  }
}
