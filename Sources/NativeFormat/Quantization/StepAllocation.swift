#if canImport(Darwin)
  internal import Darwin
#else
  internal import Glibc
#endif

/// Which step each layer takes, so that the logits suffer least for the bits that all layers take together.
///
/// Errors of different layers are independent, so the logits' mean square error is the sum over the layers of sensitivity
/// times the mean square error of the weights. With a multiplier λ for the error, each layer by itself then takes the step that
/// minimises count · bits + λ · sensitivity · error. Where steps are fine, bits fall by log₂ of the step and the error is
/// step² / 12, so the least is where step² is in proportion to count / sensitivity: each layer adds to the logits' error in
/// proportion to its weights. Where steps are coarse, the measured ``RateCurve`` says when a layer gains nothing any more by
/// coarser ones (Cover and Thomas, Elements of Information Theory, 10.3.3: reverse water-filling).
public struct StepAllocation: Sendable {
  /// A layer whose weights are quantised.
  public struct Layer: Sendable {
    /// How many weights it has.
    public var count: Int
    /// What a mean square error of 1 in its weights adds to the mean square error of the logits; above zero.
    public var sensitivity: Double
    /// What steps do to its weights.
    public var curve: RateCurve

    /// A layer.
    public init(count: Int, sensitivity: Double, curve: RateCurve) {
      self.count = count
      self.sensitivity = sensitivity
      self.curve = curve
    }
  }

  /// The layers.
  public let layers: [Layer]

  /// An allocation for `layers`.
  public init(_ layers: [Layer]) { self.layers = layers }

  /// The bits that the weights take together with `steps`.
  public func bits(_ steps: [Double]) -> Double {
    zip(layers, steps).reduce(0) { $0 + Double($1.0.count) * $1.0.curve.bits(step: $1.1) }
  }

  /// The mean square error that `steps` make in the logits.
  public func noise(_ steps: [Double]) -> Double {
    zip(layers, steps).reduce(0) { $0 + $1.0.sensitivity * $1.0.curve.noise(step: $1.1) }
  }

  /// The steps of the fewest bits that keep the logits' mean square error within `noise`, which is above zero.
  public func steps(noise: Double) -> [Double] {
    // The error falls as its multiplier rises: the smallest that is good is looked for from above.
    search(from: StepAllocation.finest, to: StepAllocation.coarsest) { self.noise($0) <= noise }
  }

  /// The steps of the least error that take at most `bits` together; the coarsest there are where even those take more.
  public func steps(bits: Double) -> [Double] {
    search(from: StepAllocation.coarsest, to: StepAllocation.finest) { self.bits($0) <= bits }
  }

  /// The steps of the multiplier that is nearest to `end` and good, as `start` is taken to be; both are binary logarithms.
  private func search(
    from start: Double, to end: Double, _ isGood: ([Double]) -> Bool
  ) -> [Double] {
    var (good, bad) = (start, end)
    for _ in 0..<40 {
      let middle = (good + bad) / 2
      if isGood(steps(multiplier: exp2(middle))) { good = middle } else { bad = middle }
    }
    return steps(multiplier: exp2(good))
  }

  /// Binary logarithms of multipliers that lead to steps beyond all use.
  private static let coarsest = -120.0
  private static let finest = 160.0

  private func steps(multiplier: Double) -> [Double] {
    layers.map { $0.bestStep(multiplier: multiplier) }
  }
}

extension StepAllocation.Layer {
  /// How finely steps are told apart.
  private static let stepsPerOctave = 32.0

  /// The step of the least cost: near the one that the theory of fine steps gives, as the measured curve corrects it.
  fileprivate func bestStep(multiplier: Double) -> Double {
    // The derivative of count · −log₂(step) + λ · sensitivity · step² / 12 is zero here.
    let fine = (6 * Double(count) / (multiplier * sensitivity * log(2))).squareRoot()
    let center = min(max(log2(fine), log2(curve.scale) - 24), log2(curve.scale) + 3)
    // On a fixed grid, so that a step does not depend on the way to it.
    let nearest = (center * Self.stepsPerOctave).rounded()
    let reach = 2 * Self.stepsPerOctave
    var best = (step: exp2(nearest / Self.stepsPerOctave), cost: Double.infinity)
    for offset in stride(from: -reach, through: reach, by: 1) {
      let step = exp2((nearest + offset) / Self.stepsPerOctave)
      let cost = Double(count) * curve.bits(step: step) + multiplier * sensitivity * curve.noise(step: step)
      if cost < best.cost { best = (step, cost) }
    }
    return best.step
  }
}

extension StepAllocation.Layer {
  /// The sensitivity of a layer of which nobody measured anything: errors spread as the signal does.
  ///
  /// An error in the weights stands to the layer's output as its mean square stands to the weights' own. A branch adds its
  /// output to a sum of which it is `branchShare` in variance (what batch-norms of the branch and of the sum tell by their
  /// scales; 1 outside of branches), and from there to the logits the relation holds. So the logits' mean square error,
  /// relative to their variance, is the weights' error times branchShare / meanSquare.
  public static func sensitivity(meanSquare: Double, branchShare: Double = 1) -> Double {
    branchShare / max(meanSquare, .leastNormalMagnitude)
  }
}
