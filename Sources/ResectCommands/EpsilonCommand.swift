internal import ArgumentParser
internal import Resect

struct EpsilonCommand: FileCommand {
  static let configuration = CommandConfiguration(
    commandName: "epsilon",
    abstract: "Give the batch-norms another eps, and variances that make up for it.",
    discussion: """
      Each variance becomes variance + eps - E, so that the network computes the same where another framework adds E. Refused \
      where a variance would become negative.
      """)

  @Argument(help: "The model to read.") var input: String
  @Argument(help: "The file to write; its extension says the format.") var output: String
  @Option(help: ArgumentHelp("What the batch-norms are to add to the variance.", valueName: "eps"))
  var to: Double
  @OptionGroup var reading: ReadingOptions
  @OptionGroup var storage: StorageOptions
  @OptionGroup var shown: OutputOptions

  func validate() throws {
    guard to.isFinite, to >= 0 else {
      throw ValidationError("--to has to be a number that is not negative.")
    }
  }

  func files() throws(ResectError) -> FilesInUse {
    FilesInUse(reads: [input] + reading.files + storage.files, writes: [output])
  }

  func run() throws {
    let model = try Model(contentsOf: input, options: reading.open()).rebasingEpsilon(to: to)
    var outcome = WriteOutcome()
    try outcome.write(storage.named(storage.prepared(model)), to: output, storage.write)
    outcome.show(shown)
  }
}
