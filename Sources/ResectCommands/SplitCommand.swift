internal import ArgumentParser
internal import Resect

struct SplitCommand: FileCommand {
  static let configuration = CommandConfiguration(
    commandName: "split",
    abstract: "Split a classifier into a backbone and an embedding of its classes.",
    discussion: """
      The backbone computes features, the embedding has a row for each class. With --bias feature, the bias becomes the \
      embedding's last column and the backbone appends a constant 1. join undoes it.
      """)

  @Argument(help: "The model to read.") var input: String
  @Option(help: ArgumentHelp("The file for the backbone.", valueName: "file")) var backbone: String
  @Option(help: ArgumentHelp("The file for the classes.", valueName: "file")) var classes: String
  @Option(help: "What becomes of the bias: keep, drop or feature.") var bias = BiasArgument.keep
  @OptionGroup var surgeries: SurgeryOptions
  @OptionGroup var reading: ReadingOptions
  @OptionGroup var writing: WritingOptions
  @OptionGroup var shown: OutputOptions

  enum BiasArgument: String, ExpressibleByArgument, CaseIterable {
    case keep
    case drop
    case feature
  }

  func files() throws(ResectError) -> FilesInUse {
    FilesInUse(
      reads: [input] + reading.files + surgeries.files + writing.storage.files, writes: [backbone, classes])
  }

  func run() throws {
    try writing.storage.refuseIntegers()
    try writing.checkEncoding(for: backbone, classes)
    let model = try surgeries.operate(on: Model(contentsOf: input, options: reading.open()))
    let halves = try model.split(bias: BiasTreatment(rawValue: bias.rawValue) ?? .keep)
    var outcome = WriteOutcome()
    try outcome.write(
      (writing.completed(halves.backbone), backbone), (writing.storage.named(halves.classes), classes), writing.write)
    outcome.show(shown)
  }
}
