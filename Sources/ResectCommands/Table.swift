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

  mutating func add(cells: [String]) {
    precondition(cells.count == alignments.count, "a row has a cell for each column")
    rows.append(cells)
  }

  var text: String {
    let widths = alignments.indices.map { column in rows.reduce(0) { max($0, $1[column].width) } }
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
