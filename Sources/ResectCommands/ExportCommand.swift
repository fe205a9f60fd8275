internal import ArgumentParser
internal import Resect

struct ExportCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "export",
    abstract: "Write a model in the native format, with its provenance.",
    discussion: "Surgeries are done in the order fold-bn, drop-fc-bias.")

  @Argument(help: "The model to read.") var input: String
  @Argument(help: "The .resect file to write.") var output: String
  @OptionGroup var surgeries: SurgeryOptions
  @OptionGroup var reading: ReadingOptions
  @OptionGroup var writing: WritingOptions
  @OptionGroup var shown: OutputOptions

  func validate() throws {
    if let format = writing.to, format != .resect {
      throw ValidationError("export writes .resect; use convert for another format.")
    }
  }

  func run() throws {
    var options = writing.write
    options.format = .resect
    let model = try surgeries.operate(on: Model(contentsOf: input, options: reading.open))
    var outcome = WriteOutcome()
    try outcome.write(model, to: output, options)
    outcome.show(shown)
  }
}
