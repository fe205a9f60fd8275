internal import ArgumentParser
internal import Resect

struct ExportCommand: FileCommand {
  static let configuration = CommandConfiguration(
    commandName: "export",
    abstract: "Write a model in the native format, with its provenance.",
    discussion: "Surgeries are done in the order fold-bn, drop-fc-bias.")

  @OptionGroup var job: ModelJob
  @OptionGroup var surgeries: SurgeryOptions
  @OptionGroup var quality: QualityOptions
  @OptionGroup var calibration: CalibrationOption

  private var storesIntegers: Bool { job.writing.storage.dtype == .int8 }

  func validate() throws {
    if calibration.calibrate != nil, !storesIntegers { throw ValidationError("--calibrate is for --dtype int8.") }
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

  func files() throws(ResectError) -> FilesInUse {
    var files = job.files
    files.reads += try surgeries.files + calibration.files()
    return files
  }

  func run() throws {
    var model = try surgeries.operate(on: job.read(for: .resect, storesIntegers: storesIntegers))
    if storesIntegers { model = try model.storingIntegers(calibration.calibration(for: model)) }
    try job.write(model, format: .resect, goal: quality.goal)
  }
}
