import ResectBytes
import ResectGraphs
import ResectTensors
import Testing

@Suite struct GraphTests {
  private static let input = Graph.Input(.image(channels: 3))

  /// The error of a graph of these parts.
  private func error(
    _ nodes: [Graph.Node], outputs: [Graph.Output] = [.init("y", 0)], features: Int? = nil, input: Graph.Input = input
  ) -> ResectError? {
    #expect(throws: ResectError.self) {
      try Graph(input: input, nodes: nodes, outputs: outputs, features: features)
    }
  }

  @Test func `a name is used once, the input's included`() {
    let twice = error([.init("a", .identity, of: [0]), .init("b", .identity, of: [1]), .init("a", .identity, of: [2])])
    #expect(twice?.code == .malformed)
    #expect(twice?.tensor == "a")
    #expect(error([.init("input", .identity, of: [0])])?.tensor == "input")
  }

  @Test(arguments: [1, 2, -1, .min, .max])
  func `a node takes only values before its own`(value: Int) {
    let error = error([.init("a", .identity, of: [value])])
    #expect(error?.code == .malformed)
    #expect(error?.tensor == "a")
  }

  @Test func `a node takes as many values as its operation does`() {
    let constant = Graph.Operation.constant(blank(3))
    for (operation, count) in [
      (.identity, 0), (.identity, 2), (.multiply, 1), (.multiply, 3), (.add, 0), (.concatenate, 0), (constant, 1),
      (.activation(.relu), 2), (.add, 4097),
    ] as [(Graph.Operation, Int)] {
      let error = error([.init("a", operation, of: [Int](repeating: 0, count: count))])
      #expect(error?.code == .malformed, "\(operation.word) of \(count)")
      #expect(error?.tensor == "a")
      #expect(error?.message.contains("\(count)") == true)
    }
    #expect(throws: Never.self) {
      try Graph(
        input: Self.input, nodes: [.init("a", .add, of: [0, 0, 0]), .init("b", constant, of: [])],
        outputs: [.init("y", 1)])
    }
  }

  @Test func `outputs and features are values, and outputs have names of their own`() {
    let nodes = [Graph.Node("a", .identity, of: [0])]
    #expect(error(nodes, outputs: [])?.code == .malformed)
    for value in [-1, 2, .max] {
      #expect(error(nodes, outputs: [.init("y", value)])?.code == .malformed)
      #expect(error(nodes, features: value)?.code == .malformed)
    }
    #expect(error(nodes, outputs: [.init("y", 0), .init("y", 1)])?.tensor == "y")
  }

  @Test func `an input has channels, and a size that is fixed has pixels`() {
    for kind in [
      .image(channels: 0), .image(channels: -3), .features(0), .image(channels: 3, height: 0, width: 5),
      .image(channels: 3, height: 5, width: -1),
    ] as [Graph.Input.Kind] {
      #expect(error([], input: .init(name: "x", kind))?.tensor == "x")
    }
  }

  @Test func `more operations than the limit are refused, and as many are taken in a moment`() throws {
    func nodes(_ count: Int) -> [Graph.Node] { (0..<count).map { .init("n\($0)", .activation(.relu), of: [$0]) } }
    #expect(error(nodes(100_000))?.code == .limit)
    let graph = try Graph(
      input: Self.input, nodes: nodes(Limits.graphNodes), outputs: [.init("y", Limits.graphNodes)])
    let start = ContinuousClock.now
    #expect(try graph.shapes(height: 2, width: 2).count == Limits.graphNodes + 1)
    #expect(try graph.costs(height: 2, width: 2).peakActivationBytes == 2 * 4 * 3 * 2 * 2)
    #expect(try graph.computing([.init("y", 3)]).nodes.count == 3)
    #expect(start.duration(to: .now) < .seconds(20))
  }

  @Test func `tensors of a node fit each other`() {
    typealias Operation = Graph.Operation
    func norm(_ counts: [Int], epsilon: Double = 0) -> Operation {
      .batchNorm(
        .init(
          weight: blank(counts[0]), bias: blank(counts[1]), mean: blank(counts[2]), variance: blank(counts[3]),
          epsilon: epsilon))
    }
    let wrong: [Operation] = [
      .convolution(.init(weight: blank(4, 3, 3))), .convolution(.init(weight: blank(0, 3, 1, 1))),
      .convolution(.init(weight: blank(4, 0, 1, 1))), .convolution(.init(weight: blank(4, 3, 1, 1), groups: 3)),
      .convolution(.init(weight: blank(4, 3, 1, 1), groups: 0)),
      .convolution(.init(weight: blank(4, 3, 1, 1), groups: -1)),
      .convolution(.init(weight: blank(4, 3, 1, 1), bias: blank(3))), .linear(.init(weight: blank(4))),
      .linear(.init(weight: blank(4, 0))), .linear(.init(weight: blank(4, 3), bias: blank(3))),
      norm([3, 3, 3, 4]), norm([2, 3, 3, 3]), norm([3, 1, 3, 3]), norm([0, 0, 0, 0]),
      .scaleShift(.init(scale: blank(3), shift: blank(4))), .scaleShift(.init(scale: blank(0), shift: nil)),
      .activation(.prelu(slopes: blank(0))), .channelConvolution(.init(kernel: blank(3))),
      .channelConvolution(.init(kernel: blank(1, 1, 2))), .channelConvolution(.init(kernel: blank(1, 2, 3))),
      .channelConvolution(.init(kernel: blank(1, 1, 3), bias: blank(2))), .constant(blank(2, 2)), .constant(blank()),
      .constant(blank(3, 0, 2)),
    ]
    for operation in wrong {
      let inputs = if case .constant = operation { [Int]() } else { [0] }
      let error = error([.init("here", operation, of: inputs)])
      #expect(error?.code == .mismatch, "\(operation)")
      #expect(error?.tensor == "here")
    }
  }

  @Test func `numbers of an operation can be computed with`() {
    var wrong: [Graph.Operation] = [
      .activation(.leakyReLU(slope: .nan)), .activation(.elu(alpha: .infinity)),
      .activation(.hardSigmoid(slope: .nan, offset: 0)), .activation(.hardSigmoid(slope: 0, offset: -.infinity)),
      .pad(.init(top: -1)), .pad(.init(channelsAfter: .max)), .pad(.init(value: .nan)),
      .maxPool(.init(.init(kernel: 0))), .averagePool(.init(.init(kernel: 2, stride: 0))),
      .convolution(.init(weight: blank(4, 3, 1, 1), stride: -1)),
      .convolution(.init(weight: blank(4, 3, 1, 1), padding: .each(-1))),
    ]
    for epsilon in [-1e-5, .nan, .infinity] {
      wrong.append(
        .batchNorm(.init(weight: nil, bias: nil, mean: blank(3), variance: blank(3), epsilon: epsilon)))
    }
    for operation in wrong {
      let error = error([.init("here", operation, of: [0])])
      #expect(error?.code == .malformed, "\(operation)")
      #expect(error?.tensor == "here")
    }
  }

  @Test func `a value has the name of its node and knows who takes it`() throws {
    let graph = try Graph(
      input: Self.input,
      nodes: [.init("a", .identity, of: [0]), .init("b", .add, of: [1, 1]), .init("c", .add, of: [0, 1])],
      outputs: [.init("first", 2), .init("second", 3)])
    #expect((0...3).map(graph.name(of:)) == ["input", "a", "b", "c"])
    #expect(graph.consumers == [[0, 2], [1, 1, 2], [], []])
    #expect(graph.output == 2)
    #expect(graph.output(named: "second") == 3)
    #expect(graph.output(named: "third") == nil)
  }

  @Test func `the input's normalisation is found wherever it stands, where nothing else takes the input`() throws {
    let normalization = try InputNormalization(
      channels: [0, 1, 2], scale: 1, mean: [0, 0, 0], std: [1, 1, 1])
    let constant = Graph.Node("constant", .constant(blank(3)), of: [])
    let normalize = Graph.Node("normalize", .normalize(normalization), of: [0])
    let first = try Graph(input: Self.input, nodes: [constant, normalize], outputs: [.init("y", 2)])
    #expect(first.inputNormalization == normalization)
    let other = Graph.Node("other", .activation(.relu), of: [0])
    let beside = try Graph(input: Self.input, nodes: [normalize, other], outputs: [.init("y", 2)])
    #expect(beside.inputNormalization == nil)
    #expect(try Graph(input: Self.input, nodes: [other], outputs: [.init("y", 1)]).inputNormalization == nil)
  }

  @Test func `a builder makes names that are free`() {
    var builder = GraphBuilder(input: .features(1))
    _ = builder.add(.identity, of: 0, as: "a")
    _ = builder.add(.identity, of: 0, as: "a.1")
    #expect(builder.freeName("a") == "a.2")
    #expect(builder.freeName("b") == "b")
    #expect(builder.freeName("input") == "input.1")
  }
}
