import ResectBytes
import ResectGraphs
import ResectResNets
import ResectTestSupport
import Testing

@testable import ResectInference

@Suite struct ProgramTests {
  /// A step in a line: its name, what it takes by the names of the steps that make it, and what is fused.
  private func lines(_ program: Program) -> [String] {
    program.steps.map { step in
      let inputs = step.inputs.map { program.name(of: $0) }
      let sum = step.adds ? " + \(inputs[inputs.count - 1])" : ""
      let taken = (step.adds ? inputs.dropLast() : inputs).joined(separator: ", ")
      return "\(step.name): \(step.operation.word) of \(taken)\(sum)\(step.activation.map { ", \($0.word)" } ?? "")"
    }
  }

  @Test func `a block's batch-norms, sums and relus run with its convolutions`() throws {
    let graph = try ResNet.random(.small(depths: [1, 1])).graph()
    #expect(
      lines(try Program(graph)) == [
        "stem.conv: convolution of input, relu",
        "stage1.0.conv1: convolution of stem.conv, relu",
        "stage1.0.conv2: convolution of stage1.0.conv1 + stem.conv, relu",
        "stage2.0.shortcut.conv: convolution of stage1.0.conv2",
        "stage2.0.conv1: convolution of stage1.0.conv2, relu",
        "stage2.0.conv2: convolution of stage2.0.conv1 + stage2.0.shortcut.conv, relu",
        "pool: global-average-pool of stage2.0.conv2",
        "classifier: linear of pool",
      ])
  }

  @Test func `as they stand, batch-norms are steps of their own`() throws {
    let graph = try ResNet.random(.small(widths: [16], depths: [1])).graph()
    #expect(
      lines(try Program(graph, fidelity: .exact)) == [
        "stem.conv: convolution of input",
        "stem.norm: batch-norm of stem.conv, relu",
        "stage1.0.conv1: convolution of stem.norm",
        "stage1.0.norm1: batch-norm of stage1.0.conv1, relu",
        "stage1.0.conv2: convolution of stage1.0.norm1",
        "stage1.0.norm2: batch-norm of stage1.0.conv2",
        "stage1.0.conv2+: add of stage1.0.norm2, stem.norm, relu",
        "pool: global-average-pool of stage1.0.conv2+",
        "classifier: linear of pool",
      ])
  }

  @Test func `what an output gives stays a step's result`() throws {
    var maker = OddGraph.Maker(seed: 1)
    let convolved = maker.convolution(maker.input, 3, 4)
    let rectified = maker.activation(.relu, convolved)
    let graph = try maker.builder.graph(outputs: [.init("a", rectified), .init("b", convolved)])
    #expect(lines(try Program(graph)) == ["convolution: convolution of input", "relu: relu of convolution"])
    let features = try maker.builder.graph(outputs: [.init("a", rectified)], features: convolved)
    #expect(try Program(features).steps.count == 2)
    let alone = try maker.builder.graph(outputs: [.init("a", rectified)])
    #expect(try Program(alone).steps.count == 1)
  }

  @Test func `only steps that an output needs run for it`() throws {
    var maker = OddGraph.Maker(seed: 1)
    let one = maker.convolution(maker.input, 3, 4)
    let other = maker.convolution(maker.input, 3, 5)
    let graph = try maker.builder.graph(outputs: [.init("one", one), .init("other", other)])
    let program = try Program(graph)
    #expect(program.steps(neededFor: one) == [true, false])
    #expect(program.steps(neededFor: other) == [false, true])
    let batch = try Probes.batch(for: graph, side: 8, count: 1)
    let session = try Session(graph: graph)
    #expect(try session.run(batch).width == 4 * 64)
    #expect(try session.run(batch, output: .named("other")).width == 5 * 64)
    let error = #expect(throws: ResectError.self) { try session.run(batch, output: .named("third")) }
    #expect(error?.message == "the network gives one, other, and nothing called third")
  }

  @Test(arguments: OddGraph.all.indices)
  func `fused steps compute what the operations do one by one`(_ index: Int) throws {
    let odd = OddGraph.all[index]
    #expect(OddGraph.all.count == 10)
    let batch = try Probes.batch(for: odd.graph, side: 32, count: 3)
    let expected = try ReferenceEngine<Double>(program: Program(odd.graph, fidelity: .exact))
      .run(batch, until: odd.graph.output).flatMap(\.self)
    let size = expected.map(abs).max() ?? 0
    for (precision, share) in [(Precision.float32, 2e-5), (.bfloat16, 0.05), (.int8, 0.1)] {
      var options = SessionOptions()
      options.precision = precision
      for isExact in precision == .float32 ? [false, true] : [false] {
        options.isExact = isExact
        let session = try Session(graph: odd.graph, options: options)
        for rows in [try session.run(batch), try session.runOnce(batch)] {
          let error = zip(rows.values, expected).map { abs(Double($0) - $1) }.max() ?? .infinity
          #expect(error <= share * size, "\(odd), \(precision): \(error) of \(size)")
        }
        let first = try session.run(Batch(count: 1, shape: batch.shape, values: batch[0]))
        #expect(try session.run(batch)[0].elementsEqual(first[0]), "\(odd), \(precision)")
      }
    }
  }

  @Test func `a session tells which steps the reference kernels run`() throws {
    let odd = OddGraph.all[9].graph
    let session = try Session(graph: odd)
    #expect(try session.stepsByReference(height: 32, width: 32) == ["relu", "softmax"])
    var options = SessionOptions()
    options.usesReference = true
    #expect(try Session(graph: odd, options: options).stepsByReference(height: 32, width: 32).count == 7)
  }
}
