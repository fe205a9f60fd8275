internal import ResectBytes
internal import ResectGraphs
internal import ResectTensors

/// What a graph does to the numbers of an image before its first convolution: a normalisation of the input by the network itself.
struct GraphInput {
  /// The nodes that do it.
  private(set) var nodes: [Graph.Node] = []

  mutating func append(_ node: Graph.Node) { nodes.append(node) }

  /// All of it as one normalisation of `channels` channels; absent where nothing changes.
  ///
  /// A factor that comes first and that all channels share is the scale; whatever else there is goes into means and standard
  /// deviations, in double precision.
  func normalization(channels: Int) throws(ResectError) -> InputNormalization? {
    var scale: Double?
    var order = Array(0..<channels)
    var mean = [Double](repeating: 0, count: channels)
    var std = [Double](repeating: 1, count: channels)
    for (position, node) in nodes.enumerated() {
      // So far, the result is (pixel × scale − mean) / std.
      switch node.operation {
      case .scaleShift(let affine):
        let factors = try spread(affine.scale?.doubles() ?? [1], over: channels, at: node)
        let terms = try spread(affine.shift?.doubles() ?? [0], over: channels, at: node)
        guard factors.allSatisfy({ $0 != 0 }) else {
          throw ResectError(.badValue, "the layer multiplies pixels by zero", tensor: node.name)
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
      case .normalize(let step):
        guard step.channels.count == channels else {
          throw ResectError(
            .mismatch, "the layer has \(step.channels.count) numbers for the \(channels) channels of the image",
            tensor: node.name)
        }
        (order, mean, std) = (
          step.channels.map { order[$0] }, step.channels.map { mean[$0] }, step.channels.map { std[$0] }
        )
        if position == 0 { scale = step.scale }
        let factor = position == 0 ? 1 : step.scale
        for channel in 0..<channels {
          mean[channel] += step.mean[channel] * std[channel] / factor
          std[channel] *= step.std[channel] / factor
        }
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
      throw error.located(tensor: nodes.last?.name)
    }
  }

  private func spread(_ numbers: [Double], over channels: Int, at node: Graph.Node) throws(ResectError) -> [Double] {
    if numbers.count == 1 { return [Double](repeating: numbers[0], count: channels) }
    guard numbers.count == channels else {
      throw ResectError(
        .mismatch, "the layer has \(numbers.count) numbers for the \(channels) channels of the image",
        tensor: node.name)
    }
    return numbers
  }
}
