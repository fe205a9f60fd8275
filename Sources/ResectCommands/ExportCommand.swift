internal import ArgumentParser
internal import Resect

struct ExportCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "export",
    abstract: "Write a model in the native format, with its provenance.",
    discussion: "Surgeries are done in the order fold-bn, drop-fc-bias.")

  @OptionGroup var job: ModelJob
  @OptionGroup var surgeries: SurgeryOptions
  @OptionGroup var quality: QualityOptions

  func validate() throws {
    if let format = job.writing.to, format != .resect {
      throw ValidationError("export writes .resect; use convert for another format.")
    }
    if job.writing.to == nil, let format = try? OutputFormat(path: job.output), format != .resect {
      throw ValidationError(
        "export writes .resect, and \(job.output.printable()) promises \(format.rawValue): use convert for that, or --to resect if the name is meant."
      )
    }
    try quality.check(job, format: .resect)
  }

  func run() throws {
    try job.write(surgeries.operate(on: job.read(for: .resect)), format: .resect, goal: quality.goal)
  }
}
