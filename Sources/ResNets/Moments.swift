#if canImport(Darwin)
  internal import Darwin
#else
  internal import Glibc
#endif

/// Mean and variance of a channel's activations, as batch-norms tell them without any data.
public struct Moments: Sendable, Hashable {
  /// The mean.
  public var mean: Double
  /// The variance, not negative.
  public var variance: Double

  /// Moments.
  public init(mean: Double, variance: Double) {
    self.mean = mean
    self.variance = variance
  }

  /// The sum of two channels that do not depend on each other: a branch and its shortcut, about.
  public static func + (one: Moments, other: Moments) -> Moments {
    Moments(mean: one.mean + other.mean, variance: one.variance + other.variance)
  }

  /// What is left of a normally distributed channel after ReLU.
  ///
  /// With a = μ / σ: the mean is μ Φ(a) + σ φ(a), the mean square (μ² + σ²) Φ(a) + μ σ φ(a).
  public var rectified: Moments {
    let deviation = variance.squareRoot()
    guard deviation > 0 else { return Moments(mean: max(mean, 0), variance: 0) }
    let ratio = mean / deviation
    let density = exp(-ratio * ratio / 2) / (2 * Double.pi).squareRoot()
    let below = erfc(-ratio / 2.0.squareRoot()) / 2
    let rectifiedMean = mean * below + deviation * density
    let meanSquare = (mean * mean + variance) * below + mean * deviation * density
    return Moments(
      mean: max(rectifiedMean, 0), variance: max(meanSquare - rectifiedMean * rectifiedMean, 0))
  }
}
