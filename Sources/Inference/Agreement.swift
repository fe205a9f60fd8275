/// How far two sets of rows agree: logits or features of the same inputs by two networks.
public struct Agreement: Sendable, Hashable {
  /// The largest absolute difference; infinite where a number is not finite on either side.
  public let largest: Double
  /// The mean absolute difference.
  public let mean: Double
  /// The smallest cosine of the angle between two rows; 1 where both are zero.
  public let cosine: Double
  /// The share of rows whose largest number stands in the same place.
  public let topOne: Double
  /// The mean share of the five largest numbers that stand in the same places; absent for fewer than ten columns.
  public let topFive: Double?
  /// The largest finite magnitude in the first set: what differences are measured against.
  public let magnitude: Double
  /// How many rows were compared.
  public let count: Int

  /// Compares rows of equal number and width.
  public init(_ first: Rows, _ second: Rows) {
    precondition(first.count == second.count && first.width == second.width, "callers compare what fits")
    var largest = 0.0
    var sum = 0.0
    var cosine = 1.0
    var sameFirst = 0
    var sameFive = 0
    var magnitude = 0.0
    for row in 0..<first.count {
      let (one, other) = (first[row], second[row])
      var (dot, oneSquare, otherSquare) = (0.0, 0.0, 0.0)
      for (a, b) in zip(one, other) {
        let (a, b) = (Double(a), Double(b))
        let difference = a.isFinite && b.isFinite ? abs(a - b) : .infinity
        largest = max(largest, difference)
        sum += difference
        if a.isFinite { magnitude = max(magnitude, abs(a)) }
        (dot, oneSquare, otherSquare) = (dot + a * b, oneSquare + a * a, otherSquare + b * b)
      }
      let size = (oneSquare * otherSquare).squareRoot()
      cosine = min(cosine, size > 0 ? dot / size : oneSquare == otherSquare ? 1 : 0)
      sameFirst += Rows.largest(1, of: one) == Rows.largest(1, of: other) ? 1 : 0
      sameFive += Set(Rows.largest(5, of: one)).intersection(Rows.largest(5, of: other)).count
    }
    let rows = Double(max(first.count, 1))
    self.largest = largest
    mean = first.values.isEmpty ? 0 : sum / Double(first.values.count)
    self.cosine = cosine
    topOne = Double(sameFirst) / rows
    topFive = first.width < 10 ? nil : Double(sameFive) / (5 * rows)
    self.magnitude = magnitude
    count = first.count
  }
}

extension Rows {
  /// The positions of the `count` largest numbers of a row, the largest first, equal ones in order.
  public static func largest(_ count: Int, of row: ArraySlice<Float>) -> [Int] {
    let numbers = Array(row)
    let sorted = numbers.indices.sorted { (numbers[$0], $1) > (numbers[$1], $0) }
    return Array(sorted.prefix(count))
  }

  /// The probabilities that a row of logits stands for: their softmax, in double precision.
  public static func probabilities(of row: ArraySlice<Float>) -> [Double] {
    let highest = Double(row.max() ?? 0)
    let powers = row.map { exponential(Double($0) - highest) }
    let sum = powers.reduce(0, +)
    return powers.map { $0 / sum }
  }
}
