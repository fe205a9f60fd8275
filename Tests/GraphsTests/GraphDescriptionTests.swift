import ResectBytes
import ResectGraphs
import Testing

@Suite struct GraphDescriptionTests {
  private func node(_ name: String, _ inputs: String...) -> GraphDescription.Node {
    .init(name, inputs.isEmpty ? .constant(blank(1)) : inputs.count == 1 ? .identity : .add, of: inputs)
  }

  private func graph(_ nodes: [GraphDescription.Node], _ output: String) throws(ResectError) -> Graph {
    try GraphDescription(input: .init(name: "x", .features(1)), nodes: nodes).graph(outputs: [("y", output)])
  }

  private func error(_ nodes: [GraphDescription.Node], _ output: String = "x") -> ResectError? {
    #expect(throws: ResectError.self) { try graph(nodes, output) }
  }

  @Test func `nodes that come sorted keep their order`() throws {
    let sorted = [node("c", "x"), node("a", "x"), node("k"), node("b", "c", "a"), node("d", "a", "k")]
    let graph = try graph(sorted, "b")
    #expect(graph.nodes.map(\.name) == ["c", "a", "k", "b", "d"])
    #expect(graph.nodes.map(\.inputs) == [[0], [0], [], [1, 2], [2, 3]])
    #expect(graph.output == 4)
  }

  @Test func `nodes that come before what they take move behind it`() throws {
    let graph = try graph([node("d", "c"), node("e", "c"), node("b", "a"), node("c", "b", "x"), node("a", "x")], "d")
    #expect(graph.nodes.map(\.name) == ["a", "b", "c", "d", "e"])
    #expect(graph.nodes.map(\.inputs) == [[0], [1], [2, 0], [3], [3]])
  }

  @Test func `a node may take a value twice`() throws {
    #expect(try graph([node("b", "a", "a"), node("a", "x")], "b").nodes.map(\.inputs) == [[0], [1, 1]])
  }

  @Test func `nodes that take each other in a circle are refused by name`() {
    for circle in [
      [node("a", "a")], [node("a", "b"), node("b", "a")],
      [node("s", "x"), node("a", "s", "c"), node("b", "a"), node("c", "b"), node("t", "c")],
    ] {
      let error = error(circle)
      #expect(error?.code == .malformed)
      #expect(error?.tensor == "a")
      #expect(error?.message.contains("circle") == true)
    }
  }

  @Test func `a missing name is said, with the node that takes it`() {
    let missing = error([node("a", "x"), node("b", "gone\u{1B}[2J")])
    #expect(missing?.code == .malformed)
    #expect(missing?.tensor == "b")
    #expect(missing?.message.contains("gone\\u{1b}[2J") == true)
    #expect(error([node("a", "x")], "gone")?.tensor == "gone")
    #expect(
      #expect(throws: ResectError.self) {
        try GraphDescription(input: .init(name: "x", .features(1)), nodes: []).graph(
          outputs: [("y", "x")], features: "gone")
      }?.tensor == "gone")
  }

  @Test func `a name that is used twice is refused`() {
    #expect(error([node("a", "x"), node("a", "x")])?.tensor == "a")
    #expect(error([node("x", "x")])?.tensor == "x")
    // One letter in one scalar and in two is one name.
    #expect(error([node("\u{E9}", "x"), node("e\u{301}", "x")])?.code == .malformed)
  }

  @Test func `the order of many nodes takes time in proportion, however they come`() throws {
    let count = Limits.graphNodes
    // A chain backwards, and a node that all others take, or that takes 4,096 of them.
    let chain = (0..<count).reversed().map { node("n\($0)", $0 == 0 ? "x" : "n\($0 - 1)") }
    let star = (1..<count).map { node("n\($0)", "n0") } + [node("n0", "x")]
    let sums = (0..<64).map { sum in
      GraphDescription.Node("s\(sum)", .add, of: (0..<4096).map { "n\($0 % 4000)" })
    }
    let start = ContinuousClock.now
    #expect(try graph(chain, "n\(count - 1)").output == count)
    #expect(try graph(star, "n1").nodes[0].name == "n0")
    #expect(try graph(sums + (0..<4000).map { node("n\($0)", "x") }, "s63").nodes.count == 4064)
    #expect(start.duration(to: .now) < .seconds(20))
    let many = (0..<100_000).map { node("n\($0)", "x") }
    #expect(error(many)?.code == .limit)
  }
}
