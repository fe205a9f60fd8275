internal import ArgumentParser
internal import Resect

struct ConvertCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "convert",
    abstract: "Write a model in another format.",
    discussion: """
      Surgeries are done in the order fold-bn, drop-fc-bias. With --raw, the tensors of any model are copied under \
      their own names.
      """)

  @Argument(help: "The model to read.") var input: String
  @Argument(help: "The file to write; its extension says the format.") var output: String
  @Flag(help: "Copy the tensors of any model as they are; nothing is mapped.") var raw = false
  @OptionGroup var surgeries: SurgeryOptions
  @OptionGroup var reading: ReadingOptions
  @OptionGroup var writing: WritingOptions
  @OptionGroup var shown: OutputOptions

  func validate() throws {
    guard raw else { return }
    guard !surgeries.foldBatchNorm, !surgeries.dropClassifierBias, surgeries.labels == nil else {
      throw ValidationError("--raw copies tensors of which it knows nothing: no surgery goes with it.")
    }
  }

  func run() throws {
    guard raw else {
      let model = try surgeries.operate(on: readModel())
      var outcome = WriteOutcome()
      try outcome.write(model, to: output, writing.write)
      outcome.show(shown)
      return
    }
    let (report, count, ignored) = try copyTensors(
      from: input, to: output, open: reading.open, options: writing.write)
    // The file is in place, so a standard output that takes no more is no failure.
    try? shown.show(
      "copied \(count) tensors\nwrote \(output.printable()): \(report.bytes.asBytes)",
      json: .object([
        "outputs": .array([
          .object([
            "path": .string(output), "format": .string(report.format.rawValue),
            "bytes": .integer(report.bytes),
          ])
        ]),
        "tensors": .integer(count), "ignored": .array(ignored.map(\.json)),
      ]))
  }

  private func readModel() throws -> Model {
    do {
      return try Model(contentsOf: input, options: reading.open)
    } catch {
      guard error.code == .notAResNet else { throw error }
      var advised = error
      advised.advice = "--raw copies the tensors of any model"
      throw advised
    }
  }
}
