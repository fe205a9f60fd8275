package import ResectBytes
package import ResectTensors

extension Graph {
  /// The graph as JSON, without its tensors; ``init(json:tensors:)`` reads it back. `Docs/NativeFormat.md` says what each member means.
  package var json: JSON {
    .object([
      "input": input.json,
      "nodes": .array(
        nodes.map { node in
          let roles = node.operation.tensors.map { JSON.string($0.role) }
          return .object(
            [
              JSON.Member("name", .string(node.name)),
              JSON.Member("operation", .string(node.operation.word)),
              JSON.Member("inputs", .array(node.inputs.map { .string(name(of: $0)) })),
            ] + (roles.isEmpty ? [] : [JSON.Member("tensors", .array(roles))]) + node.operation.numbers)
        }),
      "outputs": .array(outputs.map { .object(["name": .string($0.name), "of": .string(name(of: $0.value))]) }),
      "features": features.map { .string(name(of: $0)) },
      "constantFeature": appendsConstantFeature ? .bool(true) : nil,
    ])
  }

  /// Reads what ``json`` wrote, with the tensors that its nodes name, each as `NODE.ROLE`.
  ///
  /// Strictly: a member or an operation that is not known would mean another network, so it is refused, and so is a tensor that no node
  /// takes.
  package init(json: JSON, tensors: [String: LazyTensor]) throws(ResectError) {
    var members = try Members(json, of: "the graph")
    let input = try Input(json: try members.take("input"))
    let elements = try members.list("nodes")
    guard elements.count <= Limits.graphNodes else {
      throw ResectError(.limit, "the graph has \(elements.count) nodes, at most \(Limits.graphNodes) are taken")
    }
    var taken = 0
    var nodes: [GraphDescription.Node] = []
    nodes.reserveCapacity(elements.count)
    for element in elements {
      nodes.append(try GraphDescription.Node(json: element, tensors: tensors, taken: &taken))
    }
    var outputs: [(name: String, of: String)] = []
    for element in try members.list("outputs") {
      var output = try Members(element, of: "an output of the graph")
      outputs.append((try output.text("name"), try output.text("of")))
      try output.end()
    }
    let features = try members.optional("features") { members, name throws(ResectError) in try members.text(name) }
    let appendsConstant = try members.optional("constantFeature") { members, name throws(ResectError) in
      try members.flag(name)
    }
    try members.end()
    self = try GraphDescription(input: input, nodes: nodes).graph(
      outputs: outputs, features: features, appendsConstantFeature: appendsConstant ?? false)
    // Names of nodes differ, and so do the roles of one: no tensor is taken twice.
    guard taken < tensors.count else { return }
    let known = Set(parameters.map(\.name))
    throw ResectError(
      .malformed, "no node of the graph takes this tensor", tensor: tensors.keys.filter { !known.contains($0) }.min())
  }
}

extension Graph.Input {
  fileprivate var json: JSON {
    switch kind {
    case .image(let channels, let height, let width):
      .object([
        "name": .string(name), "channels": .integer(channels), "height": height.map { .integer($0) },
        "width": width.map { .integer($0) },
      ])
    case .features(let count): .object(["name": .string(name), "features": .integer(count)])
    }
  }

  fileprivate init(json: JSON) throws(ResectError) {
    var members = try Members(json, of: "the graph's input")
    let name = try members.text("name")
    func size(_ member: String) throws(ResectError) -> Int? {
      try members.optional(member) { members, name throws(ResectError) in try members.count(name) }
    }
    if let count = try size("features") {
      self.init(name: name, .features(count))
    } else {
      self.init(
        name: name,
        .image(channels: try members.count("channels"), height: try size("height"), width: try size("width")))
    }
    try members.end()
  }
}

extension GraphDescription.Node {
  /// A node and the tensors that it names, which are counted.
  fileprivate init(json: JSON, tensors: [String: LazyTensor], taken: inout Int) throws(ResectError) {
    let name = json["name"]?.string
    do throws(ResectError) {
      var members = try Members(json, of: "a node of the graph")
      let name = try members.text("name")
      let word = try members.text("operation")
      let inputs = try members.texts("inputs")
      let roles = try members.optional("tensors") { members, name throws(ResectError) in try members.texts(name) }
      var held: [String: LazyTensor] = [:]
      for role in roles ?? [] {
        guard let tensor = tensors["\(name).\(role)"] else {
          throw ResectError(
            .malformed, "the file has no tensor \(name.printable(limit: 80)).\(role.printable(limit: 80))")
        }
        guard held.updateValue(tensor, forKey: role) == nil else {
          throw ResectError(.malformed, "the node names its \(role.printable(limit: 80)) twice")
        }
      }
      taken += held.count
      let operation = try Graph.Operation(word, &members, &held)
      if let role = held.keys.min() {
        throw ResectError(.malformed, "the \(word) has no place for a \(role.printable(limit: 80))")
      }
      try members.end()
      self.init(name, operation, of: inputs)
    } catch {
      throw error.located(tensor: name)
    }
  }
}
