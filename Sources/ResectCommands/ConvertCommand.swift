internal import ArgumentParser
internal import Resect

struct ConvertCommand: FileCommand {
  static let configuration = CommandConfiguration(
    commandName: "convert",
    abstract: "Write a model in another format, or under the names of another convention.",
    discussion: """
      Surgeries are done in the order fold-bn, drop-fc-bias. With --raw, the tensors of any model are copied under \
      their own names.
      """)

  @OptionGroup var job: ModelJob
  @Flag(help: "Copy the tensors of any model as they are; nothing is mapped.") var raw = false
  @OptionGroup var surgeries: SurgeryOptions
  @OptionGroup var quality: QualityOptions

  func validate() throws {
    try quality.check(job)
    guard raw else { return }
    guard quality.goal == nil else {
      throw ValidationError("--raw copies tensors of which it knows nothing: they are not quantised.")
    }
    guard !surgeries.foldBatchNorm, !surgeries.unfold, !surgeries.dropClassifierBias, surgeries.labels == nil,
      job.writing.storage.preprocessing == nil
    else {
      throw ValidationError(
        "--raw copies tensors of which it knows nothing: no surgery, no labels and no preprocessing go with it.")
    }
    guard job.writing.storage.convention == nil else {
      throw ValidationError("--raw copies tensors under their own names: no --convention goes with it.")
    }
  }

  func files() throws(ResectError) -> FilesInUse {
    var files = job.files
    files.reads += surgeries.files
    return files
  }

  func run() throws {
    guard raw else { return try job.write(surgeries.operate(on: readModel()), goal: quality.goal) }
    try job.writing.checkEncoding(for: job.output)
    let (report, count, ignored) = try copyTensors(
      from: job.input, to: job.output, open: job.reading.open(), options: job.writing.write)
    // The file is in place, so a standard output that takes no more is no failure.
    try? job.shown.show(
      "copied \(count) tensors\nwrote \(job.output.printable()): \(report.bytes.asBytes)",
      json: .object([
        "outputs": .array([report.json(path: job.output)]), "tensors": .integer(count),
        "ignored": .array(ignored.map(\.json)),
      ]))
  }

  private func readModel() throws -> Model {
    do {
      return try job.read()
    } catch let error as ResectError {
      guard error.code == .notAResNet else { throw error }
      var advised = error
      advised.advice = "--raw copies the tensors of any model"
      throw advised
    }
  }
}
