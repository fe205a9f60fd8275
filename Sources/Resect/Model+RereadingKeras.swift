internal import ResectBytes
internal import ResectGraphs

extension Model {
  /// Compares the graph that a stranger takes from an archive of Keras with the one that its layers were made of: what each node makes
  /// has the same shape, and each of its tensors and numbers is there.
  func compareLayers(
    _ file: borrowing OutputFile, _ storage: Storage, certifies: Bool
  ) throws(ResectError) -> Rereading {
    let application = try kerasApplication(for: .keras, storage)
    guard let found = try Checkpoint(file.reopened(as: "output")).keras?.get().graph() else {
      throw ResectError(.notProved, "it describes no layers")
    }
    try compareShapes(of: application, found)
    let nodes = Dictionary(found.nodes.map { ($0.name, $0) }) { first, _ in first }
    var pairs: [Pair] = []
    for node in application.graph.nodes {
      // What the result does not need is not written.
      guard let place = application.network.places[node.name] else { continue }
      if case .batchNorm(let norm) = node.operation, nodes[place.layer]?.epsilon != norm.epsilon {
        throw ResectError(.notProved, "the layer adds another number to the variance", tensor: node.name)
      }
      for (role, tensor, _) in node.operation.tensors {
        let name = "\(node.name).\(role)"
        guard let written = nodes[place.layer]?.tensor(role, insteadOf: tensor) else {
          throw ResectError(.notProved, "this tensor is missing", tensor: name)
        }
        pairs.append(pair(name, tensor, written, storage))
      }
    }
    return try compare(pairs, certifies: certifies)
  }

  /// Refuses layers whose results differ in shape, for an image of the size that the network takes or else of a common one.
  private func compareShapes(of application: KerasApplication, _ found: Graph) throws(ResectError) {
    var (height, width) = (224, 224)
    if case .image(_, let rows, let columns) = application.graph.input.kind {
      (height, width) = (rows ?? height, columns ?? width)
    }
    // Which sizes other networks take is unknown.
    guard let expected = try? application.graph.shapes(height: height, width: width) else { return }
    let shapes = try found.shapes(height: height, width: width)
    var values: [String: Graph.ValueID] = [:]
    for (position, node) in found.nodes.enumerated() { values[node.name] = position + 1 }
    for (node, shape) in zip(application.graph.nodes, expected.dropFirst()) {
      guard let place = application.network.places[node.name] else { continue }
      guard let value = values[place.result], shapes[value] == shape else {
        let made = values[place.result].map { "\(shapes[$0])" } ?? "nothing"
        throw ResectError(.notProved, "the layer makes \(made), not \(shape)", tensor: node.name)
      }
    }
  }
}

extension Graph.Node {
  /// What is added to the variance; absent where nothing is normalised.
  fileprivate var epsilon: Double? {
    guard case .batchNorm(let norm) = operation else { return nil }
    return norm.epsilon
  }

  /// The tensor of a role, in the place of `planned`; settings of a layer are in double precision what they were before.
  fileprivate func tensor(_ role: String, insteadOf planned: LazyTensor) -> LazyTensor? {
    let written = operation.tensors.first { $0.role == role }?.tensor
    guard case .scaleShift = operation else { return written }
    // A factor of 1 and a term of 0 need not be said.
    let neutral = LazyTensor(
      values: [Double](repeating: role == "weight" ? 1 : 0, count: planned.shape.elementCount), dtype: .float64)
    return (written ?? neutral).rounded(to: planned.dtype)
  }
}
