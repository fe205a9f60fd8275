/// Finds the steps that meet a goal: allotted by ``StepAllocation``, checked by the engine or by the encoder.
struct QualitySearch {
  private let probed: ProbedNetwork
  private let paths: [ParameterPath]
  private let allocation: StepAllocation

  /// What the search found.
  struct Result {
    let steps: [ParameterPath: Double]
    let error: LogitError
  }

  private static let rounds = 12
  /// A result that uses this share of what is allowed is good enough.
  private static let closeEnough = 0.97
  /// The proof compares with the network before folding, which is a rounding away.
  private static let margin = 0.999

  init(_ probed: ProbedNetwork) throws(ResectError) {
    self.probed = probed
    let layers = try probed.layers()
    guard !layers.isEmpty else {
      throw ResectError(.notApplicable, "nothing to quantise: weights are few, or the logits depend on none of them")
    }
    paths = layers.map(\.path)
    allocation = StepAllocation(layers.map(\.layer))
  }

  /// The coarsest steps whose error, by the measure `value`, is at most `limit`.
  func steps(within limit: Double, _ value: KeyPath<LogitError, Double>) throws(ResectError) -> Result {
    let limit = limit * QualitySearch.margin
    var found: Result?
    var bracket = Bracket(start: limit * limit)
    var least = Double.infinity
    for _ in 0..<QualitySearch.rounds {
      let steps = named(allocation.steps(noise: bracket.next))
      let error = try probed.error(steps)
      let share = error[keyPath: value] / limit
      least = min(least, error[keyPath: value])
      let isGood = share <= 1
      if isGood { found = Result(steps: steps, error: error) }
      if isGood, share >= QualitySearch.closeEnough { break }
      // The error's square is in proportion to the noise.
      let aim = share.isFinite && share > 0 ? 0.98 / share : 0.1
      bracket.narrow(isGood: isGood, guess: bracket.next * aim * aim)
    }
    guard let found else {
      throw ResectError(.notApplicable, "an error of \(limit) cannot be reached, the smallest found is \(least)")
    }
    return found
  }

  /// The finest steps with which the file, as `size` says, has at most `limit` bytes; nothing where the coarsest have more.
  func steps(
    bytes limit: UInt64, _ size: (Result) throws(ResectError) -> UInt64
  ) throws(ResectError) -> Result? {
    var found: Result?
    var bracket = Bracket(start: 7.6 * Double(limit))
    for _ in 0..<QualitySearch.rounds {
      let steps = named(allocation.steps(bits: bracket.next))
      // The error does not change the size but by digits; it is measured at the end.
      let trial = Result(steps: steps, error: LogitError.unknown)
      let bytes = try size(trial)
      let isGood = bytes <= limit
      if isGood { found = trial }
      if isGood, Double(bytes) >= QualitySearch.closeEnough * Double(limit) { break }
      let missing = 8 * (0.985 * Double(limit) - Double(bytes))
      bracket.narrow(isGood: isGood, guess: max(bracket.next + missing, bracket.next / 8))
    }
    return try found.map { result throws(ResectError) in
      Result(steps: result.steps, error: try probed.error(result.steps))
    }
  }

  private func named(_ steps: [Double]) -> [ParameterPath: Double] {
    Dictionary(uniqueKeysWithValues: zip(paths, steps))
  }
}

/// Between the largest number that is known to be good and the smallest that is not, both positive.
private struct Bracket {
  private var good = 0.0
  private var bad = Double.infinity
  /// What is tried next.
  private(set) var next: Double

  init(start: Double) { next = start }

  /// Notes how ``next`` did, and goes to `guess` if that lies between, else to the middle.
  mutating func narrow(isGood: Bool, guess: Double) {
    if isGood { good = next } else { bad = next }
    if good < guess, guess < bad {
      next = guess
    } else if good > 0, bad.isFinite {
      next = (good * bad).squareRoot()
    } else {
      next = isGood ? good * 2 : bad / 2
    }
  }
}
