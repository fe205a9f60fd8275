extension String {
  /// The name among `names` that takes the fewest edits to become this one, if it is close at all.
  func closest(among names: [String]) -> String? { closest(1, among: names).first }

  /// The `count` names among `names` that take the fewest edits to become this one, the closest first, if they are close at all.
  package func closest(_ count: Int, among names: [String]) -> [String] {
    let own = Array(utf8.prefix(120))
    // A file may hold many thousand names; the closest one is a courtesy, not worth more than a moment.
    let scored = names.prefix(1000).map { ($0, own.editDistance(to: Array($0.utf8.prefix(120)))) }
      .filter { $0.1 <= own.count / 2 }
    return scored.sorted { $0.1 < $1.1 }.prefix(count).map(\.0)
  }
}

extension [UInt8] {
  /// Levenshtein's distance.
  fileprivate func editDistance(to other: [UInt8]) -> Int {
    var row = Array<Int>(0...other.count)
    for (i, byte) in enumerated() {
      var diagonal = row[0]
      row[0] = i + 1
      for (j, candidate) in other.enumerated() {
        let substitution = diagonal + (byte == candidate ? 0 : 1)
        diagonal = row[j + 1]
        row[j + 1] = Swift.min(substitution, Swift.min(row[j], row[j + 1]) + 1)
      }
    }
    return row[other.count]
  }
}
