internal import ResectGraphs
public import ResectBytes
internal import ResectResNets

/// Fixed pseudo-random inputs on which networks are compared.
///
/// They are smooth noise of several scales and contrasts, the same on every machine: numbers of the size that preprocessed
/// images have, with edges, flat parts and signs.
public enum Probes {
  /// How many there are.
  public static let count = 4

  /// The probes for `graph`: images of `side` pixels (by default 64, or 32 where the network does not begin with a large
  /// stride), or vectors of features.
  public static func batch(for graph: Program, side: Int? = nil, count: Int = count) throws(ResectError) -> Batch {
    guard !graph.takesFeatures else {
      var noise = Noise(seed: 1)
      let values = (0..<count * graph.inputChannels).map { _ in max(0, noise.next()) }
      return try Batch(count: count, shape: .vector(graph.inputChannels), values: values)
    }
    let side = side ?? (graph.beginsWithLargeStride ? 64 : 32)
    var values: [Float] = []
    values.reserveCapacity(count * graph.inputChannels * side * side)
    for index in 0..<count {
      var noise = Noise(seed: UInt64(index) + 1)
      for _ in 0..<graph.inputChannels { values += plane(side, &noise, contrast: 0.5 + 0.5 * Float(index)) }
    }
    let noise = try Batch(
      count: count, shape: .image(channels: graph.inputChannels, height: side, width: side), values: values)
    guard let normalization = graph.inputNormalization else { return noise }
    return try noise.pixels(for: normalization)
  }

  /// Noise in blocks of 8 and of 1 pixels about a random mean.
  private static func plane(_ side: Int, _ noise: inout Noise, contrast: Float) -> [Float] {
    let mean = noise.next()
    let blocks = (side + 7) / 8
    let coarse = (0..<blocks * blocks).map { _ in noise.next() }
    return (0..<side * side).map { index in
      let (row, column) = (index / side, index % side)
      return 0.5 * mean + contrast * (coarse[row / 8 * blocks + column / 8] + 0.5 * noise.next())
    }
  }

  /// Numbers about zero, of deviation near 1: sums of three uniform ones.
  private struct Noise {
    var state: UInt64

    init(seed: UInt64) { state = seed &* 0x9E37_79B9_7F4A_7C15 }

    mutating func next() -> Float {
      (0..<3).reduce(Float(0)) { sum, _ in sum + uniform() } * 1.0
    }

    /// Between −1 and 1; Vigna's splitmix64.
    private mutating func uniform() -> Float {
      state &+= 0x9E37_79B9_7F4A_7C15
      var mixed = state
      mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
      mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
      mixed ^= mixed >> 31
      return Float(mixed >> 40) / Float(1 << 23) - 1
    }
  }
}

extension Batch {
  /// The pixels that come nearest to these images after the normalisation.
  fileprivate func pixels(for normalization: InputNormalization) throws(ResectError) -> Batch {
    let area = extent.height * extent.width
    var pixels = values
    for index in values.indices {
      let channel = index / area % shape.channels
      let value = Double(values[index]) * normalization.std[channel] + normalization.mean[channel]
      let image = index / area / shape.channels
      let target = (image * shape.channels + normalization.channels[channel]) * area + index % area
      pixels[target] = Float(min(max((value / normalization.scale).rounded(), 0), 255))
    }
    return try Batch(count: count, shape: shape, values: pixels)
  }
}

extension Program {
  /// Whether the first convolution and what follows it shrink an image four times.
  fileprivate var beginsWithLargeStride: Bool {
    nodes.prefix(4).contains { node in
      if case .maxPool = node.operation { true } else { false }
    }
  }
}
