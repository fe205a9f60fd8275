import ResectBytes
import ResectGraphs
import ResectTensors
import Testing

@testable import ResectResNets

/// Graphs as a file may describe them; `Tests/ResectTests/KerasTests.swift` has those of real Keras.
@Suite struct GraphMatchTests {
  /// A graph that grows node by node, each after the last one that was added.
  private struct Builder {
    var nodes: [Graph.Node] = []
    var size: Int? = 32
    var last: Graph.ValueID { nodes.count }

    mutating func add(_ name: String, _ operation: Graph.Operation, of inputs: [Graph.ValueID]? = nil) {
      nodes.append(.init(name, operation, of: inputs ?? [last]))
    }

    mutating func convolution(
      _ name: String, _ kernel: Int, stride: Int = 1, same: Bool = true, of input: Graph.ValueID? = nil
    ) {
      add(
        name, .convolution(kernel, kernel, stride: stride, padding: same ? .same : .none), of: input.map { [$0] })
    }

    mutating func unit(
      _ name: String, _ kernel: Int, stride: Int = 1, epsilon: Double = 1e-3, relu: Bool = true, of input: Int? = nil
    ) {
      convolution("\(name)_conv", kernel, stride: stride, of: input)
      add("\(name)_bn", .norm(epsilon: epsilon))
      if relu { add("\(name)_relu", .activation(.relu)) }
    }

    /// A basic block on the last node; with a projection where it strides.
    mutating func block(_ name: String, stride: Int = 1) {
      let input = last
      unit("\(name)1", 3, stride: stride)
      unit("\(name)2", 3, relu: false)
      let result = last
      if stride > 1 { convolution("\(name)0_conv", 1, stride: stride, of: input) }
      add("\(name)+", .add, of: [result, stride > 1 ? last : input])
      add("\(name)_relu", .activation(.relu))
    }

    var graph: Graph {
      get throws {
        try Graph(
          input: .init(name: "image", .image(channels: 4, height: size, width: size)), nodes: nodes,
          outputs: [.init(Graph.Output.logits, last)])
      }
    }
  }

  private func network(change: (inout Builder) -> Void = { _ in }) throws -> Graph {
    var builder = Builder()
    builder.unit("stem", 3)
    builder.block("a")
    builder.block("b", stride: 2)
    change(&builder)
    builder.add("pool", .globalAveragePool(keepsImage: false))
    builder.add("flat", .flatten(.channelsLast))
    builder.add("logits", .linear(.init(weight: zeros(10, 4))))
    return try builder.graph
  }

  /// `graph` with the operation of the node `name` replaced.
  private func replacing(_ name: String, by operation: Graph.Operation, in graph: Graph) throws -> Graph {
    try graph.rewritten { $1.name == name ? .replace(operation) : .keep }
  }

  private func refusal(_ graph: Graph) -> ResectError? {
    do {
      _ = try GraphMatch(graph)
      return nil
    } catch {
      return error
    }
  }

  @Test func `layers get their places from what they take, whatever they are called`() throws {
    let match = try GraphMatch(network())
    #expect(match.places["stem_conv"] == .stemConvolution)
    #expect(match.places["a2_bn"] == .norm(stage: 1, block: 0, index: 2))
    #expect(match.places["b1_conv"] == .convolution(stage: 2, block: 0, index: 1))
    #expect(match.places["b0_conv"] == .shortcutConvolution(stage: 2, block: 0))
    #expect(match.places["logits"] == .classifier(layer: nil))
    #expect(match.places.count == 2 + 4 + 5 + 1)
    #expect(match.stem == .three && match.paddings == [.convolution(stage: 2, block: 0, index: 1): .same])
    #expect(match.epsilons.count == 5 && Set(match.epsilons.values) == [1e-3])
    #expect(match.stridedBlocks == .first && !match.isPreactivated)
  }

  @Test func `a pooling of the whole image is global, one of a part of it is not`() throws {
    func pool(_ size: Int) throws -> Graph {
      try replacing(
        "pool", by: .averagePool(.init(.init(kernel: .init(size), stride: .init(size)))), in: network())
    }
    #expect(refusal(try pool(16)) == nil)
    let part = refusal(try pool(8))
    #expect(part?.code == .unsupported && part?.tensor == "pool")
  }

  @Test(arguments: [
    ("a1_relu", Graph.Operation.activation(.tanh), "tanh"),
    ("b_relu", .identity, "ReLU"),
    ("a1_conv", .convolution(3, 3, dilation: 2), "dilation"),
    ("a1_conv", .convolution(3, 1), "kernel"),
    ("a1_conv", .convolution(3, 3, padding: .none), "padded"),
    ("a1_conv", .convolution(3, 3, stride: 2), "strides"),
    ("stem_conv", .convolution(5, 5), "stem"),
    ("stem_relu", .maxPool(.init(.init(kernel: 3, stride: 2, padding: .same))), "ReLU"),
    ("pool", .globalMaxPool(keepsImage: false), "global-max-pool"),
    ("logits", .activation(.softmax), "softmax"),
  ])
  func `what a ResNet does not do is refused by its name`(
    _ node: String, _ operation: Graph.Operation, _ says: String
  ) throws {
    let refused = refusal(try replacing(node, by: operation, in: network()))
    let message = refused?.message ?? ""
    #expect(message.contains(says))
  }

  @Test func `zeros that are no half of the kernel are refused with their number`() throws {
    var builder = Builder()
    builder.add("pad", .pad(.init(top: 1, bottom: 0, left: 1, right: 0)))
    builder.convolution("stem", 3, same: false)
    builder.add("relu", .activation(.relu))
    builder.block("a")
    let refused = refusal(try builder.graph)
    #expect(refused?.tensor == "stem")
    #expect(refused?.message.contains("padded by 1 above, 0 below, 1 left, 0 right") == true)
  }

  @Test func `convolutions that pad differently, and batch-norms that add differently, are told by their places`()
    throws
  {
    var builder = Builder()
    builder.add(
      "scaled",
      .scaleShift(
        .init(
          scale: LazyTensor(values: [2], dtype: .float64), shift: LazyTensor(values: [-1, 0, 1, 2], dtype: .float64))))
    builder.unit("stem", 3, epsilon: 1e-5)
    builder.block("a")
    builder.block("b", stride: 2)
    let input = builder.last
    builder.add("pad", .pad(.init(top: 1, bottom: 1, left: 1, right: 1)))
    builder.add("c1_conv", .convolution(3, 3, stride: 2, padding: .none))
    builder.add("c1_bn", .norm(epsilon: 1e-3))
    builder.add("c1_relu", .activation(.relu))
    builder.unit("c2", 3, relu: false)
    let result = builder.last
    builder.convolution("c0_conv", 1, stride: 2, of: input)
    builder.add("c+", .add, of: [result, builder.last])
    builder.add("c_relu", .activation(.relu))
    let match = try GraphMatch(try builder.graph)
    #expect(
      match.paddings == [
        .convolution(stage: 2, block: 0, index: 1): .same, .convolution(stage: 3, block: 0, index: 1): .symmetric,
      ])
    #expect(match.epsilons[.stemNorm] == 1e-5 && match.epsilons.count == 7)
  }

  @Test func `a pre-activated stem has a ReLU exactly where it has a batch-norm`() throws {
    func graph(norm: Bool, relu: Bool) throws -> Graph {
      var builder = Builder()
      builder.convolution("stem", 3)
      if norm { builder.add("stem_bn", .norm(epsilon: 1e-3)) }
      if relu { builder.add("stem_relu", .activation(.relu)) }
      let input = builder.last
      builder.add("a1_bn", .norm(epsilon: 1e-3))
      builder.add("a1_relu", .activation(.relu))
      builder.convolution("a1_conv", 3)
      builder.add("a2_relu", .activation(.relu))
      builder.convolution("a2_conv", 3)
      builder.add("a+", .add, of: [input, builder.last])
      builder.add("pool", .globalAveragePool(keepsImage: false))
      return try builder.graph
    }
    #expect(refusal(try graph(norm: true, relu: true)) == nil)
    #expect(refusal(try graph(norm: false, relu: false)) == nil)
    #expect(refusal(try graph(norm: true, relu: false))?.message.contains("expected a ReLU") == true)
    #expect(refusal(try graph(norm: false, relu: true))?.message.contains("expected no ReLU") == true)
  }

  @Test func `additions of three, of one thing twice, and none are refused`() throws {
    var three = Builder()
    three.size = nil
    three.unit("stem", 3)
    three.add("sum", .add, of: [three.last, three.last - 1, three.last - 2])
    #expect(refusal(try three.graph)?.code == .unsupported)
    var twice = Builder()
    twice.size = nil
    twice.unit("stem", 3)
    twice.add("sum", .add, of: [twice.last, twice.last])
    #expect(refusal(try twice.graph)?.tensor == "sum")
    var none = Builder()
    none.size = nil
    none.unit("stem", 3)
    #expect(refusal(try none.graph)?.code == .notAResNet)
  }
}

private func zeros(_ axes: Int...) -> LazyTensor {
  // Two axes at least, and few elements.
  guard let shape = try? Shape(axes),
    let tensor = try? LazyTensor(
      values: [Double](repeating: 0, count: shape.elementCount), shape: shape, dtype: .float32)
  else { fatalError("no shape") }
  return tensor
}

extension Graph.Operation {
  /// A convolution of four channels.
  fileprivate static func convolution(
    _ height: Int, _ width: Int, stride: Int = 1, padding: Graph.Padding = .same, dilation: Int = 1
  ) -> Graph.Operation {
    .convolution(
      .init(
        weight: zeros(4, 4, height, width), stride: .init(stride), padding: padding, dilation: .init(dilation)))
  }

  /// A batch-norm of four channels.
  fileprivate static func norm(epsilon: Double) -> Graph.Operation {
    .batchNorm(.init(weight: zeros(4), bias: zeros(4), mean: zeros(4), variance: zeros(4), epsilon: epsilon))
  }
}
