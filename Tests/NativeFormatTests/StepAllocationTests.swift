import ResectNativeFormat
import ResectTestSupport
import Testing

@Suite struct StepAllocationTests {
  /// Weights with the spread `scale`, bell-shaped or, with `isPeaked`, with long tails.
  private static func weights(_ scale: Double, isPeaked: Bool = false, seed: UInt64) -> [Double] {
    var random = SeededRandom(seed: seed)
    return (0..<6000).map { _ in
      let bell = (0..<12).reduce(-6.0) { sum, _ in sum + Double.random(in: 0...1, using: &random) }
      return scale * (isPeaked ? bell * bell * bell / 3 : bell)
    }
  }

  private static let layers = [
    StepAllocation.Layer(count: 1000, sensitivity: 40, curve: RateCurve(weights(0.1, seed: 1))),
    StepAllocation.Layer(count: 9000, sensitivity: 3, curve: RateCurve(weights(0.02, seed: 2))),
    StepAllocation.Layer(
      count: 4000, sensitivity: 500, curve: RateCurve(weights(0.05, isPeaked: true, seed: 3))),
  ]

  // MARK: The curve

  @Test func `fine steps cost a bit for each halving, and their error is a twelfth of the square`() {
    let curve = RateCurve(Self.weights(0.1, seed: 4))
    for step in [0.01, 0.001, 1e-5, 1e-9] {
      // The differential entropy of a bell of spread 0.1 is log2(0.1 · √(2πe)).
      let expected = 2.0471 + 3.3219 * (-1) - Self.log2(step)
      #expect(abs(curve.bits(step: step) - expected) < 0.03)
      #expect(abs(curve.noise(step: step) / (step * step / 12) - 1) < 0.03)
    }
  }

  @Test func `a coarse step takes no bits and leaves the weights' own energy as error`() {
    let weights = Self.weights(0.1, seed: 5)
    let curve = RateCurve(weights)
    let energy = weights.reduce(0) { $0 + $1 * $1 } / Double(weights.count)
    #expect(curve.bits(step: 100) == 0)
    #expect(abs(curve.noise(step: 100) / energy - 1) < 1e-9)
  }

  @Test func `weights that are all zero, or none, cost nothing`() {
    for weights in [[], [0, 0, 0]] as [[Double]] {
      let curve = RateCurve(weights)
      #expect(curve.bits(step: 8) == 0)
      #expect(curve.noise(step: 1) < 1e-300)
    }
  }

  // MARK: The allocation

  /// Where steps are fine, each layer's part of the error is its part of the weights.
  @Test func `fine steps share the error by the number of weights`() {
    let allocation = StepAllocation(Self.layers)
    let noise = 1e-6
    let steps = allocation.steps(noise: noise)
    for (layer, step) in zip(Self.layers, steps) {
      let share = layer.sensitivity * layer.curve.noise(step: step) / noise
      #expect(abs(share / (Double(layer.count) / 14_000) - 1) < 0.06)
    }
    #expect(allocation.noise(steps) <= noise)
    #expect(allocation.noise(steps) > 0.94 * noise)
  }

  /// Every combination of 60 steps a layer.
  @Test(arguments: [1e-4, 0.01, 0.1, 0.5, 2])
  func `no other steps of the same error take fewer bits`(noise: Double) {
    let allocation = StepAllocation(Self.layers)
    let bits = allocation.bits(allocation.steps(noise: noise))
    let grid = Self.layers.map { layer in
      (0..<60).map { index in
        let step = layer.curve.scale * Self.exp2(Double(index - 45) / 6)
        return (
          bits: Double(layer.count) * layer.curve.bits(step: step),
          noise: layer.sensitivity * layer.curve.noise(step: step)
        )
      }
    }
    var best = Double.infinity
    for one in grid[0] {
      for two in grid[1] {
        for three in grid[2] where one.noise + two.noise + three.noise <= noise {
          best = min(best, one.bits + two.bits + three.bits)
        }
      }
    }
    // The grid is coarser than the allocation's: it may lose a little, not win.
    #expect(bits <= best * 1.005)
  }

  @Test(arguments: [20_000.0, 42_000, 100_000])
  func `steps for a number of bits are those of the error that they make`(bits: Double) {
    let allocation = StepAllocation(Self.layers)
    let steps = allocation.steps(bits: bits)
    #expect(allocation.bits(steps) <= bits)
    #expect(allocation.bits(steps) > 0.97 * bits)
    let again = allocation.steps(noise: allocation.noise(steps) * 1.0001)
    #expect(abs(allocation.bits(again) / allocation.bits(steps) - 1) < 0.02)
  }

  @Test func `without bits the steps are the coarsest`() {
    let allocation = StepAllocation(Array(Self.layers[..<2]))
    #expect(allocation.bits(allocation.steps(bits: 0)) < 100)
  }

  @Test func `the sensitivity of the unmeasured is relative to the weights`() {
    #expect(StepAllocation.Layer.sensitivity(meanSquare: 0.25) == 4)
    #expect(StepAllocation.Layer.sensitivity(meanSquare: 0.5, branchShare: 0.25) == 0.5)
    #expect(StepAllocation.Layer.sensitivity(meanSquare: 0).isFinite)
  }

  private static func log2(_ value: Double) -> Double {
    var (rest, result) = (value, 0.0)
    while rest < 1 { (rest, result) = (rest * 2, result - 1) }
    // 1 ≤ rest < 2: the area under 1 / x.
    let parts = 10_000
    for part in 0..<parts {
      result +=
        (rest - 1) / Double(parts) / (1 + (rest - 1) * (Double(part) + 0.5) / Double(parts)) / 0.6931471805599453
    }
    return result
  }

  private static func exp2(_ exponent: Double) -> Double {
    let whole = exponent.rounded(.down)
    var (term, sum) = (1.0, 1.0)
    for index in 1..<20 {
      term *= (exponent - whole) * 0.6931471805599453 / Double(index)
      sum += term
    }
    return sum * Double(sign: .plus, exponent: Int(whole), significand: 1)
  }
}
