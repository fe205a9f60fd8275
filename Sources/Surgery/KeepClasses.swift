public import ResectBytes
public import ResectResNets
internal import ResectTensors

extension ResNet {
  /// Keeps the classes of `indices`, in that order.
  ///
  /// - *Requires*: a head; indices of its classes, at least one, none twice.
  /// - *Changes*: the rows of the last linear layer and its bias: those of the other classes are gone.
  /// - *Preserves*: every bit of the rows that are kept, and with them the logits of their classes. Probabilities change, since
  ///   fewer classes share them.
  public func keepingClasses(_ indices: [Int]) throws(ResectError) -> (
    network: ResNet, record: SurgeryRecord
  ) {
    guard let last = head.indices.last else {
      throw ResectError(
        .notApplicable, "the network has no classifier: it is a backbone", advice: .replaceHead)
    }
    let record = try SurgeryRecord(keeping: indices, of: head[last].weight.shape.axes[0])
    var kept = self
    kept.head[last].weight = try head[last].weight.rows(indices)
    kept.head[last].bias = try head[last].bias?.rows(indices)
    kept.architecture.headWidths[last] = indices.count
    return (kept, record)
  }
}

extension ClassEmbedding {
  /// Keeps the classes of `indices`, in that order. See ``ResNets/ResNet/keepingClasses(_:)``.
  public func keepingClasses(_ indices: [Int]) throws(ResectError) -> (
    classes: ClassEmbedding, record: SurgeryRecord
  ) {
    let record = try SurgeryRecord(keeping: indices, of: classes)
    var kept = self
    kept.weight = try weight.rows(indices)
    kept.bias = try bias?.rows(indices)
    return (kept, record)
  }
}

extension SurgeryRecord {
  /// The record of keeping classes. Throws where `indices` are not some of `count` classes, each once.
  fileprivate init(keeping indices: [Int], of count: Int) throws(ResectError) {
    guard !indices.isEmpty else { throw ResectError(.badArgument, "no class would be left") }
    if let stranger = indices.first(where: { !(0..<count ~= $0) }) {
      throw ResectError(.badArgument, "there is no class \(stranger): the \(count) classes count from 0")
    }
    var seen: Set<Int> = []
    if let twice = indices.first(where: { !seen.insert($0).inserted }) {
      throw ResectError(.badArgument, "class \(twice) is named twice")
    }
    self.init(
      name: "keep-classes", parameters: .object(["classes": .array(indices.map { .integer($0) })]),
      report: .object(["classesBefore": .integer(count), "classes": .integer(indices.count)]),
      summary: "kept \(indices.count) of \(count) classes; their logits are the same")
  }
}
