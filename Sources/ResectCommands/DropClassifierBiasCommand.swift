internal import ArgumentParser
internal import Resect

struct DropClassifierBiasCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "drop-fc-bias",
    abstract: "Drop the classifier's bias, and say what that changes.")

  @Argument(help: "The model to read.") var input: String
  @Argument(help: "The file to write; its extension says the format.") var output: String
  @OptionGroup var reading: ReadingOptions
  @OptionGroup var writing: WritingOptions
  @OptionGroup var shown: OutputOptions

  func run() throws {
    let model = try Model(contentsOf: input, options: reading.open).droppingClassifierBias()
    var outcome = WriteOutcome()
    try outcome.write(model, to: output, writing.write)
    outcome.show(shown)
  }
}
