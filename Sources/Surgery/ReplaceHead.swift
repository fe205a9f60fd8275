public import ResectBytes
public import ResectResNets
internal import ResectTensors

extension ResNet {
  /// The most classes that a head may get: what a file's architecture is read with.
  private static let mostClasses = 1 << 24

  /// Puts a fresh classifier of `classes` classes in the place of the head, or behind a backbone.
  ///
  /// - *Requires*: between 1 and 2²⁴ classes.
  /// - *Changes*: the head to one linear layer with a bias, in float32: the numbers that torch gives it by
  ///   `torch.manual_seed(seed); torch.nn.Linear(features, classes)`, bit for bit (kaiming-uniform with a = √5, so between
  ///   −1/√features and 1/√features; the weight first, then the bias). One layer keeps its place in the head's sequence; a head of
  ///   several is replaced whole. A constant feature is no longer appended: the bias takes its part.
  /// - *Preserves*: the features, to the bit.
  ///
  /// torch computes the numbers with one rounding on a processor with AVX2 or later, which is meant here; without, it rounds
  /// twice. Sources: `torch.nn.Linear.reset_parameters`; He et al., "Delving Deep into Rectifiers" (2015).
  public func replacingHead(classes: Int, seed: UInt32 = 0) throws(ResectError) -> (
    network: ResNet, record: SurgeryRecord
  ) {
    guard 1...ResNet.mostClasses ~= classes else {
      throw ResectError(
        .badArgument, "a head of \(classes) classes cannot be made, 1 to \(ResNet.mostClasses) can")
    }
    var replaced = self
    replaced.appendsConstantFeature = false
    let features = replaced.featureCount
    let layer = head.count == 1 ? head[0].layer : nil
    let (weightBound, biasBound) = torchBounds(features: features)
    let shape = try Shape([classes, features])
    replaced.head = [
      Linear(
        layer: layer, weight: LazyTensor(uniformWithin: weightBound, shape: shape, seed: seed),
        bias: LazyTensor(
          uniformWithin: biasBound, shape: Shape(vector: classes), seed: seed, after: shape.elementCount))
    ]
    let record = SurgeryRecord(
      name: "replace-head",
      parameters: .object(["classes": .integer(classes), "seed": .integer(seed)]),
      report: .object([
        "classesBefore": self.classes.map { .integer($0) } ?? .null, "classes": .integer(classes),
        "features": .integer(features), "bound": .number(Double(weightBound)),
      ]),
      summary:
        "put in a fresh head of \(classes) classes for \(features) features, seed \(seed): random until it is trained")
    return (replaced, record)
  }

  /// Between what numbers torch draws the weight and the bias of a linear layer, in the steps and doubles of its Python code.
  private func torchBounds(features: Int) -> (weight: Float, bias: Float) {
    let root = Double(features).squareRoot()
    let slope = 5.0.squareRoot()
    let gain = (2 / (1 + slope * slope)).squareRoot()
    guard features > 0 else { return (0, 0) }
    return (Float(3.0.squareRoot() * (gain / root)), Float(1 / root))
  }
}
