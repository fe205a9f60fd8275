import Bytes
import NativeFormat
import Tensors
import TestSupport
import Testing

@Suite struct BiasCorrectionTests {
  /// A number of the standard normal distribution, by the sum of twelve uniform ones.
  private static func normal(_ random: inout SeededRandom) -> Double {
    (0..<12).reduce(-6.0) { sum, _ in sum + Double.random(in: 0...1, using: &random) }
  }

  // MARK: Moments

  @Test(arguments: [(0.0, 1.0), (1.5, 0.5), (-0.3, 2), (-2, 1), (0.7, 0.1)])
  func `the moments after ReLU are those of samples`(mean: Double, deviation: Double) {
    var random = SeededRandom(seed: 1)
    var (sum, squares) = (0.0, 0.0)
    let count = 200_000
    for _ in 0..<count {
      let value = max(mean + deviation * Self.normal(&random), 0)
      sum += value
      squares += value * value
    }
    let sampled = sum / Double(count)
    let variance = squares / Double(count) - sampled * sampled
    let moments = Moments(scale: -deviation, shift: mean).rectified
    #expect(abs(moments.mean - sampled) < 0.01 * deviation)
    #expect(abs(moments.variance - variance) < 0.02 * deviation * deviation)
  }

  @Test func `ReLU of a standard normal has mean 1 over the root of 2 pi and variance a half less 1 over 2 pi`() {
    let moments = Moments(mean: 0, variance: 1).rectified
    #expect(abs(moments.mean - 0.3989422804014327) < 1e-15)
    #expect(abs(moments.variance - 0.3408450569081046) < 1e-15)
  }

  @Test func `a channel that never varies is cut or kept`() {
    #expect(Moments(mean: -2, variance: 0).rectified == Moments(mean: 0, variance: 0))
    #expect(Moments(mean: 3, variance: 0).rectified == Moments(mean: 3, variance: 0))
  }

  @Test func `a channel far below zero is nothing, and no negative variance`() {
    let moments = Moments(scale: 1, shift: -40).rectified
    #expect(moments.mean >= 0 && moments.mean < 1e-100)
    #expect(moments.variance >= 0 && moments.variance < 1e-100)
  }

  @Test func `moments of independent channels add up`() {
    #expect(
      Moments(mean: 1, variance: 2) + Moments(mean: -3, variance: 0.5) == Moments(mean: -2, variance: 2.5))
  }

  // MARK: Corrections

  /// Two outputs, two inputs, kernels of two taps.
  @Test func `the correction is the change of each kernel times its input's mean`() throws {
    let corrections = try BiasCorrection.corrections(
      weights: [1, 2, 3, 4, 5, 6, 7, 8], changed: [1.5, 2, 3, 4.25, 5, 6, 6, 9], shape: Shape([2, 2, 1, 2]),
      inputMeans: [2, 8])
    #expect(corrections == [-(0.5 * 2 + 0.25 * 8), 0])
  }

  @Test func `groups see their own inputs`() throws {
    let corrections = try BiasCorrection.corrections(
      weights: [0, 0, 0, 0], changed: [1, 1, 1, 1], shape: Shape([4, 1]), groups: 2, inputMeans: [3, 5])
    #expect(corrections == [-3, -3, -5, -5])
  }

  @Test func `corrected outputs have their means back`() throws {
    var random = SeededRandom(seed: 9)
    let inputs = 16
    let weights = (0..<inputs).map { _ in Self.normal(&random) / 4 }
    let changed = weights.map { ($0 / 0.2).rounded() * 0.2 }
    let norms = (0..<inputs).map { _ in (scale: Self.normal(&random), shift: Self.normal(&random)) }
    let correction = try BiasCorrection.corrections(
      weights: weights, changed: changed, shape: Shape([1, inputs]),
      inputMeans: norms.map { Moments(scale: $0.scale, shift: $0.shift).rectified.mean })[0]
    var difference = 0.0
    let count = 50_000
    for _ in 0..<count {
      for index in 0..<inputs {
        let input = max(norms[index].shift + norms[index].scale * Self.normal(&random), 0)
        difference += (changed[index] - weights[index]) * input
      }
    }
    difference /= Double(count)
    #expect(abs(difference) > 0.02)
    #expect(abs(difference + correction) < 0.004)
  }

  @Test func `what does not fit the shape is refused`() throws {
    let shape = try Shape([2, 2])
    for (weights, changed, means, groups) in [
      (4, 4, 3, 1), (3, 4, 2, 1), (4, 3, 2, 1), (4, 4, 2, 2), (4, 4, 2, 0), (4, 4, 5, 2),
    ] {
      let code = refusal { () throws(ResectError) in
        try BiasCorrection.corrections(
          weights: [Double](repeating: 0, count: weights), changed: [Double](repeating: 0, count: changed),
          shape: shape, groups: groups, inputMeans: [Double](repeating: 0, count: means))
      }
      #expect(code == .mismatch)
    }
  }
}
