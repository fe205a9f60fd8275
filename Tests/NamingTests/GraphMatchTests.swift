import ResectBytes
import ResectResNets
import Testing

@testable import ResectNaming

/// Graphs as a file may describe them; `Tests/ResectTests/KerasTests.swift` has those of real Keras.
@Suite struct GraphMatchTests {
  /// A graph that grows node by node, each after the last one that was added.
  private struct Builder {
    var nodes: [LayerGraph.Node] = []
    var last: Int { nodes.count - 1 }

    mutating func add(_ name: String, _ operation: LayerGraph.Operation, of inputs: [Int]? = nil) {
      nodes.append(.init(name: name, operation: operation, inputs: inputs ?? (nodes.isEmpty ? [] : [last])))
    }

    mutating func convolution(
      _ name: String, _ kernel: Int, stride: Int = 1, same: Bool = true, dilation: Int = 1, of input: Int? = nil
    ) {
      add(
        name,
        .convolution(
          .init(
            kernel: [kernel, kernel], stride: [stride, stride], dilation: [dilation, dilation], padsSame: same)),
        of: input.map { [$0] })
    }

    mutating func unit(
      _ name: String, _ kernel: Int, stride: Int = 1, epsilon: Double = 1e-3, relu: Bool = true, of input: Int? = nil
    ) {
      convolution("\(name)_conv", kernel, stride: stride, of: input)
      add("\(name)_bn", .batchNorm(epsilon: epsilon))
      if relu { add("\(name)_relu", .relu) }
    }

    /// A basic block on the last node; with a projection where it strides.
    mutating func block(_ name: String, stride: Int = 1) {
      let input = last
      unit("\(name)1", 3, stride: stride)
      unit("\(name)2", 3, relu: false)
      let result = last
      if stride > 1 { convolution("\(name)0_conv", 1, stride: stride, of: input) }
      add("\(name)+", .add, of: [result, stride > 1 ? last : input])
      add("\(name)_relu", .relu)
    }

    var graph: LayerGraph { LayerGraph(nodes: nodes, output: last) }
  }

  private func network(change: (inout Builder) -> Void = { _ in }) -> LayerGraph {
    var builder = Builder()
    builder.add("image", .input(height: 32, width: 32))
    builder.unit("stem", 3)
    builder.block("a")
    builder.block("b", stride: 2)
    change(&builder)
    builder.add("pool", .globalAveragePool)
    builder.add("logits", .dense)
    builder.add("softmax", .outputActivation("softmax"))
    return builder.graph
  }

  /// `graph` with the operation of the node `name` replaced.
  private func replacing(_ name: String, by operation: LayerGraph.Operation, in graph: LayerGraph) -> LayerGraph {
    LayerGraph(
      nodes: graph.nodes.map {
        .init(name: $0.name, operation: $0.name == name ? operation : $0.operation, inputs: $0.inputs)
      }, output: graph.output)
  }

  private func refusal(_ graph: LayerGraph) -> ResectError? {
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
    func pool(_ size: Int) -> LayerGraph {
      replacing(
        "pool", by: .averagePool(.init(kernel: [size, size], stride: [size, size], padsSame: false)), in: network())
    }
    #expect(refusal(pool(16)) == nil)
    let part = refusal(pool(8))
    #expect(part?.code == .unsupported && part?.tensor == "pool")
  }

  @Test(arguments: [
    ("a1_relu", LayerGraph.Operation.other("the activation tanh"), "tanh"),
    ("b_relu", .identity, "ReLU"),
    ("a1_conv", .convolution(.init(kernel: [3, 3], stride: [1, 1], dilation: [2, 2], padsSame: true)), "dilation"),
    ("a1_conv", .convolution(.init(kernel: [3, 1], stride: [1, 1], padsSame: true)), "kernel"),
    ("a1_conv", .convolution(.init(kernel: [3, 3], stride: [1, 1], padsSame: false)), "padded"),
    ("a1_conv", .convolution(.init(kernel: [3, 3], stride: [2, 2], padsSame: true)), "strides"),
    ("a2_bn", .batchNorm(epsilon: -1), "adds -1"),
    ("stem_conv", .convolution(.init(kernel: [5, 5], stride: [1, 1], padsSame: true)), "stem"),
    ("stem_relu", .maxPool(.init(kernel: [3, 3], stride: [2, 2], padsSame: true)), "ReLU"),
    ("pool", .other("the layer GlobalMaxPooling2D"), "GlobalMaxPooling2D"),
    ("logits", .other("the layer Multiply"), "Multiply"),
  ])
  func `what a ResNet does not do is refused by its name`(
    _ node: String, _ operation: LayerGraph.Operation, _ says: String
  ) {
    let refused = refusal(replacing(node, by: operation, in: network()))
    let message = refused?.message ?? ""
    #expect(message.contains(says))
  }

  @Test func `zeros that are no half of the kernel are refused with their number`() {
    var builder = Builder()
    builder.add("image", .input(height: 32, width: 32))
    builder.add("pad", .zeroPadding(.init(top: 1, bottom: 0, left: 1, right: 0)))
    builder.convolution("stem", 3, same: false)
    builder.add("relu", .relu)
    builder.block("a")
    let refused = refusal(builder.graph)
    #expect(refused?.tensor == "stem")
    #expect(refused?.message.contains("padded by 1 above, 0 below, 1 left, 0 right") == true)
  }

  @Test func `convolutions that pad differently, and batch-norms that add differently, are told by their places`()
    throws
  {
    let padded = LayerGraph.Window(kernel: [3, 3], stride: [2, 2], padsSame: false)
    var builder = Builder()
    builder.add("image", .input(height: 32, width: 32))
    builder.add("scaled", .scale(by: [2], adding: [-1, 0, 1]))
    builder.unit("stem", 3, epsilon: 1e-5)
    builder.block("a")
    builder.block("b", stride: 2)
    let input = builder.last
    builder.add("pad", .zeroPadding(.init(top: 1, bottom: 1, left: 1, right: 1)))
    builder.add("c1_conv", .convolution(padded))
    builder.add("c1_bn", .batchNorm(epsilon: 1e-3))
    builder.add("c1_relu", .relu)
    builder.unit("c2", 3, relu: false)
    let result = builder.last
    builder.convolution("c0_conv", 1, stride: 2, of: input)
    builder.add("c+", .add, of: [result, builder.last])
    builder.add("c_relu", .relu)
    let match = try GraphMatch(builder.graph)
    #expect(
      match.paddings == [
        .convolution(stage: 2, block: 0, index: 1): .same, .convolution(stage: 3, block: 0, index: 1): .symmetric,
      ])
    #expect(match.epsilons[.stemNorm] == 1e-5 && match.epsilons.count == 7)
  }

  @Test func `a pre-activated stem has a ReLU exactly where it has a batch-norm`() {
    func graph(norm: Bool, relu: Bool) -> LayerGraph {
      var builder = Builder()
      builder.add("image", .input(height: 32, width: 32))
      builder.convolution("stem", 3)
      if norm { builder.add("stem_bn", .batchNorm(epsilon: 1e-3)) }
      if relu { builder.add("stem_relu", .relu) }
      let input = builder.last
      builder.add("a1_bn", .batchNorm(epsilon: 1e-3))
      builder.add("a1_relu", .relu)
      builder.convolution("a1_conv", 3)
      builder.add("a2_relu", .relu)
      builder.convolution("a2_conv", 3)
      builder.add("a+", .add, of: [input, builder.last])
      builder.add("pool", .globalAveragePool)
      return builder.graph
    }
    #expect(refusal(graph(norm: true, relu: true)) == nil)
    #expect(refusal(graph(norm: false, relu: false)) == nil)
    #expect(refusal(graph(norm: true, relu: false))?.message.contains("expected a ReLU") == true)
    #expect(refusal(graph(norm: false, relu: true))?.message.contains("expected no ReLU") == true)
  }

  @Test func `additions of three, of one thing twice, and none are refused`() {
    var three = Builder()
    three.add("image", .input(height: nil, width: nil))
    three.unit("stem", 3)
    three.add("sum", .add, of: [three.last, three.last - 1, three.last - 2])
    #expect(refusal(three.graph)?.code == .unsupported)
    var twice = Builder()
    twice.add("image", .input(height: nil, width: nil))
    twice.unit("stem", 3)
    twice.add("sum", .add, of: [twice.last, twice.last])
    #expect(refusal(twice.graph)?.tensor == "sum")
    var none = Builder()
    none.add("image", .input(height: nil, width: nil))
    none.unit("stem", 3)
    #expect(refusal(none.graph)?.code == .notAResNet)
  }
}
