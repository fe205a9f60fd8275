public import ResectBytes
public import ResectGraphs
public import ResectResNets
internal import ResectTensors

/// Removes the bias of the classifier. See `ResNet.droppingClassifierBias()` and `Graph.droppingClassifierBias()`.
public struct DropClassifierBias: Surgery {
  /// The surgery.
  public init() {}

  /// The network without that bias.
  public func operate(
    on network: Network, knowing facts: SurgeryFacts
  ) throws(ResectError) -> SurgeryOutcome<Network> {
    try network.operated(
      effect: DropClassifierBias.effect(on: network),
      resNet: { network throws(ResectError) in try network.droppingClassifierBias() },
      graph: { graph throws(ResectError) in try graph.droppingClassifierBias() })
  }

  /// What dropping the bias of `network` does to its logits.
  static func effect(on network: Network) -> SurgeryEffect {
    let bias =
      switch network {
      case .resNet(let network): network.head.last?.bias
      case .graph(let graph): graph.classifier?.linear.bias
      }
    return bias.map { .dropsBias($0) } ?? .keepsOutputs
  }
}

extension ResNet {
  /// Removes the bias of the classifier, so that a logit is the inner product of features and class alone.
  ///
  /// - *Requires*: one linear layer as head. Where it has no bias already, the record says so and nothing changes.
  /// - *Changes*: each logit by its class's bias. The record has the bias's smallest, largest and mean value and standard
  ///   deviation, and the most that the difference of two classes' logits can change: largest − smallest. The mean takes no
  ///   part in that: subtracting one number from all logits changes no probability.
  /// - *Preserves*: features, and the order of classes wherever their logits differ by more than that.
  public func droppingClassifierBias() throws(ResectError) -> (
    network: ResNet, record: SurgeryRecord
  ) {
    var dropped = self
    let classifier = try soleClassifier()
    let record = try SurgeryRecord(
      dropping: classifier.bias, of: ModulePath.classifier(layer: classifier.layer).description)
    guard classifier.bias != nil else { return (self, record) }
    dropped.head[0].bias = nil
    return (dropped, record)
  }

  /// The linear layer that embeds the classes. Throws where there is none, or more than one.
  func soleClassifier() throws(ResectError) -> Linear {
    guard let classifier = head.first else {
      throw ResectError(
        .notApplicable, "the network has no classifier: it is a backbone already")
    }
    guard head.count == 1 else {
      throw ResectError(
        .notApplicable,
        "the head has \(head.count) linear layers: it has no single class embedding, since what lies between them is not linear"
      )
    }
    return classifier
  }
}

extension Graph {
  /// Removes the bias of the layer that embeds the classes. See `ResNet.droppingClassifierBias()`.
  ///
  /// - *Requires*: a linear layer, or a convolution of one pixel, that makes the logits.
  /// - *Changes*: each logit by its class's bias.
  /// - *Preserves*: features, and the order of classes wherever their logits differ by more than the record says.
  public func droppingClassifierBias() throws(ResectError) -> (graph: Graph, record: SurgeryRecord) {
    let classifier = try soleClassifier()
    let record = try SurgeryRecord(dropping: classifier.linear.bias, of: nodes[classifier.position].name)
    guard classifier.linear.bias != nil else { return (self, record) }
    return (try replacing(classifier, weight: classifier.linear.weight, bias: nil), record)
  }
}

extension SurgeryRecord {
  /// The record of dropping `bias` of the layer `name`.
  init(dropping bias: LazyTensor?, of name: String) throws(ResectError) {
    guard let bias else {
      self.init(
        name: "drop-fc-bias", report: .object(["bias": .null]),
        summary: "nothing to drop: the classifier has no bias")
      return
    }
    let values = try bias.finiteValues(named: "\(name).bias")
    let statistics = BiasStatistics(values)
    self.init(
      name: "drop-fc-bias", report: statistics.json,
      summary:
        "dropped \(values.count) biases from \(statistics.least.text(digits: 4)) to \(statistics.greatest.text(digits: 4)) (mean \(statistics.mean.text(digits: 4)), standard deviation \(statistics.deviation.text(digits: 4))); "
        + "the difference of two logits changes by at most \((statistics.greatest - statistics.least).text(digits: 4)), the mean changes no probability"
    )
  }
}

private struct BiasStatistics {
  let least: Double
  let greatest: Double
  let mean: Double
  let deviation: Double

  init(_ values: [Double]) {
    let count = Double(max(values.count, 1))
    let mean = values.reduce(0, +) / count
    least = values.min() ?? 0
    greatest = values.max() ?? 0
    self.mean = mean
    deviation = (values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / count).squareRoot()
  }

  var json: JSON {
    .object([
      "smallest": .number(least),
      "largest": .number(greatest),
      "mean": .number(mean),
      "standardDeviation": .number(deviation),
      "largestChangeBetweenClasses": .number(greatest - least),
    ])
  }
}
