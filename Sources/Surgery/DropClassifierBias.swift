public import ResectBytes
public import ResectResNets
internal import ResectTensors

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
    guard let bias = classifier.bias else {
      return (
        self,
        SurgeryRecord(
          name: "drop-fc-bias", report: .object(["bias": .null]),
          summary: "nothing to drop: the classifier has no bias")
      )
    }
    let values = try bias.finiteValues(at: .init(.classifier(layer: classifier.layer), .bias))
    let statistics = BiasStatistics(values)
    dropped.head[0].bias = nil
    dropped.architecture.hasHeadBias = false
    let record = SurgeryRecord(
      name: "drop-fc-bias", report: statistics.json,
      summary:
        "dropped \(values.count) biases from \(statistics.least.text(digits: 4)) to \(statistics.greatest.text(digits: 4)) (mean \(statistics.mean.text(digits: 4)), standard deviation \(statistics.deviation.text(digits: 4))); "
        + "the difference of two logits changes by at most \((statistics.greatest - statistics.least).text(digits: 4)), the mean changes no probability"
    )
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
