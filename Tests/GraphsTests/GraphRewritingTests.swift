import ResectBytes
import ResectGraphs
import Testing

@Suite struct GraphRewritingTests {
  /// x → a → b → sum(b, a) → e, and k, which nothing takes.
  private static func graph() throws -> Graph {
    var builder = GraphBuilder(.init(name: "x", .features(3)))
    let a = builder.add(.activation(.relu), of: 0, as: "a")
    let b = builder.add(.activation(.tanh), of: a, as: "b")
    _ = builder.add(.constant(blank(3)), ofAll: [], as: "k")
    let sum = builder.add(.add, of: b, a, as: "sum")
    let e = builder.add(.activation(.softmax), of: sum, as: "e")
    return try builder.graph(
      outputs: [.init("p", e), .init("s", sum)], features: sum, appendsConstantFeature: true)
  }

  @Test func `what took a dropped node's result takes its first input`() throws {
    let graph = try Self.graph().rewritten { _, node in node.name == "b" ? .drop : .keep }
    #expect(graph.nodes.map(\.name) == ["a", "k", "sum", "e"])
    #expect(graph.nodes.map(\.inputs) == [[0], [], [1, 1], [3]])
    #expect(graph.outputs == [.init("p", 4), .init("s", 3)])
    #expect(graph.features == 3)
    #expect(graph.appendsConstantFeature)
  }

  @Test func `outputs and features follow a dropped node, to the input in the end`() throws {
    let graph = try Self.graph().rewritten { _, node in node.name == "k" ? .keep : .drop }
    #expect(graph.nodes.map(\.name) == ["k"])
    #expect(graph.outputs.map(\.value) == [0, 0])
    #expect(graph.features == 0)
  }

  @Test func `a replaced node keeps its name and what it takes`() throws {
    let graph = try Self.graph().rewritten { position, _ in position == 1 ? .replace(.identity) : .keep }
    #expect(graph.nodes[1].name == "b")
    #expect(graph.nodes[1].operation.word == "identity")
    #expect(graph.nodes.map(\.inputs) == (try Self.graph().nodes.map(\.inputs)))
  }

  @Test func `a node that takes nothing cannot be dropped, and a replacement has to take as many values`() throws {
    let graph = try Self.graph()
    let dropped = #expect(throws: ResectError.self) {
      try graph.rewritten { _, node in node.name == "k" ? .drop : .keep }
    }
    #expect(dropped?.code == .notApplicable)
    #expect(dropped?.tensor == "k")
    let replaced = #expect(throws: ResectError.self) {
      try graph.rewritten { _, node in node.name == "a" ? .replace(.multiply) : .keep }
    }
    #expect(replaced?.tensor == "a")
  }

  @Test func `an operation before all others takes the input, and they take it`() throws {
    let graph = try Self.graph().preceded(by: .identity, as: "first")
    #expect(graph.nodes.map(\.name) == ["first", "a", "b", "k", "sum", "e"])
    #expect(graph.nodes.map(\.inputs) == [[0], [1], [2], [], [3, 2], [5]])
    #expect(graph.outputs == [.init("p", 6), .init("s", 5)])
    #expect(graph.features == 5)
    #expect(throws: ResectError.self) { try Self.graph().preceded(by: .identity, as: "a") }
  }

  @Test func `what an output does not need is gone, and features with it`() throws {
    let graph = try Self.graph().computing([.init("only", 2)])
    #expect(graph.nodes.map(\.name) == ["a", "b"])
    #expect(graph.outputs == [.init("only", 2)])
    #expect(graph.features == nil)
    let whole = try Self.graph().computing([.init("p", 5)])
    #expect(whole.nodes.map(\.name) == ["a", "b", "sum", "e"])
    #expect(whole.features == 3)
    #expect(throws: ResectError.self) { try Self.graph().computing([.init("p", 6)]) }
    #expect(throws: ResectError.self) { try Self.graph().computing([]) }
  }

  @Test func `a graph until its features ends in them`() throws {
    let graph = try Self.graph().untilFeatures()
    #expect(graph.nodes.map(\.name) == ["a", "b", "sum"])
    #expect(graph.outputs == [.init("features", 3)])
    #expect(graph.features == 3)
    #expect(!graph.computesLogits)
    #expect(throws: ResectError.self) { try graph.computing([.init("a", 1)]).untilFeatures() }
  }
}
