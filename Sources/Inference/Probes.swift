public import ResectBytes
public import ResectGraphs

/// Fixed pseudo-random inputs on which networks are compared.
///
/// They are smooth noise of several scales and contrasts, the same on every machine: numbers of the size that preprocessed
/// images have, with edges, flat parts and signs.
public enum Probes {
  /// How many there are.
  public static let count = 4

  /// The probes for what `session` runs: images of `side` pixels (by default 64, or 32 where the network does not begin with a large
  /// stride, and more where it takes no image so small), or vectors of features.
  public static func batch(
    for session: Session, side: Int? = nil, count: Int = count
  ) throws(ResectError) -> Batch {
    try batch(for: session.program, side: side, count: count)
  }

  /// The probes for `graph`.
  public static func batch(for graph: Graph, side: Int? = nil, count: Int = count) throws(ResectError) -> Batch {
    try batch(for: Program(graph, fidelity: .exact), side: side, count: count)
  }

  static func batch(for program: Program, side: Int? = nil, count: Int = count) throws(ResectError) -> Batch {
    let graph = program.graph
    let channels: Int
    switch graph.input.kind {
    case .features(let features):
      var noise = Noise(seed: 1)
      let values = (0..<count * features).map { _ in max(0, noise.next()) }
      return try Batch(count: count, shape: .vector(features), values: values)
    case .image(let number, _, _): channels = number
    }
    let (height, width) = try graph.probeSize(side, usual: program.beginsWithLargeStride ? 64 : 32)
    var values: [Float] = []
    values.reserveCapacity(count * channels * height * width)
    for index in 0..<count {
      var noise = Noise(seed: UInt64(index) + 1)
      for _ in 0..<channels { values += plane(height, width, &noise, contrast: 0.5 + 0.5 * Float(index)) }
    }
    let noise = try Batch(
      count: count, shape: .image(channels: channels, height: height, width: width), values: values)
    guard let normalization = graph.inputNormalization else { return noise }
    return try noise.pixels(for: normalization)
  }

  /// Noise in blocks of 8 and of 1 pixels about a random mean.
  private static func plane(_ height: Int, _ width: Int, _ noise: inout Noise, contrast: Float) -> [Float] {
    let mean = noise.next()
    let (down, across) = ((height + 7) / 8, (width + 7) / 8)
    let coarse = (0..<down * across).map { _ in noise.next() }
    return (0..<height * width).map { index in
      let (row, column) = (index / width, index % width)
      return 0.5 * mean + contrast * (coarse[row / 8 * across + column / 8] + 0.5 * noise.next())
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

extension Graph {
  /// Height and width of the probes: those that the input fixes, else `side` for both, else `usual`, else
  /// the first that the network takes: a linear layer behind the windows may want just one.
  fileprivate func probeSize(_ side: Int?, usual: Int) throws(ResectError) -> (height: Int, width: Int) {
    var fixed: (Int?, Int?) = (nil, nil)
    if case .image(_, let height, let width) = input.kind { fixed = (height, width) }
    func size(_ side: Int) -> (height: Int, width: Int) { (fixed.0 ?? side, fixed.1 ?? side) }
    if let side { return size(side) }
    var failure: ResectError?
    for side in [usual, 64, 32, 28, 96, 128, 160, 192, 224, 256, 299, 320, 384, 512] {
      do throws(ResectError) {
        _ = try shapes(height: size(side).height, width: size(side).width)
        return size(side)
      } catch {
        // The first one tells most.
        failure = failure ?? error
      }
    }
    if let failure { throw failure }
    return size(usual)
  }
}

extension Program {
  /// Whether the first convolution and what follows it shrink an image four times.
  fileprivate var beginsWithLargeStride: Bool {
    steps.prefix(4).contains { step in
      if case .maxPool = step.operation { true } else { false }
    }
  }
}
