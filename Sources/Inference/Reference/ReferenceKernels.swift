internal import ResectBytes
internal import ResectGraphs
internal import ResectTensors
internal import Synchronization

/// A step in plain Swift: sums in double precision, each result rounded once to `Scalar`.
///
/// These kernels define what the fast engine has to agree with, and run where it is missing. They work on one element of a batch:
/// an image is channels × height × width, row-major.
struct ReferenceKernels<Scalar: BinaryFloatingPoint & Sendable> {
  let step: Program.Step
  /// The shapes of what is taken.
  let shapes: [Graph.ValueShape]
  /// The shape of what is made.
  let output: Graph.ValueShape
  let weights: Weights<Scalar>

  init(
    _ step: Program.Step, _ shapes: [Graph.ValueShape], _ output: Graph.ValueShape, _ weights: Weights<Scalar>
  ) {
    self.step = step
    self.shapes = shapes
    self.output = output
    self.weights = weights
  }

  /// What the step makes of `inputs`.
  func run(_ inputs: [[Scalar]]) throws(ResectError) -> [Scalar] {
    switch step.operation {
    case .convolution(let convolution): try convolved(convolution, inputs)
    case .linear: linear(inputs[0])
    case .batchNorm, .scaleShift:
      finished { channel, index in
        Double(inputs[0][index]) * weights.factors[channel] + weights.shifts[channel]
      }
    case .activation(let activation): activated(inputs[0], by: activation)
    case .maxPool(let pooling): try pooled(inputs[0], pooling, averages: false)
    case .averagePool(let pooling): try pooled(inputs[0], pooling, averages: true)
    case .globalAveragePool:
      planes(of: inputs[0]).map { plane in
        Scalar(plane.reduce(0.0) { $0 + Double($1) } / Double(plane.count))
      }
    case .globalMaxPool: planes(of: inputs[0]).map(ReferenceKernels.maximum)
    case .add: finished { _, index in inputs.reduce(0.0) { $0 + Double($1[index]) } }
    case .multiply:
      shapes[1] == output
        ? finished { _, index in Double(inputs[0][index]) * Double(inputs[1][index]) }
        : finished { channel, index in Double(inputs[0][index]) * Double(inputs[1][channel]) }
    case .concatenate: inputs.flatMap(\.self)
    case .flatten(let order): flattened(inputs[0], order)
    case .toImage, .identity: inputs[0]
    case .pad(let border): padded(inputs[0], by: border)
    case .channelConvolution: alongChannels(inputs[0])
    case .normalize(let normalization): ReferenceKernels.normalized(inputs[0], by: normalization)
    case .constant: weights.weight
    }
  }

  /// The result, number by number: `compute` gives one by its channel and its index, and what follows in the step is applied to it.
  func finished(_ compute: (_ channel: Int, _ index: Int) -> Double) -> [Scalar] {
    let area = output.count / output.channels
    return (0..<output.count).map { index in
      let value = compute(index / area, index)
      return Scalar(step.activation?.applied(to: value) ?? value)
    }
  }

  /// The numbers of each channel of what is taken first.
  private func planes(of values: [Scalar]) -> [ArraySlice<Scalar>] {
    let area = shapes[0].count / shapes[0].channels
    return (0..<shapes[0].channels).map { values[$0 * area..<($0 + 1) * area] }
  }

  /// The largest of some numbers. Not a number stays so: a maximum must not hide it.
  private static func maximum(_ values: ArraySlice<Scalar>) -> Scalar {
    values.reduce(-Scalar.infinity) { $1 > $0 || $1.isNaN ? $1 : $0 }
  }

  // MARK: Sums of products

  private func linear(_ features: [Scalar]) -> [Scalar] {
    finished { _, output in
      var sum = weights.bias.map { Double($0[output]) } ?? 0
      for index in features.indices {
        sum += Double(weights.weight[output * features.count + index]) * Double(features[index])
      }
      return sum
    }
  }

  /// Each channel from its neighbours, by the taps of one kernel.
  private func alongChannels(_ features: [Scalar]) -> [Scalar] {
    let taps = weights.weight
    return finished { center, _ in
      var sum = Double(weights.bias?.first ?? 0)
      for (tap, weight) in taps.enumerated() {
        let index = center + tap - taps.count / 2
        if features.indices.contains(index) { sum += Double(weight) * Double(features[index]) }
      }
      return sum
    }
  }

  // MARK: Activations

  private func activated(_ values: [Scalar], by activation: Graph.Activation) -> [Scalar] {
    switch activation {
    case .prelu:
      let slopes = weights.weight
      return finished { channel, index in
        let value = Double(values[index])
        return value < 0 ? value * Double(slopes.count == 1 ? slopes[0] : slopes[channel]) : value
      }
    case .softmax: return softened(values) { exponential($0) / $1 }
    case .logSoftmax: return softened(values) { $0 - logarithm($1) }
    case .relu, .relu6, .leakyReLU, .silu, .gelu, .elu, .sigmoid, .tanh, .hardSigmoid, .hardSwish:
      return finished { _, index in activation.applied(to: Double(values[index])) }
    }
  }

  /// For each pixel, `compute` of each channel's number less the largest one, and of the sum of their exponentials.
  private func softened(_ values: [Scalar], _ compute: (Double, Double) -> Double) -> [Scalar] {
    let area = output.count / output.channels
    var largest = [Double](repeating: -.infinity, count: area)
    for index in values.indices { largest[index % area] = max(largest[index % area], Double(values[index])) }
    var sums = [Double](repeating: 0, count: area)
    for index in values.indices { sums[index % area] += exponential(Double(values[index]) - largest[index % area]) }
    return finished { _, index in compute(Double(values[index]) - largest[index % area], sums[index % area]) }
  }

  // MARK: Windows

  private func pooled(
    _ values: [Scalar], _ pooling: Graph.Pooling, averages: Bool
  ) throws(ResectError) -> [Scalar] {
    guard case .image(_, let height, let width) = shapes[0] else { return [] }
    let (rows, columns) = (try pooling.window.vertical(height), try pooling.window.horizontal(width))
    let area = height * width
    var made: [Scalar] = []
    made.reserveCapacity(output.count)
    for channel in 0..<output.channels {
      for y in 0..<rows.count {
        for x in 0..<columns.count {
          var sum = 0.0
          var largest = -Scalar.infinity
          let (down, across) = (rows.taps(y, within: height), columns.taps(x, within: width))
          for row in down.inside {
            for column in across.inside {
              let value = values[channel * area + row * width + column]
              sum += Double(value)
              if value > largest || value.isNaN { largest = value }
            }
          }
          let count = pooling.countsBorder ? down.all * across.all : down.inside.count * across.inside.count
          let value = averages ? sum / Double(count) : Double(largest)
          made.append(Scalar(step.activation?.applied(to: value) ?? value))
        }
      }
    }
    return made
  }

  /// A convolution, one output channel after the other on all cores.
  private func convolved(_ convolution: Graph.Convolution, _ inputs: [[Scalar]]) throws(ResectError) -> [Scalar] {
    guard case .image(_, let height, let width) = shapes[0] else { return [] }
    let window = convolution.window
    let correlation = Correlation(
      axes: convolution.weight.shape.axes, groups: convolution.groups, rows: try window.vertical(height),
      columns: try window.horizontal(width), height: height, width: width)
    let area = correlation.rows.count * correlation.columns.count
    let made = Mutex<[Int: [Scalar]]>([:])
    try parallelForEach(count: output.channels) { channel in
      var sums = [Double](repeating: weights.bias.map { Double($0[channel]) } ?? 0, count: area)
      unsafe inputs[0].withUnsafeBufferPointer { source in
        unsafe weights.weight.withUnsafeBufferPointer { weight in
          unsafe sums.withUnsafeMutableBufferPointer { sums in
            unsafe correlation.add(channel, of: source, weight, to: sums)
          }
        }
      }
      let plane = sums.indices.map { index in
        let sum = step.adds ? sums[index] + Double(inputs[1][channel * area + index]) : sums[index]
        return Scalar(step.activation?.applied(to: sum) ?? sum)
      }
      made.withLock { $0[channel] = plane }
    }
    return made.withLock { planes in (0..<output.channels).flatMap { planes[$0] ?? [] } }
  }

  // MARK: Places

  private func flattened(_ values: [Scalar], _ order: Graph.FlatteningOrder) -> [Scalar] {
    guard order == .channelsLast else { return values }
    let channels = shapes[0].channels
    let area = values.count / channels
    return (0..<values.count).map { values[$0 % channels * area + $0 / channels] }
  }

  private func padded(_ values: [Scalar], by border: Graph.Border) -> [Scalar] {
    guard case .image(let channels, let height, let width) = shapes[0],
      case .image(_, let outputHeight, let outputWidth) = output
    else { return [] }
    var made = [Scalar](repeating: Scalar(border.value), count: output.count)
    for channel in 0..<channels {
      for row in 0..<height {
        let source = (channel * height + row) * width
        let target = ((channel + border.channelsBefore) * outputHeight + row + border.top) * outputWidth + border.left
        made.replaceSubrange(target..<target + width, with: values[source..<source + width])
      }
    }
    return made
  }

  /// What the first convolution takes of pixels, with as many roundings as preprocessing has, so that its bits are the same.
  static func normalized(_ values: [Scalar], by normalization: InputNormalization) -> [Scalar] {
    let area = values.count / normalization.channels.count
    let divisor = normalization.divisor.map { Scalar($0) }
    let scale = Scalar(normalization.scale)
    var made = values
    for (channel, source) in normalization.channels.enumerated() {
      let (mean, std) = (Scalar(normalization.mean[channel]), Scalar(normalization.std[channel]))
      for pixel in 0..<area {
        let value = values[source * area + pixel]
        let scaled = divisor.map { value / $0 } ?? value * scale
        made[channel * area + pixel] = (scaled - mean) / std
      }
    }
    return made
  }
}

extension Graph.Window.Axis {
  /// The pixels of `length` that the window at `index` sees, and how many it sees with those around them that it is meant to reach.
  fileprivate func taps(_ index: Int, within length: Int) -> (inside: [Int], all: Int) {
    let start = index * stride - before
    let taps = Swift.stride(from: start, to: start + span, by: dilation)
    return (taps.filter { 0..<length ~= $0 }, taps.count { -before..<length + after ~= $0 })
  }
}
