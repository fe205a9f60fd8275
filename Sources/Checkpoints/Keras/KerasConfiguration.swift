internal import ResectBytes

/// The graph of a model as Keras describes it in `model_config` or `config.json`, models within models taken apart.
///
/// Source: `keras/src/models/functional.py` and `sequential.py`, and those of Keras 1 and 2.
struct KerasConfiguration {
  /// The layers, each after those that it takes.
  private(set) var layers: [KerasLayer] = []
  /// The position of the layer whose result is the model's.
  private(set) var output = 0

  private static let modelClasses: Set<String> = ["Functional", "Model", "Sequential"]
  private static let depth = 8

  init(_ text: String) throws(ResectError) {
    let json: JSON
    do throws(ResectError) {
      json = try JSON(parsing: Array(text.utf8))
    } catch {
      throw ResectError(.malformed, "the model's configuration is damaged: \(error.message)")
    }
    output = try add(model: json, inputs: [], group: "", depth: 0)
    try sortLayers()
  }

  private static func refusal(_ what: String, layer: String? = nil) -> ResectError {
    ResectError(.malformed, "the model's configuration is damaged: \(what)", tensor: layer)
  }

  /// Adds the layers of a model that takes `inputs`. Returns the position of the layer that gives its result.
  private mutating func add(
    model: JSON, inputs: [Int], group: String, depth: Int
  ) throws(ResectError) -> Int {
    guard depth < KerasConfiguration.depth else {
      throw ResectError(.limit, "models lie more than \(KerasConfiguration.depth) deep in each other")
    }
    guard let className = model["class_name"]?.string, let settings = model["config"] else {
      throw KerasConfiguration.refusal("it names no class and no settings")
    }
    guard KerasConfiguration.modelClasses.contains(className) else {
      throw ResectError(
        .unsupported, "the model is a \(className), whose code alone says how its layers are connected",
        advice: "save it as a functional model")
    }
    // Before Keras 2.2.3, the settings of a sequential model were its layers.
    guard let descriptions = settings["layers"]?.elements ?? settings.elements, !descriptions.isEmpty else {
      throw KerasConfiguration.refusal("the model has no layers")
    }
    guard layers.count + descriptions.count <= Limits.tensors else {
      throw ResectError(.limit, "the model has more than \(Limits.tensors) layers")
    }
    var names = GroupNames(group: group)
    var positions: [String: Int] = [:]
    var pending: [(layer: Int, sources: [String])] = []
    var inputCount = 0
    var previous = inputs.first
    for description in descriptions {
      guard let className = description["class_name"]?.string, let settings = description["config"],
        let name = description["name"]?.string ?? settings["name"]?.string
      else { throw KerasConfiguration.refusal("a layer names no class, no name or no settings") }
      let layerGroup = names.next(className)
      let sources =
        className == "InputLayer" ? [] : try KerasConfiguration.sources(description, layer: name)
      guard positions[name] == nil else { throw KerasConfiguration.refusal("two layers have one name", layer: name) }
      if className == "InputLayer", inputCount < inputs.count {
        positions[name] = inputs[inputCount]
        inputCount += 1
      } else if KerasConfiguration.modelClasses.contains(className) {
        let given = try sources.map { names throws(ResectError) in
          try names.map { source throws(ResectError) in
            guard let position = positions[source] else {
              throw ResectError(
                .unsupported, "the model takes \(source), which is described behind it", tensor: name)
            }
            return position
          }
        }
        positions[name] = try add(
          model: description, inputs: given ?? (previous.map { [$0] } ?? []), group: layerGroup + "/",
          depth: depth + 1)
      } else {
        positions[name] = layers.count
        if let sources {
          pending.append((layers.count, sources))
        }
        layers.append(
          KerasLayer(
            name: name, className: className, settings: settings,
            inputs: sources == nil ? (previous.map { [$0] } ?? []) : [],
            call: description["inbound_nodes"]?.elements?.first ?? .null, group: layerGroup,
            isOwnCode: description["registered_name"]?.string?.contains(">") ?? className.contains(">")))
      }
      previous = positions[name]
    }
    for (layer, sources) in pending {
      for source in sources {
        guard let position = positions[source] else {
          throw KerasConfiguration.refusal("it takes \(source), which is no layer", layer: layers[layer].name)
        }
        layers[layer].inputs.append(position)
      }
    }
    guard let outputs = settings["output_layers"] else { return previous ?? 0 }
    let named = KerasConfiguration.tensors(in: outputs)
    guard named.count == 1 else {
      throw ResectError(.unsupported, "the model has \(named.count) results, one is supported")
    }
    guard let position = positions[named[0]] else {
      throw KerasConfiguration.refusal("its result is \(named[0]), which is no layer")
    }
    return position
  }

  /// The layers that a layer takes, by name; nil where the description leaves that to the order (Sequential).
  private static func sources(_ description: JSON, layer: String) throws(ResectError) -> [String]? {
    guard let calls = description["inbound_nodes"]?.elements else { return nil }
    guard calls.count <= 1 else {
      throw ResectError(
        .unsupported, "the layer is called \(calls.count) times: layers that are shared are not supported",
        tensor: layer)
    }
    guard let call = calls.first else { return [] }
    return tensors(in: call)
  }

  /// The layers whose results a description mentions, in order: `["name", 0, 0]` before Keras 3, then `keras_history` of what is
  /// marked as a tensor.
  private static func tensors(in json: JSON) -> [String] {
    var found: [String] = []
    var pending = [json]
    while let next = pending.popLast() {
      if let elements = next.elements {
        if let name = elements.first?.string, elements.count >= 3, elements[1].integer != nil {
          found.append(name)
          // What the call has beside its first tensor may be tensors too, as in an addition by an operator.
          if elements.count > 3 { pending.append(elements[3]) }
        } else {
          pending += elements.reversed()
        }
      } else if next["class_name"]?.string == "__keras_tensor__" {
        if let name = next["config"]?["keras_history"]?.elements?.first?.string { found.append(name) }
      } else if let members = next.members {
        pending += members.reversed().map(\.value)
      }
    }
    return found
  }

  /// Puts each layer behind those that it takes. Throws where layers take each other in a circle.
  private mutating func sortLayers() throws(ResectError) {
    var takers = [[Int]](repeating: [], count: layers.count)
    var missing = layers.map(\.inputs.count)
    for (position, layer) in layers.enumerated() {
      for input in layer.inputs { takers[input].append(position) }
    }
    var order = layers.indices.filter { missing[$0] == 0 }
    var next = 0
    while next < order.count {
      for taker in takers[order[next]] {
        missing[taker] -= 1
        if missing[taker] == 0 { order.append(taker) }
      }
      next += 1
    }
    guard order.count == layers.count else {
      let name = missing.firstIndex { $0 > 0 }.map { layers[$0].name }
      throw KerasConfiguration.refusal("layers take each other in a circle", layer: name)
    }
    var places = [Int](repeating: 0, count: layers.count)
    for (place, position) in order.enumerated() { places[position] = place }
    layers = order.map { position in
      var layer = layers[position]
      layer.inputs = layer.inputs.map { places[$0] }
      return layer
    }
    output = places[output]
  }
}

/// The groups that Keras 3 gives to the layers of a model: their classes, numbered in the order of the layers.
private struct GroupNames {
  let group: String
  private var counts: [String: Int] = [:]
  /// The few classes of a model's many layers, as Keras 3 writes them.
  private var snakeNames: [String: String] = [:]

  init(group: String) { self.group = group }

  mutating func next(_ className: String) -> String {
    let name = snakeNames[className] ?? className.snakeCase
    snakeNames[className] = name
    let count = counts[name, default: 0]
    counts[name] = count + 1
    return group + "layers/" + (count == 0 ? name : "\(name)_\(count)")
  }
}

extension String {
  /// The name as Keras 3 writes classes: `BatchNormalization` becomes `batch_normalization`, `Conv2D` `conv2d`.
  fileprivate var snakeCase: String {
    let characters = Array(self).filter { $0.isLetter || $0.isNumber || $0 == "_" }
    var snake = ""
    for (index, character) in characters.enumerated() {
      if character.isUppercase, index > 0 {
        let isFollowedByLowercase = index + 1 < characters.count && characters[index + 1].isLowercase
        if isFollowedByLowercase || characters[index - 1].isLowercase { snake += "_" }
      }
      snake += character.lowercased()
    }
    return snake
  }
}
