internal import Resect

/// What `inspect` shows of a graph that is no ResNet: its layers, what they make of an image, and what that takes.
struct GraphOverview {
  private let graph: Graph
  /// Height and width of the image; absent where the graph takes features.
  private let size: (height: Int, width: Int)?
  private let costs: Result<Graph.Costs, ResectError>

  /// Where neither the caller nor the graph says how large images are.
  private static let usualSize = 224

  /// Of images of `size`, of the size that the graph fixes, or of a usual one.
  init(_ graph: Graph, size: ImageSize?) {
    self.graph = graph
    switch graph.input.kind {
    case .image(_, let height, let width):
      self.size = (
        size?.height ?? height ?? GraphOverview.usualSize, size?.width ?? width ?? GraphOverview.usualSize
      )
    case .features: self.size = nil
    }
    let (height, width) = self.size ?? (1, 1)
    costs = Result { () throws(ResectError) in try graph.costs(height: height, width: width) }
  }

  /// What goes in and what comes out, in a few lines.
  var lines: [String] {
    var lines: [String] = []
    switch graph.input.kind {
    case .image(let channels, let height, let width):
      let fixed = [height, width].compactMap(\.self)
      lines.append(
        "\(graph.nodes.count.grouped) operations on images of \(channels) channel\(channels == 1 ? "" : "s"), "
          + (fixed.count == 2 ? "\(fixed[0])×\(fixed[1])" : "of any size"))
    case .features(let count):
      lines.append("\(graph.nodes.count.grouped) operations on \(count.grouped) features")
    }
    let outputs = graph.outputs.map { output in
      let shape = shape(of: output.value).map { " (\($0))" } ?? ""
      return "\(output.name) of \(graph.name(of: output.value).printable(limit: 80))\(shape)"
    }
    lines.append("gives " + outputs.joined(separator: ", "))
    if let features = graph.features, graph.computesLogits {
      let shape = shape(of: features).map { " (\($0))" } ?? ""
      lines.append("features: \(graph.name(of: features).printable(limit: 80))\(shape)")
    }
    if let sizeText {
      switch costs {
      case .success(let costs):
        lines.append(
          "at \(sizeText): \(costs.total.multiplyAdds.grouped) multiply-adds, activations of \(costs.total.activationBytes.asBytes), at most \(costs.peakActivationBytes.asBytes) at a time"
        )
      case .failure(let error):
        let place = error.tensor.map { "\($0.printable(limit: 120)): " } ?? ""
        lines.append("at \(sizeText) it computes nothing: \(place)\(error.message.printable(limit: 300))")
      }
    }
    return lines
  }

  /// A line a layer.
  var table: String {
    guard case .success(let costs) = costs else {
      var table = Table(["layer": .left, "operation": .left, "parameters": .right])
      for node in graph.nodes {
        let parameters = node.operation.parameterCount
        table.add(node.name.printable(limit: 80), node.operation.word, parameters == 0 ? "" : parameters.grouped)
      }
      return table.text
    }
    var table = Table([
      "layer": .left, "operation": .left, "shape": .left, "parameters": .right, "multiply-adds": .right,
    ])
    func cell(_ count: Int) -> String { count == 0 ? "" : count.grouped }
    for node in costs.nodes {
      table.add(
        node.name.printable(limit: 80), node.operation, node.shape.description, cell(node.amounts.parameters),
        cell(node.amounts.multiplyAdds))
    }
    return table.text
  }

  /// For programs.
  var json: JSON {
    let costs = try? self.costs.get()
    let nodes = graph.nodes.enumerated().map { position, node -> JSON in
      let cost = costs?.nodes[position]
      return .object([
        "name": .string(node.name), "operation": .string(node.operation.word),
        "inputs": .array(node.inputs.map { .string(graph.name(of: $0)) }),
        "shape": cost.map { .array($0.shape.axes.map { .integer($0) }) },
        "parameters": .integer(node.operation.parameterCount),
        "multiplyAdds": cost.map { .integer($0.amounts.multiplyAdds) },
        "flops": cost.map { .integer($0.amounts.flops) },
      ])
    }
    var input: JSON
    switch graph.input.kind {
    case .image(let channels, let height, let width):
      input = .object([
        "name": .string(graph.input.name), "channels": .integer(channels), "height": height.map { .integer($0) },
        "width": width.map { .integer($0) },
      ])
    case .features(let count): input = .object(["name": .string(graph.input.name), "features": .integer(count)])
    }
    var failure: JSON?
    if case .failure(let error) = self.costs { failure = .string(error.description) }
    return .object([
      "input": input,
      "height": size.map { .integer($0.height) }, "width": size.map { .integer($0.width) },
      "whyNoShapes": failure,
      "outputs": .array(
        graph.outputs.map { .object(["name": .string($0.name), "of": .string(graph.name(of: $0.value))]) }),
      "features": graph.features.map { .string(graph.name(of: $0)) },
      "multiplyAdds": costs.map { .integer($0.total.multiplyAdds) },
      "flops": costs.map { .integer($0.total.flops) },
      "activationBytes": costs.map { .integer($0.total.activationBytes) },
      "peakActivationBytes": costs.map { .integer($0.peakActivationBytes) },
      "nodes": .array(nodes),
    ])
  }

  private var sizeText: String? { size.map { "\($0.height)×\($0.width)" } }

  private func shape(of value: Graph.ValueID) -> Graph.ValueShape? {
    guard value > 0, case .success(let costs) = costs else { return nil }
    return costs.nodes[value - 1].shape
  }
}

extension Graph.Operation {
  /// Elements that are trained.
  fileprivate var parameterCount: Int {
    tensors.reduce(0) { $0 + ($1.isTrained ? $1.tensor.shape.elementCount : 0) }
  }
}
