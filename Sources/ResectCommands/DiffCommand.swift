internal import ArgumentParser
internal import Resect

struct DiffCommand: FileCommand {
  static let configuration = CommandConfiguration(
    commandName: "diff",
    abstract: "Compare two models: what is known of them, and their tensors.",
    discussion: """
      Two models are compared in what they compute and say beside their weights (strides, eps, padding, head, preprocessing, \
      labels and so on), and by the places of their tensors, whatever the files call them; anything else, and with --by-name, by \
      name. Each file is taken by what is known of it: what options say of an input, they say of the first; those that end in -b \
      say it of the second. Exits with 1 if anything differs but names.
      """)

  @Argument(help: "The first file.") var first: String
  @Argument(help: "The second file.") var second: String
  @Flag(help: "Compare by the files' own names.") var byName = false
  @OptionGroup var reading: ReadingOptions
  @OptionGroup var secondReading: SecondReadingOptions
  @OptionGroup var shown: OutputOptions

  /// So many facts are shown; --json has all.
  private static let shownFacts = 40

  func files() throws(ResectError) -> FilesInUse { FilesInUse(reads: [first, second]) }

  func run() throws {
    let comparison = try Comparison(
      first, second, options: reading.open(), secondOptions: secondReading.open(), byName: byName)
    try shown.show(text(comparison), json: json(comparison))
    if !comparison.isEqual { throw ExitCode(1) }
  }

  private func text(_ comparison: Comparison) -> String {
    let differing = comparison.rows.filter { !$0.difference.isNone }
    let tables = [factTable(comparison.facts), tensorTable(differing)].compactMap(\.self)
    return (tables + [verdict(comparison, differing: differing.count)]).joined(separator: "\n")
  }

  private func verdict(_ comparison: Comparison, differing: Int) -> String {
    let total = comparison.rows.count
    let tensors =
      differing == 0 ? "all \(total) tensors are the same to the bit" : "\(differing) of \(total) tensors differ"
    if comparison.isEqual { return comparison.areModels ? "the same model: \(tensors)" : tensors }
    let facts = comparison.facts.count(where: \.isDecisive)
    return facts == 0 ? tensors : "\(facts) \(facts == 1 ? "fact differs" : "facts differ"), \(tensors)"
  }

  private func factTable(_ facts: [Comparison.Fact]) -> String? {
    guard !facts.isEmpty else { return nil }
    var table = Table(["fact": .left, "first": .left, "second": .left])
    for fact in facts.prefix(DiffCommand.shownFacts) {
      table.add(fact.name.printable(limit: 80), text(fact.first), text(fact.second))
    }
    let rest = facts.count - DiffCommand.shownFacts
    return rest > 0 ? "\(table.text)\n… and \(rest) more facts (--json has all)" : table.text
  }

  /// A fact's value in a cell.
  private func text(_ value: JSON?) -> String {
    switch value {
    case nil: "-"
    case .null: "unknown"
    case .string(let text): text.printable(limit: 60)
    case .object: "known"
    case let value?: String(decoding: value.compact, as: UTF8.self).printable(limit: 60)
    }
  }

  private func tensorTable(_ rows: [Comparison.Row]) -> String? {
    guard !rows.isEmpty else { return nil }
    var table = Table([
      "tensor": .left, "difference": .left, "largest": .right, "relative": .right,
    ])
    for row in rows {
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
    return table.text
  }

  private func json(_ comparison: Comparison) -> JSON {
    .object([
      "equal": .bool(comparison.isEqual),
      "comparedBy": .string(comparison.isByPlace ? "place" : "name"),
      "facts": .array(
        comparison.facts.map { fact in
          .object([
            "name": .string(fact.name), "first": fact.first ?? .null, "second": fact.second ?? .null,
            "decisive": .bool(fact.isDecisive),
          ])
        }),
      "equalTensors": .integer(comparison.rows.count(where: \.difference.isNone)),
      "tensors": .array(
        comparison.rows.filter { !$0.difference.isNone }.map { row in
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
