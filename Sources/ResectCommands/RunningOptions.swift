internal import ArgumentParser
internal import Resect

/// How a network is run.
struct RunningOptions: ParsableArguments {
  @Option(help: "What to compute with: f32, bf16 or int8.") var dtype = PrecisionArgument.f32
  @Option(help: "How many threads share the work (default: as many as there are processors).") var threads = 0
  @Flag(help: "Run every module as it stands, batch-norms included.") var exact = false
  @Flag(help: "Compute in plain Swift: slow, and independent of any library.") var reference = false
  @Option(
    help: ArgumentHelp(
      "Measure the ranges of 8-bit activations on the images in this folder (default: on probes).", valueName: "folder")
  )
  var calibrate: String?

  func validate() throws {
    guard 0...1024 ~= threads else { throw ValidationError("--threads has to be between 1 and 1024.") }
    if calibrate != nil, dtype != .int8 { throw ValidationError("--calibrate is for --dtype int8.") }
    if exact, dtype != .f32 { throw ValidationError("--exact runs modules as they stand, in f32.") }
  }

  /// A precision that somebody can ask for.
  enum PrecisionArgument: String, ExpressibleByArgument, CaseIterable {
    case f32
    case bf16
    case int8
  }

  /// The options for a session of `model`.
  func session(for model: Model) throws -> SessionOptions {
    var options = SessionOptions()
    options.precision = Precision(rawValue: dtype.rawValue) ?? .float32
    options.threads = threads
    options.isExact = exact
    options.usesReference = reference
    guard let calibrate else { return options }
    let predictor = try Predictor(model)
    let batches = try ImageFiles(folder: calibrate).paths.map { try predictor.batch(of: [PixelImage(contentsOf: $0)]) }
    options.ranges = try ActivationRanges(of: predictor.session.graph, on: batches)
    return options
  }
}

/// How images become the network's input, where the file does not say it or says it wrong.
struct PreprocessingOption: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "How images become input: a JSON file, or a preset (\(Preprocessing.presetNames.joined(separator: ", "))).",
      valueName: "name|file.json"))
  var preprocessing: String?

  func completed(_ model: Model) throws -> Model {
    guard let preprocessing else { return model }
    return try model.preprocessed(by: Preprocessing(presetOrFile: preprocessing))
  }
}
