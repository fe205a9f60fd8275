import ResectResNets
import ResectTestSupport
import Testing

@Suite struct MomentsTests {
  @Test(arguments: [(0.0, 1.0), (1.5, 0.5), (-0.3, 2), (-2, 1), (0.7, 0.1)])
  func `the moments after ReLU are those of samples`(mean: Double, deviation: Double) {
    var random = SeededRandom(seed: 1)
    var (sum, squares) = (0.0, 0.0)
    let count = 200_000
    for _ in 0..<count {
      let value = max(mean + deviation * random.normal(), 0)
      sum += value
      squares += value * value
    }
    let sampled = sum / Double(count)
    let variance = squares / Double(count) - sampled * sampled
    let moments = Moments(mean: mean, variance: deviation * deviation).rectified
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
    let moments = Moments(mean: -40, variance: 1).rectified
    #expect(moments.mean >= 0 && moments.mean < 1e-100)
    #expect(moments.variance >= 0 && moments.variance < 1e-100)
  }

  @Test func `moments of independent channels add up`() {
    #expect(
      Moments(mean: 1, variance: 2) + Moments(mean: -3, variance: 0.5) == Moments(mean: -2, variance: 2.5))
  }
}
