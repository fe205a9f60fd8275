public import ResectBytes
public import ResectGraphs
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
    let detached = try DetachedClasses(
      classifier.weight, classifier.bias, treatment, layer: classifier.layer,
      named: ModulePath.classifier(layer: classifier.layer).description)
    backbone.appendsConstantFeature = detached.classes.hasConstantFeature
    return (backbone, detached.classes, detached.record)
  }
}

extension Graph {
  /// Splits a classifier into the model that embeds images and the embedding of its classes. See `ResNet.split(bias:)`.
  ///
  /// - *Requires*: a linear layer, or a convolution of one pixel, that makes the logits; with `feature`, a bias of the weight's dtype.
  /// - *Changes*: the network to a backbone that ends in what enters that layer. What follows the logits is in neither half.
  /// - *Preserves*: every bit of the weights. ``joined(with:)`` undoes it, except for a bias that was dropped and for what followed the
  ///   logits.
  public func split(
    bias treatment: BiasTreatment
  ) throws(ResectError) -> (backbone: Graph, classes: ClassEmbedding, record: SurgeryRecord) {
    let classifier = try soleClassifier()
    let tail = outputs.compactMap { $0.value > classifier.logits ? $0.name : nil }
    let detached = try DetachedClasses(
      classifier.linear.weight, classifier.linear.bias, treatment, layer: nil, named: nodes[classifier.position].name,
      warnings: tail.isEmpty
        ? [] : ["what makes \(tail.joined(separator: ", ")) of the logits is in neither half of the split"])
    let backbone = try backbone(appendsConstantFeature: detached.classes.hasConstantFeature)
    return (backbone, detached.classes, detached.record)
  }

  /// The network without the layer that embeds the classes and what follows it.
  fileprivate func backbone(appendsConstantFeature: Bool) throws(ResectError) -> Graph {
    let value = try computesLogits ? soleClassifier().features : output
    let kept = try computing([Output(Output.features, value)])
    return try Graph(
      input: input, nodes: kept.nodes, outputs: kept.outputs, features: kept.output,
      appendsConstantFeature: appendsConstantFeature
    ).endingInVector().graph
  }
}

extension Network {
  /// Splits a classifier into the network that embeds images and the embedding of its classes, and tells what that does to the logits
  /// of both together. See `ResNet.split(bias:)` and `Graph.split(bias:)`.
  package func split(
    bias treatment: BiasTreatment
  ) throws(ResectError) -> (backbone: SurgeryOutcome<Network>, classes: ClassEmbedding) {
    let effect = treatment == .drop ? DropClassifierBias.effect(on: self) : .keepsOutputs
    switch self {
    case .resNet(let network):
      let (backbone, classes, record) = try network.split(bias: treatment)
      return (SurgeryOutcome(.resNet(backbone), record, effect: effect), classes)
    case .graph(let graph):
      let (backbone, classes, record) = try graph.split(bias: treatment)
      return (SurgeryOutcome(.graph(backbone), record, effect: effect), classes)
    }
  }

  /// The network without its head.
  package func backbone(appendsConstantFeature: Bool) throws(ResectError) -> Network {
    switch self {
    case .resNet(var network):
      network.head = []
      network.appendsConstantFeature = appendsConstantFeature
      return .resNet(network)
    case .graph(let graph): return .graph(try graph.backbone(appendsConstantFeature: appendsConstantFeature))
    }
  }

  /// Whether features that are handed out end in a constant 1.
  package var appendsConstantFeature: Bool {
    switch self {
    case .resNet(let network): network.appendsConstantFeature
    case .graph(let graph): graph.appendsConstantFeature
    }
  }
}

/// The embedding of classes that a classifier is split from.
private struct DetachedClasses {
  let classes: ClassEmbedding
  let record: SurgeryRecord

  /// Of the layer `name`; the record has `warnings` first.
  init(
    _ weight: LazyTensor, _ bias: LazyTensor?, _ treatment: BiasTreatment, layer: Int?, named name: String,
    warnings: [String] = []
  ) throws(ResectError) {
    var weight = weight
    var warnings = warnings
    var dropped: JSON?
    var hasConstantFeature = false
    switch treatment {
    case .keep: break
    case .drop:
      let record = try SurgeryRecord(dropping: bias, of: name)
      dropped = record.report
      warnings.append(record.summary)
    case .feature:
      if let bias {
        guard bias.dtype == weight.dtype else {
          throw ResectError(
            .notApplicable,
            "the weight is \(weight.dtype.rawValue) and the bias \(bias.dtype.rawValue): one matrix cannot hold both to the bit",
            advice: .keepBias)
        }
        weight = try weight.appendingColumn(bias)
        hasConstantFeature = true
      } else {
        warnings.append("the classifier has no bias: no constant feature is appended")
      }
    }
    classes = try ClassEmbedding(
      weight: weight, bias: treatment == .keep ? bias : nil, hasConstantFeature: hasConstantFeature, layer: layer)
    record = SurgeryRecord(
      name: "split", parameters: .object(["bias": .string(treatment.rawValue)]),
      report: .object([
        "classes": .integer(classes.classes), "features": .integer(classes.features), "dropped": dropped,
      ]),
      warnings: warnings,
      summary: "split into \(classes.features) features and \(classes.classes) classes")
  }
}
