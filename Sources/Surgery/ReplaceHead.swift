public import ResectBytes
public import ResectGraphs
public import ResectResNets
internal import ResectTensors

/// Puts a fresh classifier in the place of the head. See `ResNet.replacingHead(classes:seed:)` and
/// `Graph.replacingHead(classes:seed:)`.
public struct ReplaceHead: Surgery {
  /// How many classes the new head tells apart.
  public var classes: Int
  /// torch's seed for its numbers.
  public var seed: UInt32

  /// The surgery.
  public init(classes: Int, seed: UInt32 = 0) {
    self.classes = classes
    self.seed = seed
  }

  /// The network with the fresh head.
  public func operate(
    on network: Network, knowing facts: SurgeryFacts
  ) throws(ResectError) -> SurgeryOutcome<Network> {
    try network.operated(
      effect: .keepsFeatures,
      resNet: { network throws(ResectError) in try network.replacingHead(classes: classes, seed: seed) },
      graph: { graph throws(ResectError) in try graph.replacingHead(classes: classes, seed: seed) })
  }
}

extension ResNet {
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
    var replaced = self
    replaced.appendsConstantFeature = false
    let features = replaced.featureCount
    let layer = head.count == 1 ? head[0].layer : nil
    let fresh = try FreshLinear(classes: classes, features: features, seed: seed)
    replaced.head = [Linear(layer: layer, weight: fresh.weight, bias: fresh.bias)]
    return (replaced, fresh.record(classesBefore: self.classes))
  }
}

extension Graph {
  /// Puts a fresh classifier of `classes` classes in the place of the layer that embeds the classes, or behind a backbone. See
  /// `ResNet.replacingHead(classes:seed:)`.
  ///
  /// - *Requires*: between 1 and 2²⁴ classes; a linear layer, or a convolution of one pixel, that makes the logits, or features that are
  ///   one number each.
  /// - *Changes*: that layer to one with a bias, in float32, with torch's random numbers.
  /// - *Preserves*: the features, to the bit.
  public func replacingHead(classes: Int, seed: UInt32 = 0) throws(ResectError) -> (graph: Graph, record: SurgeryRecord)
  {
    guard computesLogits else {
      let fresh = try FreshLinear(classes: classes, features: featureCount(), seed: seed)
      return (try embedding(fresh.weight, bias: fresh.bias), fresh.record(classesBefore: nil))
    }
    let classifier = try soleClassifier()
    let fresh = try FreshLinear(classes: classes, features: classifier.featureCount, seed: seed)
    let replaced = try replacing(classifier, weight: fresh.weight, bias: fresh.bias)
    return (replaced, fresh.record(classesBefore: classifier.classes))
  }
}

/// A linear layer with the numbers that torch gives it.
private struct FreshLinear {
  /// The most classes that a head may get: what a file's architecture is read with.
  private static let mostClasses = 1 << 24

  let weight: LazyTensor
  let bias: LazyTensor
  private let seed: UInt32
  private let bound: Float

  init(classes: Int, features: Int, seed: UInt32) throws(ResectError) {
    guard 1...FreshLinear.mostClasses ~= classes else {
      throw ResectError(
        .badArgument, "a head of \(classes) classes cannot be made, 1 to \(FreshLinear.mostClasses) can")
    }
    let bounds = FreshLinear.bounds(features: features)
    let shape = try Shape([classes, features])
    weight = LazyTensor(uniformWithin: bounds.weight, shape: shape, seed: seed)
    bias = LazyTensor(
      uniformWithin: bounds.bias, shape: Shape(vector: classes), seed: seed, after: shape.elementCount)
    self.seed = seed
    bound = bounds.weight
  }

  /// Between what numbers torch draws the weight and the bias of a linear layer, in the steps and doubles of its Python code.
  private static func bounds(features: Int) -> (weight: Float, bias: Float) {
    let root = Double(features).squareRoot()
    let slope = 5.0.squareRoot()
    let gain = (2 / (1 + slope * slope)).squareRoot()
    guard features > 0 else { return (0, 0) }
    return (Float(3.0.squareRoot() * (gain / root)), Float(1 / root))
  }

  func record(classesBefore: Int?) -> SurgeryRecord {
    let (classes, features) = (weight.shape.axes[0], weight.shape.axes[1])
    return SurgeryRecord(
      name: "replace-head", parameters: .object(["classes": .integer(classes), "seed": .integer(seed)]),
      report: .object([
        "classesBefore": classesBefore.map { .integer($0) } ?? .null, "classes": .integer(classes),
        "features": .integer(features), "bound": .number(Double(bound)),
      ]),
      summary:
        "put in a fresh head of \(classes) classes for \(features) features, seed \(seed): random until it is trained")
  }
}
