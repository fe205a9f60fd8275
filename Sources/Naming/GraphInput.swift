internal import ResectGraphs
internal import ResectBytes
internal import ResectResNets

/// What a graph does to the numbers of an image before its first convolution: a normalisation of the input by the network itself.
struct GraphInput {
  /// The layers that do it.
  private(set) var layers: [String] = []
  private var operations: [LayerGraph.Operation] = []

  mutating func append(_ node: LayerGraph.Node) {
    layers.append(node.name)
    operations.append(node.operation)
  }

  /// All of it as one normalisation of `channels` channels; absent where nothing changes.
  ///
  /// A factor that comes first and that all channels share is the scale; whatever else there is goes into means and standard
  /// deviations, in double precision.
  func normalization(channels: Int) throws(ResectError) -> InputNormalization? {
    var scale: Double?
    var order = Array(0..<channels)
    var mean = [Double](repeating: 0, count: channels)
    var std = [Double](repeating: 1, count: channels)
    for (position, (layer, operation)) in zip(layers, operations).enumerated() {
      // So far, the result is (pixel × scale − mean) / std.
      switch operation {
      case .scale(let factors, let terms):
        let factors = try spread(factors, over: channels, at: layer)
        let terms = try spread(terms, over: channels, at: layer)
        guard factors.allSatisfy({ $0 != 0 }) else {
          throw ResectError(.badValue, "the layer multiplies pixels by zero", tensor: layer)
        }
        if position == 0, Set(factors).count == 1 {
          scale = factors.first
          mean = terms.map { 0 - $0 }
        } else {
          for channel in 0..<channels {
            mean[channel] -= terms[channel] * std[channel] / factors[channel]
            std[channel] /= factors[channel]
          }
        }
      case .standardize(let means, let deviations):
        let means = try spread(means, over: channels, at: layer)
        let deviations = try spread(deviations, over: channels, at: layer)
        for channel in 0..<channels {
          mean[channel] += means[channel] * std[channel]
          std[channel] *= deviations[channel]
        }
      case .reorderChannels(let positions):
        let positions = positions ?? Array((0..<channels).reversed())
        guard positions.sorted() == Array(0..<channels) else {
          throw ResectError(
            .unsupported, "the layer takes the channels \(positions) of the image's \(channels)", tensor: layer)
        }
        (order, mean, std) = (positions.map { order[$0] }, positions.map { mean[$0] }, positions.map { std[$0] })
      default: continue
      }
    }
    let isOrdered = order == Array(0..<channels)
    guard !isOrdered || scale ?? 1 != 1 || mean.contains(where: { $0 != 0 }) || std.contains(where: { $0 != 1 }) else {
      return nil
    }
    do throws(ResectError) {
      return try InputNormalization(channels: order, scale: scale ?? 1, mean: mean, std: std)
    } catch {
      throw error.located(tensor: layers.last)
    }
  }

  private func spread(_ numbers: [Double], over channels: Int, at layer: String) throws(ResectError) -> [Double] {
    if numbers.count == 1 { return [Double](repeating: numbers[0], count: channels) }
    guard numbers.count == channels else {
      throw ResectError(
        .mismatch, "the layer has \(numbers.count) numbers for the \(channels) channels of the image", tensor: layer)
    }
    return numbers
  }
}
