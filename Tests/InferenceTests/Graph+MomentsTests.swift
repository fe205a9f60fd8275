import ResectBytes
import ResectGraphs
import ResectInference
import ResectResNets
import ResectSurgery
import ResectTensors
import ResectTestSupport
import Testing

/// What batch-norms tell of activations, against the formulas applied by hand.
@Suite struct GraphMomentsTests {
  /// The moments of the value that the node `name` makes, where the network runs as it stands.
  private func moments(_ network: ResNet) throws -> [String: Graph.ChannelMoments] {
    let graph = try network.graph()
    let moments = try graph.moments()
    var named: [String: Graph.ChannelMoments] = [:]
    for (value, known) in moments.enumerated() { named[graph.name(of: value)] = known }
    return named
  }

  private func numbers(_ network: ResNet, _ name: String) throws -> [Double] {
    let parameter = try #require(network.parameters.first { $0.path.description == name })
    return try parameter.tensor.doubles()
  }

  /// What the batch-norm `name` makes: its shift, and its scale squared times the share of the variance in variance and epsilon.
  private func made(_ network: ResNet, _ name: String) throws -> [Moments] {
    let scales = try numbers(network, "\(name).weight")
    let shifts = try numbers(network, "\(name).bias")
    let variances = try numbers(network, "\(name).running_var")
    return scales.indices.map {
      let share = variances[$0] / (variances[$0] + 1e-3)
      return Moments(mean: shifts[$0], variance: scales[$0] * scales[$0] * share)
    }
  }

  private func sum(_ one: [Moments], _ other: [Moments]) -> [Moments] { zip(one, other).map { $0 + $1 } }

  @Test func `a batch-norm makes its shift and scale of what has its statistics, and branches add up`() throws {
    let network = try ResNet.random(.small(), seed: 4)
    let moments = try moments(network)
    #expect(moments["input"]?.moments == [Moments](repeating: Moments(mean: 0, variance: 1), count: 3))
    let taken = zip(
      try numbers(network, "stem.norm.running_mean"), try numbers(network, "stem.norm.running_var"))
    #expect(moments["stem.conv"]?.moments == taken.map { Moments(mean: $0, variance: $1) })
    let stem = try made(network, "stem.norm").map(\.rectified)
    #expect(moments["stem.norm.relu"]?.moments == stem)
    #expect(try moments["stage1.0.norm2"]?.moments == made(network, "stage1.0.norm2"))
    let first = sum(try made(network, "stage1.0.norm2"), stem).map(\.rectified)
    #expect(moments["stage1.0.conv2+.relu"]?.moments == first)
    let second = sum(try made(network, "stage1.1.norm2"), first).map(\.rectified)
    #expect(moments["stage1.1.conv2+.relu"]?.moments == second)
    let last = sum(try made(network, "stage2.0.norm2"), try made(network, "stage2.0.shortcut.norm")).map(\.rectified)
    #expect(moments["stage2.0.conv2+.relu"]?.moments == last)
    #expect(moments["classifier"] == nil)
  }

  @Test func `a zero-padded shortcut has nothing in its new channels`() throws {
    let network = try ResNet.random(.small(shortcut: .zeroPadded), seed: 4)
    let moments = try moments(network)
    let padded = try #require(moments["stage2.0.shortcut"]?.moments)
    let before = try #require(moments["stage1.1.conv2+.relu"]?.moments)
    let zeros = [Moments](repeating: Moments(mean: 0, variance: 0), count: 8)
    #expect(padded == zeros + before + zeros)
  }

  @Test func `ranges are told for just the values that convolutions take and make`() throws {
    for architecture in [
      Architecture.small(), .small(.bottleneck), .small(shortcut: .zeroPadded), .small(stem: .sevenWithMaxPool),
    ] {
      let network = try ResNet.random(architecture, seed: 7)
      let graph = try network.graph()
      let program = try Program(graph)
      let ranges = try #require(try ActivationRanges(batchNormsOf: graph, for: program))
      #expect(ranges.source == .batchNorms)
      #expect(Set(ranges.names) == Set(program.convolvedValues.map { program.name(of: $0) }))
      // Twelve deviations about the mean; nothing below zero behind a ReLU.
      let norm = try made(network, "stage1.0.norm1")
      let high = norm.map { $0.mean + 12 * $0.variance.squareRoot() }.max() ?? 0
      #expect(ranges["stage1.0.conv1"] == .init(low: 0, high: Float(high)))
    }
  }

  @Test func `batch-norms that no data went through tell nothing`() throws {
    let folded = try ResNet.random(.small(), seed: 2).foldingBatchNorm().network
    for network in [folded, try folded.unfoldingBatchNorm(epsilon: 1e-5).network] {
      let graph = try network.graph()
      #expect(try ActivationRanges(batchNormsOf: graph, for: Program(graph)) == nil)
    }
    var options = SessionOptions()
    options.precision = .int8
    options.calibration = .batchNorms
    let error = #expect(throws: ResectError.self) { try Session(folded, options: options) }
    // Where the processor has no fast integers, no ranges are needed.
    if let error { #expect(error.code == .notApplicable) }
  }
}
