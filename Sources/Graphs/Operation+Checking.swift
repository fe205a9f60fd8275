internal import ResectBytes
internal import ResectTensors

extension Graph.Operation {
  /// Refuses tensors that do not fit each other and numbers that nothing can be computed with, whatever the operation takes.
  func check() throws(ResectError) {
    switch self {
    case .convolution(let convolution):
      let (shape, groups) = (convolution.weight.shape, convolution.groups)
      guard shape.rank == 4, shape.elementCount > 0, groups > 0, shape.axes[0] % groups == 0 else {
        throw mismatch("has the weight \(shape) in \(groups) groups, which cannot be")
      }
      try checkBias(convolution.bias, shape.axes[0])
      try convolution.window.check()
    case .linear(let linear):
      let shape = linear.weight.shape
      guard shape.rank == 2, shape.elementCount > 0 else { throw mismatch("has the weight \(shape), which cannot be") }
      try checkBias(linear.bias, shape.axes[0])
    case .batchNorm(let norm):
      let counts = [norm.mean, norm.variance, norm.weight, norm.bias].compactMap { $0?.shape.elementCount }
      guard Set(counts).count == 1, counts[0] > 0 else { throw mismatch("has tensors of \(counts) elements") }
      guard norm.epsilon.isFinite, norm.epsilon >= 0 else { throw impossible(norm.epsilon) }
    case .scaleShift(let affine):
      let counts = [affine.scale, affine.shift].compactMap { $0?.shape.elementCount }
      guard !counts.contains(0), Set(counts).subtracting([1]).count <= 1 else {
        throw mismatch("has tensors of \(counts) elements")
      }
    case .activation(.prelu(let slopes)):
      guard slopes.shape.elementCount > 0 else { throw mismatch("has no slopes") }
    case .activation(.leakyReLU(let slope)):
      guard slope.isFinite else { throw impossible(slope) }
    case .activation(.elu(let alpha)):
      guard alpha.isFinite else { throw impossible(alpha) }
    case .activation(.hardSigmoid(let slope, let offset)):
      if let number = [slope, offset].first(where: { !$0.isFinite }) { throw impossible(number) }
    case .maxPool(let pooling), .averagePool(let pooling): try pooling.window.check()
    case .pad(let border):
      let sides = [
        border.top, border.bottom, border.left, border.right, border.channelsBefore, border.channelsAfter,
      ]
      guard sides.allSatisfy({ 0...Limits.windowPixels ~= $0 }) else {
        throw ResectError(.malformed, "a border of \(sides) cannot be")
      }
      guard border.value.isFinite else { throw impossible(border.value) }
    case .channelConvolution(let convolution):
      let shape = convolution.kernel.shape
      guard shape.rank == 3, shape.axes[..<2] == [1, 1], shape.axes[2] % 2 == 1 else {
        throw mismatch("has the kernel \(shape), not 1 × 1 × an odd number")
      }
      try checkBias(convolution.bias, 1)
    case .constant(let tensor):
      guard [1, 3].contains(tensor.shape.rank), tensor.shape.elementCount > 0 else {
        throw mismatch("is \(tensor.shape), neither an image nor a vector")
      }
    case .activation, .globalAveragePool, .globalMaxPool, .add, .multiply, .concatenate, .flatten, .toImage, .normalize,
      .identity:
      break
    }
  }

  /// The error of an operation whose parts, or what it takes, do not fit.
  func mismatch(_ what: String) -> ResectError { ResectError(.mismatch, "the \(word) \(what)") }

  private func impossible(_ number: Double) -> ResectError {
    ResectError(.malformed, "the \(word) computes with \(number), which it cannot")
  }

  private func checkBias(_ bias: LazyTensor?, _ count: Int) throws(ResectError) {
    guard let bias, bias.shape.elementCount != count else { return }
    throw mismatch("has a bias of \(bias.shape.elementCount) elements for \(count) outputs")
  }
}
