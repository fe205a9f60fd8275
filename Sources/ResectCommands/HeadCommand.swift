internal import ArgumentParser
internal import Resect

struct HeadCommand: FileCommand {
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
  @Option(help: LabelsOption.help) var labels: String?

  func validate() throws {
    guard keep == nil || replace == nil else {
      throw ValidationError("--keep and --replace exclude each other: kept classes are not fresh.")
    }
    guard seed == nil || replace != nil else { throw ValidationError("--seed is for the fresh head of --replace.") }
    guard keep != nil || replace != nil || labels != nil else {
      throw ValidationError("Say what becomes of the classes: --keep, --replace or --labels.")
    }
  }

  func files() throws(ResectError) -> FilesInUse {
    var files = job.files
    files.reads += LabelsOption.files(labels) + (keep.flatMap(listPath).map { [$0] } ?? [])
    return files
  }

  func run() throws {
    var model = try job.read()
    if let replace { model = try model.replacingHead(classes: replace, seed: seed ?? 0) }
    if let labels { model = try model.labelled(Labels(nameOrFile: labels).names) }
    if let keep { model = try model.keepingClasses(named: names(in: keep)) }
    try job.write(model)
  }

  /// The file that a list stands in, if it does not stand in `text` itself.
  private func listPath(_ text: String) -> String? { text.hasPrefix("@") ? String(text.dropFirst()) : nil }

  /// The names in a list or, after an `@`, in a file.
  private func names(in text: String) throws -> [String] {
    if let path = listPath(text) { return try Labels(contentsOf: path).names }
    return text.split(separator: ",", omittingEmptySubsequences: false).map { name in
      String(name.drop { $0 == " " }.reversed().drop { $0 == " " }.reversed())
    }
  }
}
