#if canImport(Darwin)
  internal import Darwin
#else
  internal import Glibc
#endif

/// What a step costs a layer and what it saves: bits per weight and mean square error of its weights, by the step.
///
/// Measured on the weights where the step is coarse; where it is fine against their spread, each halving costs a bit and
/// quarters the error, as the theory of fine quantisation says.
public struct RateCurve: Sendable {
  /// Steps per octave at which the curve is measured.
  private static let resolution = 4
  /// The octaves, from the weights' root mean square, between which it is measured.
  private static let octaves = -3...3

  /// The root mean square of the weights, which all steps are seen against; 1 where all are zero.
  public let scale: Double
  private let points: [RatePoint]

  /// The curve of `weights`, which are finite; a sample of some ten thousand serves as well as all.
  public init(_ weights: [Double]) {
    let meanSquare = weights.reduce(0) { $0 + $1 * $1 } / Double(max(weights.count, 1))
    let scale = meanSquare > 0 ? meanSquare.squareRoot() : 1
    self.scale = scale
    let first = RateCurve.octaves.lowerBound * RateCurve.resolution
    let last = RateCurve.octaves.upperBound * RateCurve.resolution
    points = (first...last).map { index in
      RatePoint(weights, step: scale * exp2(Double(index) / Double(RateCurve.resolution)))
    }
  }

  /// Bits that a weight takes at `step`, on average: the entropy of its multiples.
  public func bits(step: Double) -> Double {
    let place = place(of: step)
    guard place > 0 else { return points[0].bits - place / Double(RateCurve.resolution) }
    return interpolated(place, \.bits)
  }

  /// The mean square error of the weights at `step`.
  public func noise(step: Double) -> Double {
    let place = place(of: step)
    guard place > 0 else { return exp2(points[0].logNoise + 2 * place / Double(RateCurve.resolution)) }
    return exp2(interpolated(place, \.logNoise))
  }

  /// Where `step` lies among ``points``; negative where it is finer than all.
  private func place(of step: Double) -> Double {
    (log2(step / scale) - Double(RateCurve.octaves.lowerBound)) * Double(RateCurve.resolution)
  }

  private func interpolated(_ place: Double, _ value: (RatePoint) -> Double) -> Double {
    let index = min(Int(min(place, 1e6)), points.count - 1)
    guard index + 1 < points.count else { return value(points[index]) }
    let part = place - Double(index)
    return value(points[index]) * (1 - part) + value(points[index + 1]) * part
  }
}

/// A point of the curve.
private struct RatePoint {
  let bits: Double
  /// The error's binary logarithm, which is about straight between two points.
  let logNoise: Double

  /// What `step` does to `weights`.
  init(_ weights: [Double], step: Double) {
    var counts: [Double: Int] = [:]
    var noise = 0.0
    for weight in weights {
      let multiple = (weight / step).rounded(.toNearestOrEven)
      counts[multiple, default: 0] += 1
      noise += (weight - multiple * step) * (weight - multiple * step)
    }
    let total = Double(max(weights.count, 1))
    bits = counts.values.sorted().reduce(0) { $0 - Double($1) / total * log2(Double($1) / total) }
    logNoise = log2(max(noise / total, .leastNormalMagnitude))
  }
}
