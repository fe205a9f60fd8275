public import ResectBytes
public import ResectGraphs
public import ResectResNets
internal import ResectTensors

/// Keeps some classes, in the order that is asked for. See `ResNet.keepingClasses(_:)` and `Graph.keepingClasses(_:)`.
public struct KeepClasses: Surgery {
  /// The classes by their indices.
  public var indices: [Int]

  /// The surgery.
  public init(_ indices: [Int]) { self.indices = indices }

  /// The network with those classes alone.
  public func operate(
    on network: Network, knowing facts: SurgeryFacts
  ) throws(ResectError) -> SurgeryOutcome<Network> {
    try network.operated(
      effect: .keepsClasses(indices), resNet: { network throws(ResectError) in try network.keepingClasses(indices) },
      graph: { graph throws(ResectError) in try graph.keepingClasses(indices) })
  }

  /// The embedding with those classes alone.
  public func operate(
    on classes: ClassEmbedding, knowing facts: SurgeryFacts
  ) throws(ResectError) -> SurgeryOutcome<ClassEmbedding> {
    let (kept, record) = try classes.keepingClasses(indices)
    return SurgeryOutcome(kept, record, effect: .keepsClasses(indices))
  }
}

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
    return (kept, record)
  }
}

extension Graph {
  /// Keeps the classes of `indices`, in that order. See `ResNet.keepingClasses(_:)`.
  ///
  /// - *Requires*: a linear layer, or a convolution of one pixel, that makes the logits; indices of its classes, at least one, none
  ///   twice.
  /// - *Changes*: its rows and its bias: those of the other classes are gone.
  /// - *Preserves*: every bit of the rows that are kept, and with them the logits of their classes.
  public func keepingClasses(_ indices: [Int]) throws(ResectError) -> (graph: Graph, record: SurgeryRecord) {
    let classifier = try soleClassifier()
    let record = try SurgeryRecord(keeping: indices, of: classifier.classes)
    let kept = try replacing(
      classifier, weight: classifier.linear.weight.rows(indices), bias: classifier.linear.bias?.rows(indices))
    return (kept, record)
  }
}

extension ClassEmbedding {
  /// Keeps the classes of `indices`, in that order. See `ResNet.keepingClasses(_:)`.
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
  init(keeping indices: [Int], of count: Int) throws(ResectError) {
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
