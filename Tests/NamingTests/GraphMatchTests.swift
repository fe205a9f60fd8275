import Bytes
import ResNets
import Testing

@testable import Naming

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
