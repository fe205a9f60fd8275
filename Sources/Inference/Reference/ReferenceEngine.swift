internal import ResectBytes
internal import Synchronization
internal import ResectTensors

/// Runs a graph with the reference kernels, pulling each layer's weights when it comes to it.
struct ReferenceEngine<Scalar: BinaryFloatingPoint & Sendable> {
  typealias Kernels = ReferenceKernels<Scalar>
  let graph: Program

  /// The graph's output, or another of its values, for one element of a batch after the other.
  func run(_ batch: Batch, until value: Program.ValueID) throws(ResectError) -> [[Scalar]] {
    let (height, width) = batch.extent
    var shapes = try graph.shapes(height: height, width: width)
    guard shapes[0] == batch.shape else {
      throw ResectError(.badArgument, "the network takes \(shapes[0]), the batch holds \(batch.shape)")
    }
    shapes.removeSubrange((value + 1)...)
    let lastUses = graph.lastUses(until: value)
    var values: [Program.ValueID: [[Scalar]]] = [:]
    let size = batch.shape.count
    values[0] = (0..<batch.count).map { index in
      batch.values[index * size..<(index + 1) * size].map { Scalar($0) }
    }
    for (index, node) in graph.nodes.prefix(value).enumerated() {
      let weights = try Weights<Scalar>(of: node)
      let inputs = node.inputs.map { values[$0] ?? [] }
      let inputShapes = node.inputs.map { shapes[$0] }
      values[index + 1] = (0..<batch.count).map { element in
        node.run(inputs.map { $0[element] }, inputShapes, weights, shapes[index + 1])
      }
      for input in Set(node.inputs) where lastUses[input] == index { values[input] = nil }
    }
    return values[value] ?? []
  }
}

extension Program {
  /// The position of the node that takes each value last, of those that lead to `value`.
  func lastUses(until value: ValueID) -> [ValueID: Int] {
    var last: [ValueID: Int] = [:]
    for (index, node) in nodes.prefix(value).enumerated() {
      for input in node.inputs { last[input] = index }
    }
    return last
  }
}

/// The numbers that a node computes with.
struct Weights<Scalar: BinaryFloatingPoint & Sendable>: Sendable {
  var weight: [Scalar] = []
  var bias: [Scalar]?
  /// What each channel is multiplied by, and what is then added.
  var factors: [Double] = []
  var shifts: [Double] = []

  init(of node: Program.Node) throws(ResectError) {
    func numbers(_ tensor: LazyTensor, _ role: String) throws(ResectError) -> [Scalar] {
      try tensor.finiteNumbers("\(node.name).\(role)")
    }
    switch node.operation {
    case .convolution(let convolution):
      weight = try numbers(convolution.weight, "weight")
      if let tensor = convolution.bias { bias = try numbers(tensor, "bias") }
    case .linear(let linear):
      weight = try numbers(linear.weight, "weight")
      if let tensor = linear.bias { bias = try numbers(tensor, "bias") }
    case .channelConvolution(let kernel, let tensor):
      weight = try numbers(kernel, "weight")
      if let tensor { bias = try numbers(tensor, "bias") }
    case .batchNorm(let norm): (factors, shifts) = try norm.affine(at: node.name)
    case .add, .relu, .maxPool, .averagePool, .globalAveragePool, .zeroPaddedShortcut, .sigmoid, .gate, .normalize:
      break
    }
  }
}

extension Program.BatchNorm {
  /// What each channel is multiplied by, and what is then added.
  func affine(at name: String) throws(ResectError) -> (factors: [Double], shifts: [Double]) {
    let mean: [Double] = try mean.finiteNumbers("\(name).running_mean")
    let variance = try variances("\(name).running_var")
    let scale = try weight?.finiteNumbers("\(name).weight") ?? [Double](repeating: 1, count: mean.count)
    let shift = try bias?.finiteNumbers("\(name).bias") ?? [Double](repeating: 0, count: mean.count)
    let factors = zip(scale, variance).map { $0 / ($1 + epsilon).squareRoot() }
    return (factors, mean.indices.map { shift[$0] - mean[$0] * factors[$0] })
  }

  /// The variances, each with a root once epsilon is added.
  func variances(_ name: String) throws(ResectError) -> [Double] {
    let values: [Double] = try variance.finiteNumbers(name)
    if let index = values.firstIndex(where: { !(Float($0) + Float(epsilon) > 0) }) {
      throw ResectError(
        .badValue, "element \(index) is \(values[index]): with eps \(epsilon) it has no root to divide by", tensor: name
      )
    }
    return values
  }
}

extension Program.Node {
  /// The node's result for one element of a batch.
  func run<Scalar: BinaryFloatingPoint & Sendable>(
    _ inputs: [[Scalar]], _ shapes: [Program.ValueShape], _ weights: Weights<Scalar>, _ output: Program.ValueShape
  ) -> [Scalar] {
    typealias Kernels = ReferenceKernels<Scalar>
    func image() -> Kernels.Image {
      guard case .image(let channels, let height, let width) = shapes[0] else {
        return Kernels.Image(channels: shapes[0].count, height: 1, width: 1, values: inputs[0])
      }
      return Kernels.Image(channels: channels, height: height, width: width, values: inputs[0])
    }
    func pooled(_ window: Program.Window, averages: Bool) -> [Scalar] {
      guard case .image(_, let height, let width) = output else { return [] }
      return Kernels.pool(image(), window, height: height, width: width, averages: averages).values
    }
    switch operation {
    case .convolution(let convolution):
      return convolved(convolution, inputs, shapes[0], weights, output)
    case .batchNorm(let norm):
      return Kernels.affine(image(), factors: weights.factors, shifts: weights.shifts, relu: norm.relu).values
    case .normalize(let normalization): return Kernels.normalized(image(), by: normalization).values
    case .add(let relu):
      return zip(inputs[0], inputs[1]).map { relu ? Kernels.rectified($0 + $1) : $0 + $1 }
    case .relu: return inputs[0].map { Kernels.rectified($0) }
    case .maxPool(let window): return pooled(window, averages: false)
    case .averagePool(let window): return pooled(window, averages: true)
    case .globalAveragePool: return Kernels.globalMeans(image())
    case .zeroPaddedShortcut(let stride, let before, let after):
      return Kernels.shortcut(image(), stride: stride, before: before, after: after).values
    case .linear:
      return Kernels.linear(inputs[0], weight: weights.weight, bias: weights.bias, outputs: output.count)
    case .sigmoid: return inputs[0].map { Scalar(1 / (1 + exponential(-Double($0)))) }
    case .channelConvolution:
      return Kernels.channelConvolution(inputs[0], kernel: weights.weight, bias: weights.bias?.first)
    case .gate:
      let factors = inputs[1].map { Double($0) }
      return Kernels.affine(
        image(), factors: factors, shifts: [Double](repeating: 0, count: factors.count), relu: false
      ).values
    }
  }

  /// A convolution, one output channel after the other on all cores, then what is added and relu.
  private func convolved<Scalar: BinaryFloatingPoint & Sendable>(
    _ convolution: Program.Convolution, _ inputs: [[Scalar]], _ shape: Program.ValueShape,
    _ weights: Weights<Scalar>, _ output: Program.ValueShape
  ) -> [Scalar] {
    guard case .image(let channels, let height, let width) = output else { return [] }
    let area = height * width
    let axes = convolution.weight.shape.axes
    let results = Mutex<[Int: [Scalar]]>([:])
    try? parallelForEach(count: channels) { channel in
      var sums = [Double](repeating: 0, count: area)
      unsafe inputs[0].withUnsafeBufferPointer { source in
        unsafe weights.weight.withUnsafeBufferPointer { weight in
          unsafe sums.withUnsafeMutableBufferPointer { sums in
            unsafe ReferenceKernels.convolve(
              source, shape, weight, axes, convolution, channel: channel,
              bias: weights.bias.map { Double($0[channel]) } ?? 0, output: output, into: sums)
          }
        }
      }
      let plane = sums.indices.map { index in
        var sum = sums[index]
        if convolution.adds { sum += Double(inputs[1][channel * area + index]) }
        return convolution.relu ? ReferenceKernels.rectified(Scalar(sum)) : Scalar(sum)
      }
      results.withLock { $0[channel] = plane }
    }
    return results.withLock { planes in (0..<channels).flatMap { planes[$0] ?? [] } }
  }
}
