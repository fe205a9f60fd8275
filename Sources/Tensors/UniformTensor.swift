internal import ResectBytes

extension LazyTensor {
  /// Random float32 numbers between −`bound` and `bound`: what torch's `uniform_` fills a tensor with after
  /// `torch.manual_seed(seed)` and `draws` other numbers, bit for bit.
  ///
  /// torch scales and shifts a number in one step with one rounding where the processor can (AVX2 and later); where it cannot,
  /// torch rounds twice and gives some numbers another last bit. Here it is one rounding everywhere.
  public init(uniformWithin bound: Float, shape: Shape, seed: UInt32, after draws: Int = 0) {
    self.init(
      dtype: .float32, shape: shape,
      source: UniformTensor(count: shape.elementCount, bound: bound, seed: seed, draws: draws))
  }
}

private struct UniformTensor: TensorSource {
  let count: Int
  let bound: Float
  let seed: UInt32
  let draws: Int

  func stream(
    as dtype: DType, _ piece: (RawSpan) throws(ResectError) -> Void
  ) throws(ResectError) {
    var generator = MersenneTwister(seed: seed)
    generator.skip(draws)
    var scratch = DoubleScratch()
    var left = count
    while left > 0 {
      let numbers = (0..<min(left, UniformTensor.pieceCount)).map { _ in uniform(&generator) }
      scratch.load(numbers[...])
      try scratch.encode(as: dtype, piece)
      left -= numbers.count
    }
  }

  private static let pieceCount = 1 << 16

  /// The next number: 24 random bits as a fraction, scaled and shifted.
  private func uniform(_ generator: inout MersenneTwister) -> Double {
    let fraction = Double(generator.next() & 0xFF_FFFF) / 0x100_0000
    // The product and the sum fit a double, so that only the conversion rounds.
    return Double(Float(fraction * Double(bound - -bound) - Double(bound)))
  }
}
