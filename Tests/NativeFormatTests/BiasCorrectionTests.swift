import ResectBytes
import ResectNativeFormat
import ResectResNets
import ResectTensors
import ResectTestSupport
import Testing

@Suite struct BiasCorrectionTests {
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
    let weights = (0..<inputs).map { _ in random.normal() / 4 }
    let changed = weights.map { ($0 / 0.2).rounded() * 0.2 }
    let norms = (0..<inputs).map { _ in (scale: random.normal(), shift: random.normal()) }
    let correction = try BiasCorrection.corrections(
      weights: weights, changed: changed, shape: Shape([1, inputs]),
      inputMeans: norms.map { Moments(mean: $0.shift, variance: $0.scale * $0.scale).rectified.mean })[0]
    var difference = 0.0
    let count = 50_000
    for _ in 0..<count {
      for index in 0..<inputs {
        let input = max(norms[index].shift + norms[index].scale * random.normal(), 0)
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
