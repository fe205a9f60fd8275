internal import ArgumentParser
internal import Resect

struct VerifyCommand: FileCommand {
  static let configuration = CommandConfiguration(
    commandName: "verify",
    abstract: "Run two models on the same inputs and tell how far they agree.",
    discussion: """
      The inputs are fixed pseudo-random probes, or the images of a folder, or a NumPy file. Images become input as each model \
      says, or as the other does where it says nothing; so do probes where only one of the two normalises pixels itself. What \
      options say of an input, they say of the first model; those that end in -b say it of the second. Exits \
      with 1 where a number is not finite or the largest difference is over --tolerance, by default a share of the largest logit that the narrower dtype of the two explains: \
      1e-4 for f32, 1e-2 for f16, 5e-2 for bf16, 0.25 for int8, where a model is run in it.
      """)

  @Argument(help: "The first model.") var first: String
  @Argument(help: "The second model.") var second: String
  @Option(help: ArgumentHelp("Run on the images in this folder.", valueName: "folder")) var images: String?
  @Option(help: ArgumentHelp("Run on this NumPy file.", valueName: "x.npy")) var input: String?
  @Option(help: "The largest difference that is allowed.") var tolerance: Double?
  @OptionGroup var running: RunningOptions
  @OptionGroup var preparing: PreprocessingOption
  @OptionGroup var secondPreparing: SecondPreprocessingOption
  @OptionGroup var reading: ReadingOptions
  @OptionGroup var secondReading: SecondReadingOptions
  @OptionGroup var shown: OutputOptions

  func validate() throws {
    guard images == nil || input == nil else { throw ValidationError("--images and --input exclude each other.") }
    if let tolerance, !(tolerance >= 0) {
      throw ValidationError("--tolerance has to be a number that is not negative.")
    }
  }

  func files() throws(ResectError) -> FilesInUse { FilesInUse(reads: [first, second]) }

  func run() throws {
    let models = try [
      preparing.completed(Model(contentsOf: first, options: reading.open())),
      secondPreparing.completed(Model(contentsOf: second, options: secondReading.open())),
    ]
    let predictors = try models.map { try Predictor($0, options: running.session(for: $0)) }
    for note in Set(predictors.flatMap(\.session.notes)).sorted() { Terminal.error("resect: note: \(note)") }
    let comparison = try predictors[0].comparison(with: predictors[1], on: batches(predictors[0], predictors[1]))
    let agreement = comparison.agreement
    let computed = predictors.contains { $0.session.precision == .int8 } ? Proof.integerTolerance : 0
    let allowed =
      tolerance ?? max(models[0].relativeTolerance, models[1].relativeTolerance, computed) * comparison.magnitude
    let agrees = agreement.largest <= allowed
    try shown.show(
      comparison.lines(allowed: allowed).joined(separator: "\n"),
      json: .object(
        [JSON.Member("agrees", .bool(agrees))] + agreement.members(comparison.subject, magnitude: comparison.magnitude)
          + [JSON.Member("tolerance", .number(allowed))]))
    if !agrees { throw ExitCode(1) }
  }

  private func batches(_ one: Predictor, _ other: Predictor) throws -> (first: Batch, second: Batch) {
    if let input {
      let batch = try Batch(numPyFile: input)
      return (batch, batch)
    }
    guard let images else { return try one.probes(with: other) }
    return try one.batches(with: other, of: ImageFiles(folder: images).paths.map { try PixelImage(contentsOf: $0) })
  }
}

extension RunComparison {
  /// What people are told.
  fileprivate func lines(allowed: Double) -> [String] {
    let verdict = agreement.largest <= allowed ? "within" : "more than"
    return [agreement.table(subject).text, "the largest difference is \(verdict) \(allowed.text(digits: 3))"]
  }
}

extension Model {
  /// What rounding its weights explains, as a share of the largest logit.
  fileprivate var relativeTolerance: Double {
    content.tensors.map(\.dtype).map { Proof.relativeTolerance(for: $0) }.max()
      ?? Proof.relativeTolerance(for: .float32)
  }
}
