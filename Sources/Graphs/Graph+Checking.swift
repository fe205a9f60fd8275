internal import ResectBytes

extension Graph {
  /// Refuses what could not be run in the order of the nodes.
  func check() throws(ResectError) {
    guard nodes.count <= Limits.graphNodes else {
      throw ResectError(.limit, "the network has \(nodes.count) operations, at most \(Limits.graphNodes) are taken")
    }
    guard input.channels > 0 else {
      throw ResectError(.malformed, "the network takes \(input.channels) channels", tensor: input.name)
    }
    var names: Set<String> = [input.name]
    for (position, node) in nodes.enumerated() {
      guard names.insert(node.name).inserted else {
        throw ResectError(.malformed, "two operations have one name", tensor: node.name)
      }
      guard node.operation.arity ~= node.inputs.count else {
        throw ResectError(
          .malformed, "the \(node.operation.word) takes \(node.inputs.count) values", tensor: node.name)
      }
      guard node.inputs.allSatisfy({ 0...position ~= $0 }) else {
        throw ResectError(.malformed, "the operation takes a value that is not computed before it", tensor: node.name)
      }
    }
    guard !outputs.isEmpty, Set(outputs.map(\.name)).count == outputs.count else {
      throw ResectError(.malformed, "the network has \(outputs.isEmpty ? "no output" : "two outputs of one name")")
    }
    guard let stray = (outputs.map(\.value) + [features ?? 0]).first(where: { !(0...nodes.count ~= $0) }) else {
      return
    }
    throw ResectError(.malformed, "the network gives the value \(stray), and computes \(nodes.count)")
  }
}
