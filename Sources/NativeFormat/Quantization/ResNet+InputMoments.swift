public import Bytes
public import ResNets
internal import Tensors

extension ResNet {
  /// Mean and variance of each input channel of every convolution and of the head's first layer, as the batch-norms tell them:
  /// by the path of the layer whose input it is. Nothing where the network has no batch-norms, as after folding.
  ///
  /// A batch-norm makes its output's mean its shift and its variance the square of its scale; ReLU cuts that as it cuts a normal
  /// distribution; a branch and its shortcut add up as if they were independent. `image` is what a channel of the image has,
  /// after preprocessing. What max-pooling after the stem adds to the means is left out.
  public func inputMoments(
    image: Moments = Moments(mean: 0, variance: 1)
  ) throws(ResectError) -> [ModulePath: [Moments]]? {
    guard case .batchNorm = architecture.normalization else { return nil }
    var inputs: [ModulePath: [Moments]] = [:]
    inputs[.stemConvolution] = [Moments](repeating: image, count: architecture.inputChannels)
    var stream = try stem.outputMoments(.stemNorm).map(\.rectified)
    for (stage, blocks) in stages.enumerated() {
      for (index, block) in blocks.enumerated() {
        stream = try block.outputMoments(of: stream, stage: stage + 1, block: index, &inputs)
      }
    }
    if let first = head.first { inputs[.classifier(layer: first.layer)] = stream }
    return inputs
  }
}

extension ResNet.ResidualBlock {
  /// What the block makes of `input`; the inputs of its convolutions are noted.
  fileprivate func outputMoments(
    of input: [Moments], stage: Int, block: Int, _ inputs: inout [ModulePath: [Moments]]
  ) throws(ResectError) -> [Moments] {
    var branch: [Moments] = []
    for (index, unit) in units.enumerated() {
      inputs[.convolution(stage: stage, block: block, index: index + 1)] =
        index == 0 ? input : branch.map(\.rectified)
      branch = try unit.outputMoments(.norm(stage: stage, block: block, index: index + 1))
    }
    var other = input
    if let shortcut {
      inputs[.shortcutConvolution(stage: stage, block: block)] = input
      other = try shortcut.outputMoments(.shortcutNorm(stage: stage, block: block))
    } else if other.count < branch.count {
      // Zero-padded on both sides.
      let nothing = [Moments](
        repeating: Moments(mean: 0, variance: 0), count: (branch.count - other.count) / 2)
      other = nothing + other + nothing
    }
    guard other.count == branch.count else {
      throw ResectError(
        .mismatch, "the branch has \(branch.count) channels, the shortcut \(other.count)",
        tensor: "stage\(stage).\(block)")
    }
    return zip(branch, other).map { ($0 + $1).rectified }
  }
}

extension ResNet.ConvolutionUnit {
  /// What the unit's batch-norm, which is `path`, makes of whatever it is given.
  fileprivate func outputMoments(_ path: ModulePath) throws(ResectError) -> [Moments] {
    let channels = convolution.weight.shape.axes.first ?? 0
    func values(_ tensor: LazyTensor?, absent: Double) throws(ResectError) -> [Double] {
      guard let tensor else { return [Double](repeating: absent, count: channels) }
      do throws(ResectError) { return try tensor.doubles() } catch { throw error.located(tensor: path.description) }
    }
    return zip(try values(norm?.weight, absent: 1), try values(norm?.bias, absent: 0))
      .map { Moments(scale: $0, shift: $1) }
  }
}
