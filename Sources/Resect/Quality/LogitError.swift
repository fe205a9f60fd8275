/// How far logits, or features, are off after their weights were quantised.
///
/// Both numbers are relative to the logits' spread: the root mean square of the logits before, each row less its own mean, because
/// a number that is added to all logits of an image changes nothing.
public struct LogitError: Sendable, Hashable {
  /// The root mean square of the differences, each row less its own mean, over the spread.
  public let relative: Double
  /// The largest difference of a logit over the spread.
  public let largest: Double

  /// Compares rows of equal number and width. Infinite where a number is not finite, or where the rows before have no spread.
  public init(_ before: Rows, _ after: Rows) {
    precondition(before.count == after.count && before.width == after.width, "callers compare what fits")
    var (signal, noise, largest) = (0.0, 0.0, 0.0)
    for row in 0..<before.count {
      let expected = before[row].map(Double.init)
      let differences = zip(after[row], expected).map { Double($0) - $1 }
      signal += LogitError.centredEnergy(expected)
      noise += LogitError.centredEnergy(differences)
      largest = differences.reduce(largest) { max($0, abs($1)) }
    }
    let spread = (signal / Double(max(before.values.count, 1))).squareRoot()
    guard signal.isFinite, noise.isFinite, signal > 0 else {
      (relative, self.largest) = (.infinity, .infinity)
      return
    }
    relative = (noise / signal).squareRoot()
    self.largest = largest / spread
  }

  /// What nobody has measured.
  static let unknown = LogitError(relative: .infinity, largest: .infinity)

  private init(relative: Double, largest: Double) { (self.relative, self.largest) = (relative, largest) }

  /// The sum of squares of `values` less their mean; of a single value, its square.
  private static func centredEnergy(_ values: [Double]) -> Double {
    let mean = values.count > 1 ? values.reduce(0, +) / Double(values.count) : 0
    return values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
  }

  /// As it stands in a file's provenance.
  public var json: JSON { .object(["relativeError": .number(relative), "relativeLargest": .number(largest)]) }
}
