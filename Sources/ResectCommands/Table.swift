internal import Resect

/// Rows of text in columns as wide as their widest cell.
struct Table {
  enum Alignment {
    case left
    case right
  }

  private let alignments: [Alignment]
  private var rows: [[String]] = []

  init(_ columns: KeyValuePairs<String, Alignment>) {
    alignments = columns.map(\.value)
    rows = [columns.map(\.key)]
  }

  mutating func add(_ cells: String...) { add(cells: cells) }

  mutating func add(cells: [String]) { rows.append(cells) }

  var text: String {
    let widths = alignments.indices.map { column in rows.map { $0[column].width }.max() ?? 0 }
    let lines = rows.enumerated().map { index, row in
      let cells = zip(zip(row, widths), alignments).map { cell, alignment in
        let padding = String(repeating: " ", count: cell.1 - cell.0.width)
        return alignment == .left ? cell.0 + padding : padding + cell.0
      }
      var line = cells.joined(separator: "  ")
      while line.utf8.last == UInt8(ascii: " ") { line.removeLast() }
      return index == 0 ? Terminal.bold(line) : line
    }
    return lines.joined(separator: "\n")
  }
}

extension String {
  /// How many columns the text takes: one a character.
  fileprivate var width: Int { utf8.allSatisfy { $0 < 0x80 } ? utf8.count : count }
}

extension Int {
  /// With commas between thousands.
  var grouped: String {
    var digits = String(magnitude)
    var groups: [String] = []
    while digits.count > 3 {
      groups.insert(String(digits.suffix(3)), at: 0)
      digits.removeLast(3)
    }
    return (self < 0 ? "-" : "") + ([digits] + groups).joined(separator: ",")
  }
}

extension BinaryInteger {
  /// As bytes, in decimal units.
  var asBytes: String {
    let value = Double(self)
    for (unit, size) in [("GB", 1e9), ("MB", 1e6), ("kB", 1e3)] where value >= size {
      return "\((value / size * 10).rounded() / 10) \(unit)"
    }
    return "\(self) bytes"
  }
}

extension Double {
  /// Three significant digits.
  var brief: String {
    guard isFinite, self != 0 else { return description }
    var scale = 1.0
    while (self * scale).magnitude < 100 { scale *= 10 }
    while (self * scale).magnitude >= 1000 { scale /= 10 }
    let rounded = (self * scale).rounded() / scale
    let text = rounded.description
    return text.hasSuffix(".0") ? String(text.dropLast(2)) : text
  }
}
