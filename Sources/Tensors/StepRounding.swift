/// How weights become multiples of a step.
public enum StepRounding: Sendable, Hashable {
  /// Each to the nearest multiple.
  case nearest
  /// To the nearest, but for those that keep the sum of each kernel within half a step of what it was.
  ///
  /// A kernel sees pixels that are much alike, so its sum counts for more than its single taps. Where the errors of a kernel add
  /// up to a step or more, the weights that were nearest to being rounded the other way are (Guo et al., SQuant: On-the-Fly
  /// Data-Free Quantization via Diagonal Hessian Approximation, 2022). What has no kernels is rounded to the nearest.
  case kernels
}

/// Weights as integers of a step.
public struct StepMultiples: Sendable {
  /// The largest magnitude of an integer.
  private static let largest = 0x1p30

  /// The weights over the step, rounded.
  public private(set) var integers: [Int32]
  /// How many weights are not finite or too large for their step; they are 0.
  public let bad: Int

  /// Rounds `weights` of `shape`, in row-major order, to multiples of `step`, which is normal and above zero.
  public init(_ weights: [Double], shape: Shape, step: Double, rounding: StepRounding) {
    var bad = 0
    integers = weights.map { weight in
      let quotient = (weight / step).rounded(.toNearestOrEven)
      guard abs(quotient) <= StepMultiples.largest else {
        bad += 1
        return 0
      }
      return Int32(quotient)
    }
    self.bad = bad
    let taps = shape.rank == 4 ? shape.axes[2] * shape.axes[3] : 1
    guard rounding == .kernels, taps > 1, bad == 0 else { return }
    for start in stride(from: 0, to: weights.count - taps + 1, by: taps) {
      settle(start..<start + taps, weights, step)
    }
  }

  /// Brings the sum of the kernel at `taps` within half a step of what it was.
  private mutating func settle(_ taps: Range<Int>, _ weights: [Double], _ step: Double) {
    var excess = 0.0
    for tap in taps { excess += weights[tap] / step - Double(integers[tap]) }
    let missing = excess.rounded(.toNearestOrEven)
    let direction: Int32 = missing < 0 ? -1 : 1
    // One tap is never moved twice: after a move, it is the farthest from being moved again.
    for _ in 0..<Int(abs(missing)) {
      var best = (tap: taps.lowerBound, remainder: -Double.infinity)
      for tap in taps {
        let remainder = (weights[tap] / step - Double(integers[tap])) * Double(direction)
        if remainder > best.remainder { best = (tap, remainder) }
      }
      guard abs(Double(integers[best.tap] + direction)) <= StepMultiples.largest else { return }
      integers[best.tap] += direction
    }
  }
}
