internal import ResectGraphs
public import ResectBytes
public import ResectResNets
internal import ResectTensors

extension Program {
  /// Mean and variance of a value's channels, as batch-norms tell them without any data.
  public struct ChannelMoments: Sendable, Hashable {
    /// The moments of each channel before the ReLU, if there is one, each channel taken as normally distributed.
    public var normal: [Moments]
    /// Whether a ReLU follows.
    public var isRectified = false

    /// The moments of each channel.
    public var moments: [Moments] { isRectified ? normal.map(\.rectified) : normal }

    /// The numbers that lie within `deviations` standard deviations of each channel's mean, with zero.
    func range(deviations: Double) -> ActivationRanges.Range {
      var range = ActivationRanges.Range(low: 0, high: 0)
      for channel in normal {
        let reach = deviations * channel.variance.squareRoot()
        if !isRectified { range.low = min(range.low, Float(channel.mean - reach)) }
        range.high = max(range.high, Float(channel.mean + reach))
      }
      return range
    }
  }

  /// What the batch-norms of a graph that runs every module as it stands tell of each value; nothing of a value of which they tell
  /// nothing, as of channels that something weighs.
  ///
  /// What a batch-norm takes has its running mean and variance, what it makes has its shift as mean and about the square of its scale
  /// as variance; ReLU cuts that as it cuts a normal distribution; what is added up is taken as independent. `image` is what a
  /// channel of the normalised image has. What pooling does to the moments is left out.
  public func moments(
    image: Moments = Moments(mean: 0, variance: 1)
  ) throws(ResectError) -> [ChannelMoments?] {
    let images = takesFeatures ? nil : ChannelMoments(normal: [Moments](repeating: image, count: inputChannels))
    var values = [inputNormalization == nil ? images : nil]
    for node in nodes {
      let input = values[node.inputs[0]]
      switch node.operation {
      case .normalize: values.append(images)
      case .batchNorm(let norm):
        guard let moments = try NormMoments(norm, name: node.name) else {
          values.append(nil)
          continue
        }
        values[node.inputs[0]] = ChannelMoments(normal: moments.taken)
        values.append(ChannelMoments(normal: moments.made, isRectified: norm.relu))
      case .add(let relu):
        let sum = input.flatMap { one in values[node.inputs[1]].map { zip(one.moments, $0.moments).map { $0 + $1 } } }
        values.append(sum.map { ChannelMoments(normal: $0, isRectified: relu) })
      case .relu:
        values.append(input.map { ChannelMoments(normal: $0.moments, isRectified: true) })
      case .maxPool, .averagePool, .globalAveragePool: values.append(input)
      case .zeroPaddedShortcut(_, let before, let after):
        let zero = Moments(mean: 0, variance: 0)
        values.append(
          input.map {
            let padded = [Moments](repeating: zero, count: before) + $0.normal
            return ChannelMoments(
              normal: padded + [Moments](repeating: zero, count: after), isRectified: $0.isRectified)
          })
      case .convolution, .linear, .sigmoid, .channelConvolution, .gate: values.append(nil)
      }
    }
    return values
  }
}

/// What a batch-norm takes and makes.
private struct NormMoments {
  let taken: [Moments]
  let made: [Moments]

  /// Nothing where the statistics are those that a batch-norm begins with, or the ones that unfolding puts in: no data have gone
  /// through it.
  init?(_ norm: Program.BatchNorm, name: String) throws(ResectError) {
    func values(_ tensor: LazyTensor?, absent: Double) throws(ResectError) -> [Double] {
      guard let tensor else { return [Double](repeating: absent, count: norm.mean.shape.elementCount) }
      do throws(ResectError) { return try tensor.doubles() } catch { throw error.located(tensor: name) }
    }
    let (means, variances) = (try values(norm.mean, absent: 0), try values(norm.variance, absent: 1).map { max($0, 0) })
    guard !means.allSatisfy({ $0 == 0 }) || !variances.allSatisfy({ $0 == variances[0] }) else { return nil }
    taken = zip(means, variances).map { Moments(mean: $0, variance: $1) }
    let (scales, shifts) = (try values(norm.weight, absent: 1), try values(norm.bias, absent: 0))
    made = variances.indices.map { channel in
      // Where epsilon outweighs the variance, next to nothing is left but the shift.
      let share = variances[channel] > 0 ? variances[channel] / (variances[channel] + norm.epsilon) : 0
      return Moments(mean: shifts[channel], variance: scales[channel] * scales[channel] * share)
    }
  }
}
