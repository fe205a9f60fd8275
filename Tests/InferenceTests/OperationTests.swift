import Foundation
import ResectBytes
import ResectGraphs
import ResectTensors
import ResectTestSupport
import Testing

@testable import ResectInference

/// An operation on given numbers, and what torch makes of them.
private struct Case: Sendable, CustomTestStringConvertible {
  let json: JSON

  static let all: [Case] = {
    let path = Fixtures.path("Operations/operations.json", of: "Inference")
    let json = try? JSON(parsing: Array(Data(contentsOf: URL(fileURLWithPath: path))))
    return (json?.elements ?? []).map { Case(json: $0) }
  }()

  var testDescription: String { json["name"]?.string ?? "?" }
  private var parameters: JSON { json["parameters"] ?? .null }

  private func number(_ name: String) -> Double { parameters[name]?.number ?? .nan }
  private func flag(_ name: String) -> Bool { parameters[name] == .bool(true) }
  private func numbers(_ name: String) -> [Double] { parameters[name]?.elements?.compactMap(\.number) ?? [] }
  private func extent(_ name: String) throws -> Graph.Extent {
    let sides = numbers(name).map { Int($0) }
    return sides.isEmpty ? 1 : Graph.Extent(try #require(sides.first), try #require(sides.last))
  }

  struct Numbers: Sendable {
    let shape: [Int]
    let values: [Double]

    init(_ json: JSON) throws {
      shape = try #require(json["shape"]?.elements).compactMap(\.number).map { Int($0) }
      values = try #require(json["values"]?.elements).compactMap(\.number)
    }

    var valueShape: Graph.ValueShape {
      shape.count == 1 ? .vector(shape[0]) : .image(channels: shape[0], height: shape[1], width: shape[2])
    }
  }

  func inputs() throws -> [Numbers] { try #require(json["inputs"]?.elements).map { try Numbers($0) } }
  func expected() throws -> Numbers { try Numbers(#require(json["expected"])) }

  private func tensor(_ role: String) throws -> LazyTensor? {
    guard let json = json["tensors"]?[role] else { return nil }
    let numbers = try Numbers(json)
    return try LazyTensor(values: numbers.values, dtype: .float32).reshaped(numbers.shape)
  }

  private func padding() -> Graph.Padding {
    let sides = numbers("padding").map { Int($0) }
    return .sides(top: sides[0], bottom: sides[1], left: sides[2], right: sides[3])
  }

  private func window() throws -> Graph.Window {
    Graph.Window(
      kernel: try extent("kernel"), stride: try extent("stride"), padding: padding(), dilation: try extent("dilation"),
      roundsUp: flag("ceil"))
  }

  func operation() throws -> Graph.Operation {
    let weight = try tensor("weight")
    let bias = try tensor("bias")
    switch json["operation"]?.string {
    case "convolution":
      return .convolution(
        .init(
          weight: try #require(weight), bias: bias, stride: try extent("stride"), padding: padding(),
          dilation: try extent("dilation"), groups: Int(number("groups"))))
    case "linear": return .linear(.init(weight: try #require(weight), bias: bias))
    case "batchNorm":
      return .batchNorm(
        .init(
          weight: weight, bias: bias, mean: try #require(try tensor("running_mean")),
          variance: try #require(try tensor("running_var")), epsilon: number("epsilon")))
    case "scaleShift": return .scaleShift(.init(scale: weight, shift: bias))
    case "relu": return .activation(.relu)
    case "relu6": return .activation(.relu6)
    case "leakyReLU": return .activation(.leakyReLU(slope: number("slope")))
    case "prelu": return .activation(.prelu(slopes: try #require(weight)))
    case "silu": return .activation(.silu)
    case "gelu": return .activation(.gelu(approximatesByTanh: flag("tanh")))
    case "elu": return .activation(.elu(alpha: number("alpha")))
    case "sigmoid": return .activation(.sigmoid)
    case "tanh": return .activation(.tanh)
    case "hardSigmoid": return .activation(.hardSigmoid(slope: number("slope"), offset: number("offset")))
    case "hardSwish": return .activation(.hardSwish)
    case "softmax": return .activation(.softmax)
    case "logSoftmax": return .activation(.logSoftmax)
    case "maxPool": return .maxPool(.init(try window()))
    case "averagePool": return .averagePool(.init(try window(), countsBorder: flag("countsBorder")))
    case "globalAveragePool": return .globalAveragePool(keepsImage: flag("keeps"))
    case "globalMaxPool": return .globalMaxPool(keepsImage: flag("keeps"))
    case "add": return .add
    case "multiply": return .multiply
    case "concatenate": return .concatenate
    case "flatten": return .flatten(try #require(parameters["order"]?.string.flatMap { .init(rawValue: $0) }))
    case "toImage": return .toImage
    case "pad":
      let sides = numbers("border").map { Int($0) }
      return .pad(
        .init(
          top: sides[0], bottom: sides[1], left: sides[2], right: sides[3], channelsBefore: sides[4],
          channelsAfter: sides[5], value: number("value")))
    case "channelConvolution": return .channelConvolution(.init(kernel: try #require(weight), bias: bias))
    case "identity": return .identity
    case "constant": return .constant(try #require(try tensor("value")))
    case "normalize":
      return .normalize(
        try InputNormalization(
          channels: numbers("channels").map { Int($0) }, scale: number("scale"), mean: numbers("mean"),
          std: numbers("std")))
    default: throw ResectError(.unsupported, "no operation \(json["operation"]?.string ?? "") is tested")
    }
  }
}

@Suite struct OperationTests {
  /// A graph of the operation alone. What it takes beside its first input is constant.
  private func graph(of one: Case, then activation: Graph.Activation? = nil) throws -> (graph: Graph, batch: Batch) {
    let inputs = try one.inputs()
    let first = try inputs.first ?? one.expected()
    var builder: GraphBuilder
    switch first.valueShape {
    case .image(let channels, _, _): builder = GraphBuilder(input: .image(channels: channels))
    case .vector(let count): builder = GraphBuilder(input: .features(count))
    }
    var values: [Graph.ValueID] = inputs.isEmpty ? [] : [builder.input]
    for (index, input) in inputs.enumerated().dropFirst() {
      let tensor = try LazyTensor(values: input.values, dtype: .float32).reshaped(input.shape)
      values.append(builder.add(.constant(tensor), ofAll: [], as: "constant\(index)"))
    }
    var made = builder.add(try one.operation(), ofAll: values, as: "operation")
    if let activation { made = builder.add(.activation(activation), of: made, as: "activation") }
    let graph = try builder.graph(outputs: [.init("made", made)])
    let numbers = first.values.map { Float($0) }
    // Two images, of which one is another one's half: a batch must not mix them up.
    let batch = try Batch(count: 2, shape: first.valueShape, values: numbers + numbers.map { $0 / 2 })
    return (graph, batch)
  }

  @Test func `every operation of a graph is tested`() throws {
    let words = Set(try Case.all.map { try $0.operation().word })
    #expect(Case.all.count >= 83)
    #expect(
      words == [
        "convolution", "linear", "batch-norm", "scale-shift", "relu", "relu6", "leaky-relu", "prelu", "silu", "gelu",
        "elu", "sigmoid", "tanh", "hard-sigmoid", "hard-swish", "softmax", "log-softmax", "max-pool", "average-pool",
        "global-average-pool", "global-max-pool", "add", "multiply", "concatenate", "flatten", "to-image", "pad",
        "channel-convolution", "normalize", "constant", "identity",
      ])
  }

  @Test(arguments: Case.all)
  fileprivate func `the reference kernel computes what torch does`(_ one: Case) throws {
    let (graph, batch) = try graph(of: one)
    let expected = try one.expected()
    let program = try Program(graph, fidelity: .exact)
    #expect(try graph.shapes(height: batch.extent.height, width: batch.extent.width)[graph.output] == expected.valueShape)
    let double = try ReferenceEngine<Double>(program: program).run(batch, until: graph.output)[0]
    let float = try ReferenceEngine<Float>(program: program).run(batch, until: graph.output)[0].map { Double($0) }
    #expect(double.count == expected.values.count && float.count == expected.values.count)
    let size = expected.values.map(abs).max() ?? 0
    for (index, wanted) in expected.values.enumerated() {
      // Weights and normalisation are float32 numbers, what is computed of them is not rounded.
      #expect(abs(double[index] - wanted) <= (one.json["operation"]?.string == "normalize" ? 1e-6 : 1e-12) * max(size, 1))
      #expect(abs(float[index] - wanted) <= 1e-6 * max(abs(wanted), size / 8))
    }
  }

  @Test(arguments: Case.all)
  fileprivate func `the engine computes what the reference kernel does, alone and in a batch`(_ one: Case) throws {
    let (graph, batch) = try graph(of: one)
    let program = try Program(graph, fidelity: .exact)
    let expected = try ReferenceEngine<Double>(program: program).run(batch, until: graph.output).flatMap(\.self)
    let size = expected.map(abs).max() ?? 0
    for isExact in [false, true] {
      var options = SessionOptions()
      options.isExact = isExact
      let session = try Session(graph: graph, options: options)
      for found in [try session.run(batch, output: .named("made")), try session.runOnce(batch)] {
        #expect(found.values.count == expected.count)
        for (value, wanted) in zip(found.values, expected) {
          #expect(abs(Double(value) - wanted) <= 2e-6 * max(size, 1), "\(value) for \(wanted)")
        }
      }
      let first = try session.run(Batch(count: 1, shape: batch.shape, values: batch[0]))
      #expect(try session.run(batch)[0].elementsEqual(first[0]))
    }
  }

  @Test(arguments: [
    Graph.Activation.relu, .relu6, .leakyReLU(slope: 0.1), .silu, .gelu(approximatesByTanh: false),
    .gelu(approximatesByTanh: true), .elu(alpha: 1), .sigmoid, .tanh, .hardSwish,
    .hardSigmoid(slope: 0.2, offset: 0.5), .softmax,
  ])
  func `what follows a convolution gives the same in one step with it, in every precision`(_ activation: Graph.Activation)
    throws
  {
    let one = try #require(Case.all.first { $0.testDescription == "convolution of many channels" })
    let (bare, _) = try graph(of: one)
    let (graph, batch) = try graph(of: one, then: activation)
    // What is rounded to 8 bits goes into the sum.
    let sums = try ReferenceEngine<Double>(program: Program(bare)).run(batch, until: bare.output).flatMap(\.self)
    let program = try Program(graph)
    let expected = try ReferenceEngine<Double>(program: Program(graph, fidelity: .exact)).run(batch, until: graph.output)
      .flatMap(\.self)
    #expect(program.steps.count == (activation.eltwise == nil ? 2 : 1))
    let size = (expected + sums).map(abs).max() ?? 0
    for (precision, share) in [(Precision.float32, 2e-6), (.bfloat16, 0.01), (.int8, 0.02)] {
      var options = SessionOptions()
      options.precision = precision
      options.calibration = .batches([batch])
      let found = try Session(graph: graph, options: options).run(batch)
      for (value, wanted) in zip(found.values, expected) {
        #expect(abs(Double(value) - wanted) <= share * size, "\(precision): \(value) for \(wanted)")
      }
    }
  }
}
