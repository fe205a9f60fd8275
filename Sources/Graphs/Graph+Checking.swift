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
    if case .image(_, let height, let width) = input.kind,
      let size = [height, width].compactMap(\.self).first(where: { $0 < 1 })
    {
      throw ResectError(.malformed, "the network takes images of \(size) pixels in one direction", tensor: input.name)
    }
    var names: Set<String> = [input.name]
    for (position, node) in nodes.enumerated() {
      guard names.insert(node.name).inserted else {
        throw ResectError(.malformed, "two operations have one name", tensor: node.name)
      }
      guard node.operation.arity ~= node.inputs.count else {
        throw ResectError(
          .malformed, "the \(node.operation.word) takes \(node.operation.arity.words), here \(node.inputs.count)",
          tensor: node.name)
      }
      do throws(ResectError) { try node.operation.check() } catch { throw error.located(tensor: node.name) }
      guard node.inputs.allSatisfy({ 0...position ~= $0 }) else {
        throw ResectError(.malformed, "the operation takes a value that is not computed before it", tensor: node.name)
      }
    }
    guard !outputs.isEmpty else { throw ResectError(.malformed, "the network has no output") }
    var given: Set<String> = []
    if let twice = outputs.first(where: { !given.insert($0.name).inserted }) {
      throw ResectError(.malformed, "two outputs of the network have one name", tensor: twice.name)
    }
    guard let stray = (outputs.map(\.value) + [features ?? 0]).first(where: { !(0...nodes.count ~= $0) }) else {
      return
    }
    throw ResectError(.malformed, "the network gives the value \(stray), and computes \(nodes.count)")
  }
}

extension ClosedRange<Int> {
  /// As `1 value` or `1 to 4096 values`.
  fileprivate var words: String {
    count == 1 ? "\(lowerBound) value\(lowerBound == 1 ? "" : "s")" : "\(lowerBound) to \(upperBound) values"
  }
}
