internal import ArgumentParser
internal import Resect

struct DiffCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "diff",
    abstract: "Compare the tensors of two files.",
    discussion: """
      Two networks are compared by the places of their tensors, whatever the files call them; anything else, and with \
      --by-name, by name. Exits with 1 if anything differs.
      """)

  @Argument(help: "The first file.") var first: String
  @Argument(help: "The second file.") var second: String
  @Flag(help: "Compare by the files' own names.") var byName = false
  @OptionGroup var reading: ReadingOptions
  @OptionGroup var shown: OutputOptions

  func run() throws {
    let comparison = try Comparison(first, second, options: reading.open(), byName: byName)
    try shown.show(text(comparison), json: json(comparison))
    if !comparison.isEqual { throw ExitCode(1) }
  }

  private func text(_ comparison: Comparison) -> String {
    let differing = comparison.rows.filter { !$0.difference.isNone }
    let total = comparison.rows.count
    guard !differing.isEmpty else { return "all \(total) tensors are the same to the bit" }
    var table = Table([
      "tensor": .left, "difference": .left, "largest": .right, "relative": .right,
    ])
    for row in differing {
      let name = row.name.printable(limit: 120)
      switch row.difference {
      case .none: break
      case .onlyFirst: table.add(name, "only in the first", "", "")
      case .onlySecond: table.add(name, "only in the second", "", "")
      case .shape(let one, let other): table.add(name, "shape \(one), \(other)", "", "")
      case .values(let one, let other, let largest, let relative):
        let what = one == other ? "values" : "dtype \(one.rawValue), \(other.rawValue)"
        table.add(name, what, largest.text(digits: 3), relative.text(digits: 3))
      }
    }
    return "\(table.text)\n\(differing.count) of \(total) tensors differ"
  }

  private func json(_ comparison: Comparison) -> JSON {
    .object([
      "equal": .bool(comparison.isEqual),
      "comparedBy": .string(comparison.isByPlace ? "place" : "name"),
      "tensors": .array(
        comparison.rows.map { row in
          var difference = "none"
          var shapes: [Shape] = []
          var dtypes: [DType] = []
          var sizes: (largest: Double, relative: Double)?
          switch row.difference {
          case .none: break
          case .onlyFirst: difference = "only-first"
          case .onlySecond: difference = "only-second"
          case .shape(let one, let other): (difference, shapes) = ("shape", [one, other])
          case .values(let one, let other, let largest, let relative):
            difference = one == other ? "values" : "dtype"
            dtypes = [one, other]
            sizes = (largest, relative)
          }
          return .object([
            "name": .string(row.name), "difference": .string(difference),
            "shapes": shapes.isEmpty
              ? nil : .array(shapes.map { .array($0.axes.map { .integer($0) }) }),
            "dtypes": dtypes.isEmpty ? nil : .array(dtypes.map { .string($0.rawValue) }),
            "largestAbsolute": sizes.map { .number($0.largest) },
            "largestRelative": sizes.map { .number($0.relative) },
          ])
        }),
    ])
  }
}
