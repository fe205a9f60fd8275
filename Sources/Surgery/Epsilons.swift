internal import ResectBytes
internal import ResectGraphs

/// What the batch-norms of a network add to their variances, as records and summaries have it: a rule and its exceptions.
struct Epsilons: CustomStringConvertible {
  let json: JSON
  let description: String

  init(json: JSON = .null, description: String = "unknown") {
    self.json = json
    self.description = description
  }

  /// Those of a graph: the rule is the one that most batch-norms have, of several the smallest.
  init(of graph: Graph) {
    var norms: [(name: String, epsilon: Double)] = []
    for node in graph.nodes {
      if case .batchNorm(let norm) = node.operation { norms.append((node.name, norm.epsilon)) }
    }
    var counts: [Double: Int] = [:]
    for norm in norms { counts[norm.epsilon, default: 0] += 1 }
    guard let rule = counts.max(by: { ($0.value, $1.key) < ($1.value, $0.key) })?.key else {
      self.init()
      return
    }
    let exceptions = norms.filter { $0.epsilon != rule }.sorted { $0.name < $1.name }
    let texts = exceptions.prefix(3).map { "\($0.name) \($0.epsilon)" }
    let rest = exceptions.count > 3 ? ["and \(exceptions.count - 3) more"] : []
    self.init(
      json: exceptions.isEmpty
        ? .number(rule)
        : .object(
          [JSON.Member("default", .number(rule))] + exceptions.map { JSON.Member($0.name, .number($0.epsilon)) }),
      description: (["\(rule)"] + texts + rest).joined(separator: ", "))
  }
}
