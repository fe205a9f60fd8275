internal import ArgumentParser
internal import Resect

/// The arguments of every command that reads one model and writes one.
struct ModelJob: ParsableArguments {
  @Argument(help: "The model to read.") var input: String
  @Argument(help: "The file to write; its extension says the format.") var output: String
  @OptionGroup var reading: ReadingOptions
  @OptionGroup var writing: WritingOptions
  @OptionGroup var shown: OutputOptions

  /// The files of a run.
  var files: FilesInUse {
    FilesInUse(reads: [input] + reading.files + writing.storage.files, writes: [output])
  }

  /// Opens the input, with the preprocessing that the caller says. It will be written in `format` or, by default, what the options
  /// and the output's extension say.
  func read(for format: OutputFormat? = nil, storesIntegers: Bool = false) throws -> Model {
    if !storesIntegers { try writing.storage.refuseIntegers() }
    var options = try reading.open()
    try writing.checkEncoding(for: output, format: format)
    let format = try format ?? writing.write.format ?? OutputFormat(path: output)
    options.beginsDigest = format == .resect
    return try writing.storage.prepared(Model(contentsOf: input, options: options))
  }

  /// Writes `model`, quantised where there is a goal, and tells what was done, after `tables`; JSON has `members` beside that.
  func write(
    _ model: Model, format: OutputFormat? = nil, goal: QualityGoal? = nil, tables: [String] = [],
    members: [JSON.Member] = []
  ) throws {
    var options = writing.write
    options.format = format ?? options.format
    var model = try writing.storage.named(model)
    if let goal { model = try model.quantizing(to: goal) }
    var outcome = WriteOutcome()
    try outcome.write(model, to: output, options)
    outcome.show(shown, tables: shown.json ? [] : tables, members: members)
  }
}
