internal import ArgumentParser
internal import Resect

struct DropClassifierBiasCommand: FileCommand {
  static let configuration = CommandConfiguration(
    commandName: "drop-fc-bias",
    abstract: "Drop the classifier's bias, and say what that changes.")

  @OptionGroup var job: ModelJob

  func files() throws(ResectError) -> FilesInUse { job.files }

  func run() throws { try job.write(job.read().droppingClassifierBias()) }
}
