internal import ArgumentParser
internal import Resect

struct HeadCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "head",
    abstract: "Keep, order, replace or name the classes of a model.",
    discussion: """
      --keep keeps the classes that are named, in that order; their logits do not change. A class is named by its label or, \
      where no class has that label, by its index, which counts from 0. --labels then names the classes of the input. \
      --replace puts in a fresh head, with the random weights that torch.manual_seed and torch.nn.Linear give; it also gives \
      one to a backbone. --labels then names the new classes.
      """)

  @OptionGroup var job: ModelJob
  @Option(
    help: ArgumentHelp(
      "Keep these classes, in this order: labels or indices with commas between them, or @FILE with one a line.",
      valueName: "classes"))
  var keep: String?
  @Option(help: ArgumentHelp("Put in a fresh head for so many classes.", valueName: "n")) var replace: Int?
  @Option(help: "torch's seed for the fresh head, 0 by default.") var seed: UInt32?
  @Option(help: LabelsHelp.option) var labels: String?

  func validate() throws {
    guard keep == nil || replace == nil else {
      throw ValidationError("--keep and --replace exclude each other: kept classes are not fresh.")
    }
    guard seed == nil || replace != nil else { throw ValidationError("--seed is for the fresh head of --replace.") }
    guard keep != nil || replace != nil || labels != nil else {
      throw ValidationError("Say what becomes of the classes: --keep, --replace or --labels.")
    }
  }

  func run() throws {
    var model = try job.read()
    if let replace { model = try model.replacingHead(classes: replace, seed: seed ?? 0) }
    if let labels { model = try model.labelled(Labels(nameOrFile: labels).names) }
    if let keep { model = try model.keepingClasses(named: names(in: keep)) }
    try job.write(model)
  }

  /// The names in a list or, after an `@`, in a file.
  private func names(in text: String) throws -> [String] {
    guard !text.hasPrefix("@") else { return try Labels(contentsOf: String(text.dropFirst())).names }
    return text.split(separator: ",", omittingEmptySubsequences: false).map { name in
      String(name.drop { $0 == " " }.reversed().drop { $0 == " " }.reversed())
    }
  }
}
