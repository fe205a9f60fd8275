internal import ArgumentParser
internal import Resect

/// How much a `.resect` file may lose.
struct QualityOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Quantise the weights: how far the logits may be off, root mean square, as a share of their spread (\(levels)).",
      valueName: "share|level"))
  var quality: QualityArgument?

  @Option(
    help: ArgumentHelp(
      "Quantise the weights: the largest difference of a logit, as a share of their spread.", valueName: "share"))
  var maxDifference: Double?

  @Option(
    help: ArgumentHelp(
      "Quantise the weights so that the whole file has at most so many bytes, as 10MB, 800kB.", valueName: "size"))
  var targetSize: SizeArgument?

  private static var levels: String {
    QualityGoal.levels.map { "\($0.key): \($0.value)" }.joined(separator: ", ")
  }

  /// What was asked for.
  var goal: QualityGoal? { quality?.goal ?? targetSize?.goal ?? maxDifference.map { .largestDifference($0) } }

  func validate() throws {
    guard [quality != nil, targetSize != nil, maxDifference != nil].count(where: { $0 }) <= 1 else {
      throw ValidationError("--quality, --target-size and --max-difference exclude each other.")
    }
  }

  /// Refuses what does not go with quantised weights.
  func check(_ job: ModelJob, format: OutputFormat? = nil) throws {
    guard goal != nil else { return }
    let storage = job.writing.storage
    guard storage.encoding == nil, storage.dtype == nil, storage.tolerance == nil else {
      throw ValidationError(
        "--quality, --target-size and --max-difference say how weights are stored and how far logits may move: "
          + "no --store, --lossless, --dtype and --tolerance go with them.")
    }
    guard try format ?? job.writing.write.format ?? OutputFormat(path: job.output) == .resect else {
      throw ValidationError("--quality, --target-size and --max-difference are for .resect files.")
    }
  }
}

/// An error of the logits, by name or number.
struct QualityArgument: ExpressibleByArgument {
  let goal: QualityGoal

  init?(argument: String) {
    guard let goal = QualityGoal(quality: argument) else { return nil }
    self.goal = goal
  }
}

/// A size with a decimal unit.
struct SizeArgument: ExpressibleByArgument {
  let goal: QualityGoal

  init?(argument: String) {
    guard let goal = QualityGoal(size: argument) else { return nil }
    self.goal = goal
  }
}
