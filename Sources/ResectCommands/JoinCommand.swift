internal import ArgumentParser
internal import Resect

struct JoinCommand: FileCommand {
  static let configuration = CommandConfiguration(
    commandName: "join",
    abstract: "Join a backbone and an embedding of classes to a classifier.",
    discussion: "What --key, --mapping, --stride and the like say of an input, they say of the backbone.")

  @Argument(help: "The backbone.") var backbone: String
  @Argument(help: "The embedding of classes.") var classes: String
  @Argument(help: "The file to write; its extension says the format.") var output: String
  @OptionGroup var reading: ReadingOptions
  @OptionGroup var writing: WritingOptions
  @OptionGroup var shown: OutputOptions

  func files() throws(ResectError) -> FilesInUse {
    FilesInUse(reads: [backbone, classes] + reading.files + writing.storage.files, writes: [output])
  }

  func run() throws {
    try writing.storage.refuseIntegers()
    try writing.checkEncoding(for: output)
    let model = try Model(contentsOf: backbone, options: reading.open())
      .joined(with: Model(contentsOf: classes, options: .forCommands))
    var outcome = WriteOutcome()
    try outcome.write(writing.completed(model), to: output, writing.write)
    outcome.show(shown)
  }
}
