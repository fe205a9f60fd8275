/// What the batch-norms of a network tell of its activations, without any data. See `Graph.moments(image:)`.
struct ActivationStatistics: Sendable {
  /// The mean of each input channel of each layer; nothing of layers of which batch-norms tell nothing.
  var inputMeans: [ModulePath: [Double]] = [:]
  /// How much of the variance of the sum behind its block a convolution's branch makes; nothing of layers outside of blocks.
  private(set) var branchShares: [ModulePath: Double] = [:]

  /// The statistics of `network`; none where it has no batch-norms.
  init(of network: ResNet) {
    var network = network
    var assumptions: [String] = []
    network.assumeWhatIsUnknown(&assumptions)
    guard case .batchNorm = network.normalization,
      let graph = try? network.graph(), let moments = try? graph.moments()
    else { return }
    // The convolutions since the last addition.
    var block: [ModulePath] = []
    for node in graph.nodes {
      let inputs = node.inputs.map { moments[$0]?.moments }
      switch node.operation {
      case .convolution, .linear:
        guard let module = Convention.tree.module(of: node.name) else { continue }
        inputMeans[module] = inputs[0]?.map(\.mean)
        block.append(module)
      case .add:
        defer { block = [] }
        guard let branch = inputs[0].map(totalVariance), let other = inputs[1].map(totalVariance), branch + other > 0
        else { continue }
        for module in block {
          switch module {
          case .convolution: branchShares[module] = branch / (branch + other)
          case .shortcutConvolution: branchShares[module] = other / (branch + other)
          default: continue
          }
        }
      default: continue
      }
    }
  }
}

private func totalVariance(_ channels: [Moments]) -> Double { channels.reduce(0) { $0 + $1.variance } }
