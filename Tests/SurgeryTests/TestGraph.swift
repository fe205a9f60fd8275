import ResectBytes
import ResectGraphs
import ResectTensors
import ResectTestSupport

/// A small graph that is no ResNet, in double precision: a stem, a depthwise convolution, a branch that is added, a batch-norm that
/// no convolution precedes, and a classifier with a softmax behind it.
struct TestGraph {
  /// How the classifier is built.
  enum Head {
    case linear
    /// A convolution of one pixel, as Keras' MobileNet has it.
    case convolution
    case none
  }

  private var random = SeededRandom(seed: 3)

  /// Numbers that float16 holds exactly.
  mutating func tensor(_ axes: Int..., in range: ClosedRange<Double> = -1.5...1.5) throws -> LazyTensor {
    let values = (0..<axes.reduce(1, *)).map { _ in Double(Float16(Double.random(in: range, using: &random))) }
    return try LazyTensor(stored: values, axes)
  }

  /// By default with an epsilon that adds to the numbers without rounding.
  mutating func norm(_ channels: Int, epsilon: Double = 0x1p-10) throws -> Graph.Operation {
    .batchNorm(
      .init(
        weight: try tensor(channels), bias: try tensor(channels), mean: try tensor(channels),
        variance: try tensor(channels, in: 0.01...3), epsilon: epsilon))
  }

  /// The graph; its logits are of five classes.
  static func graph(_ head: Head = .linear) throws -> Graph {
    var test = TestGraph()
    var builder = GraphBuilder(input: .image(channels: 3))
    var value = builder.add(.identity, of: builder.input, as: "start")
    value = builder.add(
      .convolution(.init(weight: try test.tensor(4, 3, 3, 3), stride: 2, padding: .same)), of: value, as: "conv1")
    value = builder.add(try test.norm(4), of: value, as: "conv1_bn")
    let stem = builder.add(.activation(.relu6), of: value, as: "conv1_relu")
    value = builder.add(
      .convolution(.init(weight: try test.tensor(4, 1, 3, 3), bias: try test.tensor(4), padding: .each(1), groups: 4)),
      of: stem, as: "dw")
    value = builder.add(.identity, of: value, as: "dw_drop")
    value = builder.add(try test.norm(4, epsilon: 0x1p-16), of: value, as: "dw_bn")
    value = builder.add(.add, of: stem, value, as: "add")
    value = builder.add(try test.norm(4), of: value, as: "last_bn")
    switch head {
    case .none:
      value = builder.add(.globalAveragePool(keepsImage: false), of: value, as: "pool")
      return try builder.graph(outputs: [.init(Graph.Output.features, value)], features: value)
    case .linear:
      value = builder.add(.globalAveragePool(keepsImage: false), of: value, as: "pool")
      let features = builder.add(.identity, of: value, as: "dropout")
      let logits = builder.add(
        .linear(.init(weight: try test.tensor(5, 4), bias: try test.tensor(5))), of: features, as: "predictions")
      value = builder.add(.activation(.softmax), of: logits, as: "softmax")
      return try builder.graph(
        outputs: [.init(Graph.Output.logits, logits), .init(Graph.Output.probabilities, value)], features: features)
    case .convolution:
      let features = builder.add(.globalAveragePool(keepsImage: true), of: value, as: "pool")
      value = builder.add(
        .convolution(.init(weight: try test.tensor(5, 4, 1, 1), bias: try test.tensor(5))), of: features,
        as: "predictions")
      let logits = builder.add(.flatten(.channelsFirst), of: value, as: "reshape")
      return try builder.graph(outputs: [.init(Graph.Output.logits, logits)], features: features)
    }
  }
}

extension Graph {
  /// The operation of the node `name`.
  func operation(_ name: String) -> Operation? { nodes.first { $0.name == name }?.operation }

  /// The numbers of a tensor by its name, as `conv1.weight`.
  func values(_ name: String) throws -> [Double]? {
    try parameters.first { $0.name == name }?.tensor.doubles()
  }

  /// Every tensor's bytes by its name.
  var bytes: [String: [UInt8]] {
    get throws {
      var bytes: [String: [UInt8]] = [:]
      for parameter in parameters { bytes[parameter.name] = try parameter.tensor.bytes() }
      return bytes
    }
  }
}
