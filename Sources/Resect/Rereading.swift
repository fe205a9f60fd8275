/// What reading a file again showed, as a program reads it that knows nothing of Resect: the network that it takes from it is the one
/// that was to be written.
public struct Rereading: Sendable, Hashable {
  /// How many tensors have the places, shapes and dtypes that they should have.
  public let tensors: Int
  /// How many weights were compared with the exact numbers that they should be, each rounded once to its dtype: all are. Absent where
  /// nothing was computed, so that only the small tensors were compared, bit by bit.
  public let certified: Int?
  /// How many weights are quantised, so that they are other numbers: each was compared with what it was to be stored as.
  public let quantized: Int

  /// In a line, for people, what reading all files of a command again showed; absent where nothing was computed.
  public static func summary(of rereadings: [Rereading]) -> String? {
    let counts = rereadings.compactMap(\.certified)
    guard !counts.isEmpty else { return nil }
    let count = counts.reduce(0, +).grouped
    let quantized = rereadings.reduce(0) { $0 + $1.quantized }
    return
      "certified: \(count) of \(count) weights are the exact value correctly rounded\(quantized == 0 ? "" : "; \(quantized.grouped) more are quantised")"
  }
}

extension Int {
  /// With commas between thousands.
  var grouped: String {
    var digits = ""
    for (index, digit) in String(self).reversed().enumerated() {
      if index > 0, index % 3 == 0, digit != "-" { digits.append(",") }
      digits.append(digit)
    }
    return String(digits.reversed())
  }
}
