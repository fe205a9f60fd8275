import CResectOneDNN
import ResectBytes
import ResectGraphs
import ResectResNets
import ResectTestSupport
import Testing

@testable import ResectInference

/// Whether values that are alive at once lie in memory of their own: where they overlap, numbers are silently wrong.
@Suite struct PlanTests {
  private static let architectures: [Architecture] = [
    .small(), .small(.bottleneck), .small(shortcut: .zeroPadded), .small(stem: .sevenWithMaxPool),
    .small(widths: [13, 21], stemWidth: 7, inputChannels: 1, classes: 11),
    .small(widths: [64, 128], depths: [2, 2], stemWidth: 64),
  ]

  private func plans(of graph: Graph) throws {
    for precision in Precision.allCases {
      for isExact in precision == .float32 ? [false, true] : [false] {
        var options = SessionOptions()
        options.precision = precision
        options.isExact = isExact
        options.calibration = .probes
        let session = try Session(graph: graph, options: options)
        for batch in [1, 3] {
          let value = session.program.graph.output
          var compiler = try PlanCompiler(
            session.setting, for: value, store: WeightStore(), batch: batch, height: 32, width: 32, threads: 1)
          check(try compiler.compileWithoutWeights().plan, session.program, value)
        }
      }
    }
  }

  @Test(arguments: architectures.indices)
  func `no value of a ResNet is overwritten before it is taken for the last time`(_ index: Int) throws {
    try plans(of: ResNet.random(PlanTests.architectures[index], seed: 4).graph())
  }

  @Test(arguments: OddGraph.all.indices)
  func `no value of another network is overwritten before it is taken for the last time`(_ index: Int) throws {
    try plans(of: OddGraph.all[index].graph)
  }

  /// Follows the plan step by step, by what lies at which address.
  private func check(_ plan: Plan, _ program: Program, _ wanted: Graph.ValueID) {
    /// The value whose memory a value may be under another shape.
    func root(_ value: Graph.ValueID) -> Graph.ValueID {
      guard let maker = program.maker(of: value) else { return value }
      switch program.steps[maker].operation {
      case .flatten, .toImage: return root(program.steps[maker].inputs[0])
      default: return program.twin(of: value)
      }
    }
    /// What lies in each buffer.
    var contents: [Int: Graph.ValueID] = [:]
    func range(_ buffer: Int) -> Range<Int> {
      plan.buffers[buffer].offset..<plan.buffers[buffer].offset + plan.buffers[buffer].byteCount
    }
    func write(_ buffer: Int, _ value: Graph.ValueID?) {
      for other in plan.buffers.indices where other != buffer && range(other).overlaps(range(buffer)) {
        contents[other] = nil
      }
      contents[buffer] = value.map(root)
    }
    for (index, buffer) in plan.buffers.enumerated() {
      #expect(buffer.byteCount > 0 && range(index).upperBound <= plan.arenaSize && buffer.offset % 64 == 0)
    }
    for step in plan.steps {
      let arguments: [Plan.Argument]
      switch step.work {
      case .layer(_, let all): arguments = all
      case .reference(_, let inputs, let output): arguments = inputs + [output]
      }
      var read: Set<Int> = []
      var written: Set<Int> = []
      for argument in arguments {
        guard case .buffer(let buffer) = argument.place else { continue }
        #expect(argument.layout.byteCount <= plan.buffers[buffer].byteCount, "\(step.name)")
        switch argument.kind {
        case RESECT_TARGET, RESECT_SCRATCH: written.insert(buffer)
        default:
          read.insert(buffer)
          #expect(contents[buffer] == argument.value.map(root), "\(step.name) reads something else")
        }
      }
      let work = program.steps[step.position]
      let target = arguments.first { $0.kind == RESECT_TARGET }
      if work.adds, step.value == work.output, case .layer = step.work, case .buffer(let buffer)? = target?.place {
        #expect(contents[buffer] == work.inputs.last.map(root), "\(step.name) adds something else")
      }
      for one in written {
        for other in read.union(written) where other != one {
          #expect(!range(one).overlaps(range(other)), "\(step.name) writes where it reads")
        }
        // A convolution that adds does so in place.
        #expect(!read.contains(one), "\(step.name) writes over what it reads")
      }
      for argument in arguments where [RESECT_TARGET, RESECT_SCRATCH].contains(argument.kind) {
        guard case .buffer(let buffer) = argument.place else { continue }
        write(buffer, argument.kind == RESECT_TARGET ? argument.value : nil)
      }
    }
    #expect(contents[plan.output] == root(wanted))
  }

  @Test func `buffers that live at once lie apart, and those that do not share memory`() throws {
    var random = SeededRandom(seed: 5)
    for _ in 0..<50 {
      let buffers = (0..<30).map { _ in
        let start = Int.random(in: 0...40, using: &random)
        return Plan.Buffer(
          byteCount: Int.random(in: 1...5000, using: &random), lifetime: start...start + Int.random(in: 0...6, using: &random))
      }
      let (placed, end) = Plan.placed(buffers)
      for (one, first) in placed.enumerated() {
        #expect(first.offset >= 0 && first.offset % 64 == 0 && first.offset + first.byteCount <= end)
        for second in placed[..<one] where second.lifetime.overlaps(first.lifetime) {
          #expect(first.offset + first.byteCount <= second.offset || second.offset + second.byteCount <= first.offset)
        }
      }
      #expect(end < buffers.reduce(0) { $0 + $1.byteCount })
    }
  }
}
