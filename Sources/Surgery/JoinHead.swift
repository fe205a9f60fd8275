public import ResectBytes
public import ResectGraphs
public import ResectResNets
internal import ResectTensors

extension ResNet {
  /// Joins a backbone with an embedding of classes: the inverse of ``split(bias:)``.
  ///
  /// - *Requires*: a backbone without head whose features are as many as the embedding's, the constant one included.
  /// - *Changes*: the backbone to a classifier. A column of the constant feature becomes the bias.
  /// - *Preserves*: every bit of the weights.
  public func joined(with classes: ClassEmbedding) throws(ResectError) -> (
    network: ResNet, record: SurgeryRecord
  ) {
    let attached = try AttachedClasses(
      classes, hasHead: !head.isEmpty, features: featureCount,
      appendsConstantFeature: appendsConstantFeature)
    let linear = Linear(layer: classes.layer, weight: attached.weight, bias: attached.bias)
    var joined = self
    joined.head = [linear]
    joined.appendsConstantFeature = false
    return (joined, attached.record)
  }
}

extension Graph {
  /// Joins a backbone with an embedding of classes: the inverse of ``split(bias:)``.
  ///
  /// - *Requires*: a backbone whose features are as many as the embedding's, the constant one included.
  /// - *Changes*: the backbone to a classifier, whose last layer is called `classifier`. A column of the constant feature becomes the
  ///   bias.
  /// - *Preserves*: every bit of the weights.
  public func joined(with classes: ClassEmbedding) throws(ResectError) -> (graph: Graph, record: SurgeryRecord) {
    let attached = try AttachedClasses(
      classes, hasHead: computesLogits, features: featureCount() + (appendsConstantFeature ? 1 : 0),
      appendsConstantFeature: appendsConstantFeature)
    return (try embedding(attached.weight, bias: attached.bias), attached.record)
  }
}

extension Network {
  /// Joins a backbone with an embedding of classes. See `ResNet.joined(with:)` and `Graph.joined(with:)`.
  package func joined(with classes: ClassEmbedding) throws(ResectError) -> SurgeryOutcome<Network> {
    try operated(
      effect: .keepsOutputs, resNet: { network throws(ResectError) in try network.joined(with: classes) },
      graph: { graph throws(ResectError) in try graph.joined(with: classes) })
  }
}

/// The linear layer that an embedding of classes becomes.
private struct AttachedClasses {
  let weight: LazyTensor
  let bias: LazyTensor?
  let record: SurgeryRecord

  /// For a network that has a head or gives so many features, the constant one included.
  init(
    _ classes: ClassEmbedding, hasHead: Bool, features: @autoclosure () throws(ResectError) -> Int,
    appendsConstantFeature: Bool
  ) throws(ResectError) {
    guard !hasHead else {
      throw ResectError(
        .notApplicable, "the first model has a classifier of its own, so it is no backbone",
        advice: "split it first")
    }
    let features = try features()
    guard classes.features == features else {
      throw ResectError(
        .mismatch, "the backbone computes \(features) features, the class embedding takes \(classes.features)")
    }
    guard classes.hasConstantFeature == appendsConstantFeature else {
      throw ResectError(
        .mismatch, "only one of backbone and class embedding has the constant feature",
        advice: "join the two halves of one split")
    }
    weight = classes.hasConstantFeature ? try classes.weight.columns(0..<features - 1) : classes.weight
    bias = classes.hasConstantFeature ? try classes.weight.column(features - 1) : classes.bias
    record = SurgeryRecord(
      name: "join",
      report: .object([
        "classes": .integer(classes.classes), "features": .integer(classes.features),
      ]),
      summary: "joined \(classes.features) features with \(classes.classes) classes")
  }
}
