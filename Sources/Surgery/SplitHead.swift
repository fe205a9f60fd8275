public import ResectBytes
public import ResectResNets
internal import ResectTensors

/// What becomes of the classifier's bias when the network is split.
public enum BiasTreatment: String, Sendable, Hashable, CaseIterable {
  /// It stays beside the class embedding.
  case keep
  /// It is dropped, as `drop-fc-bias` drops it.
  case drop
  /// It becomes the last column of the class embedding, and the backbone appends a constant 1 to its features.
  case feature
}

extension ResNet {
  /// Splits a classifier into the model that embeds images and the embedding of its classes.
  ///
  /// - *Requires*: one linear layer as head; with `feature`, a bias of the weight's dtype.
  /// - *Changes*: the network to a backbone without head. What becomes of the bias, `bias` says.
  /// - *Preserves*: every bit of the weights. ``joined(with:)`` undoes it exactly, except for a bias that was dropped.
  public func split(bias treatment: BiasTreatment) throws(ResectError) -> (
    backbone: ResNet, classes: ClassEmbedding, record: SurgeryRecord
  ) {
    let classifier = try soleClassifier()
    var backbone = self
    backbone.head = []
    backbone.architecture.head = .none
    backbone.architecture.headWidths = []
    backbone.architecture.hasHeadBias = false
    var weight = classifier.weight
    var report = JSON.null
    var warnings: [String] = []
    switch treatment {
    case .keep: break
    case .drop:
      let dropped = try droppingClassifierBias().record
      report = dropped.report
      warnings = [dropped.summary]
    case .feature:
      if let bias = classifier.bias {
        guard bias.dtype == weight.dtype else {
          throw ResectError(
            .notApplicable,
            "the weight is \(weight.dtype.rawValue) and the bias \(bias.dtype.rawValue): one matrix cannot hold both to the bit",
            advice: .keepBias)
        }
        weight = try weight.appendingColumn(bias)
        backbone.architecture.appendsConstantFeature = true
      } else {
        warnings = ["the classifier has no bias: no constant feature is appended"]
      }
    }
    let classes = try ClassEmbedding(
      weight: weight, bias: treatment == .keep ? classifier.bias : nil,
      hasConstantFeature: backbone.architecture.appendsConstantFeature, layer: classifier.layer)
    let record = SurgeryRecord(
      name: "split", parameters: .object(["bias": .string(treatment.rawValue)]),
      report: .object([
        "classes": .integer(classes.classes), "features": .integer(classes.features),
        "dropped": report == .null ? nil : report,
      ]),
      warnings: warnings,
      summary: "split into \(classes.features) features and \(classes.classes) classes")
    return (backbone, classes, record)
  }
}
