package import ResectBytes
package import ResectGraphs
package import ResectResNets
internal import ResectTensors

extension Graph {
  /// Mean and variance of a value's channels, as batch-norms tell them without any data.
  package struct ChannelMoments: Sendable, Hashable {
    /// The moments of each channel before the ReLU, if there is one, each channel taken as normally distributed.
    package var normal: [Moments]
    /// Whether a ReLU follows.
    package var isRectified = false

    /// The moments of each channel.
    package var moments: [Moments] { isRectified ? normal.map(\.rectified) : normal }

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

  /// What the batch-norms tell of each value, by number; nothing of a value of which they tell nothing, as of channels that something
  /// weighs.
  ///
  /// What a batch-norm takes has its running mean and variance, what it makes has its shift as mean and about the square of its scale
  /// as variance; ReLU cuts that as it cuts a normal distribution; what is added up is taken as independent. `image` is what a
  /// channel of the normalised image has. What pooling does to the moments is left out.
  package func moments(
    image: Moments = Moments(mean: 0, variance: 1)
  ) throws(ResectError) -> [ChannelMoments?] {
    let isImage = if case .image = input.kind { true } else { false }
    let images = isImage ? ChannelMoments(normal: [Moments](repeating: image, count: input.channels)) : nil
    var values = [inputNormalization == nil ? images : nil]
    for node in nodes {
      let inputs = node.inputs.map { values[$0] }
      switch node.operation {
      case .normalize: values.append(images)
      case .batchNorm(let norm):
        guard let moments = try NormMoments(norm, name: node.name) else {
          values.append(nil)
          continue
        }
        values[node.inputs[0]] = ChannelMoments(normal: moments.taken)
        values.append(ChannelMoments(normal: moments.made))
      case .add: values.append(ChannelMoments(addingUp: inputs))
      case .activation(.relu):
        values.append(inputs[0].map { ChannelMoments(normal: $0.moments, isRectified: true) })
      case .maxPool, .averagePool, .globalAveragePool, .globalMaxPool, .toImage, .identity: values.append(inputs[0])
      case .pad(let border):
        let zero = Moments(mean: border.value, variance: 0)
        values.append(
          inputs[0].map {
            let padded = [Moments](repeating: zero, count: border.channelsBefore) + $0.normal
            return ChannelMoments(
              normal: padded + [Moments](repeating: zero, count: border.channelsAfter), isRectified: $0.isRectified)
          })
      case .concatenate: values.append(ChannelMoments(joining: inputs))
      case .convolution, .linear, .scaleShift, .activation, .multiply, .flatten, .channelConvolution, .constant:
        values.append(nil)
      }
    }
    return values
  }
}

extension Graph.ChannelMoments {
  /// The moments of a sum; nothing where those of a summand are unknown.
  fileprivate init?(addingUp summands: [Graph.ChannelMoments?]) {
    guard var sum = summands.first??.moments else { return nil }
    for summand in summands.dropFirst() {
      guard let summand, summand.normal.count == sum.count else { return nil }
      sum = zip(sum, summand.moments).map { $0 + $1 }
    }
    self.init(normal: sum)
  }

  /// The moments of channels one after the other; nothing where some are unknown.
  fileprivate init?(joining parts: [Graph.ChannelMoments?]) {
    var all: [Moments] = []
    for part in parts {
      guard let part else { return nil }
      all += part.moments
    }
    // What was rectified keeps the moments that it has, no longer those of before.
    self.init(normal: all)
  }
}

/// What a batch-norm takes and makes.
private struct NormMoments {
  let taken: [Moments]
  let made: [Moments]

  /// Nothing where the statistics are those that a batch-norm begins with, or the ones that unfolding puts in: no data have gone
  /// through it.
  init?(_ norm: Graph.BatchNorm, name: String) throws(ResectError) {
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
