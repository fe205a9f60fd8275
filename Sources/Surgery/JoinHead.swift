public import ResectBytes
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
    guard head.isEmpty else {
      throw ResectError(
        .notApplicable, "the first model has a classifier of its own, so it is no backbone",
        advice: "split it first")
    }
    guard classes.features == featureCount else {
      throw ResectError(
        .mismatch,
        "the backbone computes \(featureCount) features, the class embedding takes \(classes.features)"
      )
    }
    guard classes.hasConstantFeature == appendsConstantFeature else {
      throw ResectError(
        .mismatch, "only one of backbone and class embedding has the constant feature",
        advice: "join the two halves of one split")
    }
    var joined = self
    var linear = Linear(layer: classes.layer, weight: classes.weight, bias: classes.bias)
    if classes.hasConstantFeature {
      linear.weight = try classes.weight.columns(0..<classes.features - 1)
      linear.bias = try classes.weight.column(classes.features - 1)
    }
    joined.head = [linear]
    joined.appendsConstantFeature = false
    let record = SurgeryRecord(
      name: "join",
      report: .object([
        "classes": .integer(classes.classes), "features": .integer(classes.features),
      ]),
      summary: "joined \(classes.features) features with \(classes.classes) classes")
    return (joined, record)
  }
}
