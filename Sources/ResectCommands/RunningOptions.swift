internal import ArgumentParser
internal import Resect

/// How a network is run.
struct RunningOptions: ParsableArguments {
  @Option(help: "What to compute with: f32, bf16 or int8 (default: what the model is stored for: f32, or int8).")
  var dtype: PrecisionArgument?
  @Option(help: "How many threads share the work (default: as many as there are processors).") var threads = 0
  @Flag(help: "Run every module as it stands, batch-norms included.") var exact = false
  @Flag(help: "Compute in plain Swift: slow, and independent of any library.") var reference = false
  @OptionGroup var calibration: CalibrationOption

  func validate() throws {
    guard 0...1024 ~= threads else { throw ValidationError("--threads has to be between 1 and 1024.") }
    if calibration.calibrate != nil, dtype != .int8 { throw ValidationError("--calibrate is for --dtype int8.") }
    if exact, let dtype, dtype != .f32 { throw ValidationError("--exact runs modules as they stand, in f32.") }
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
    options.precision = dtype.flatMap { Precision(rawValue: $0.rawValue) }
    options.threads = threads
    options.isExact = exact
    options.usesReference = reference
    options.calibration = try calibration.calibration(for: model)
    return options
  }
}

/// Where the ranges of 8-bit activations come from.
struct CalibrationOption: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Where the ranges of 8-bit activations come from: the images in a folder, probes, or statistics (those of the batch-norms).",
      valueName: "folder|probes|statistics"))
  var calibrate: String?

  /// The images that the option names.
  func files() throws(ResectError) -> [String] {
    guard case .images(let folder)? = source else { return [] }
    return try ImageFiles(folder: folder).paths
  }

  private enum Source {
    case probes
    case statistics
    case images(folder: String)
  }

  private var source: Source? {
    switch calibrate {
    case nil: nil
    case "probes": .probes
    case "statistics": .statistics
    case let folder?: .images(folder: folder)
    }
  }

  /// What was asked for, of `model`.
  func calibration(for model: Model) throws -> Calibration {
    switch source {
    case nil: return .automatic
    case .probes: return .probes
    case .statistics: return .batchNorms
    case .images(let folder):
      var options = SessionOptions()
      options.precision = .float32
      let predictor = try Predictor(model, options: options)
      let paths = try ImageFiles(folder: folder).paths
      return .inputs(count: paths.count) { (index) throws(ResectError) in
        try predictor.batch(of: [PixelImage(contentsOf: paths[index])])
      }
    }
  }
}

/// ``PreprocessingOption`` for the second of two models.
struct SecondPreprocessingOption: ParsableArguments {
  @Option(
    name: .customLong("preprocessing-b"),
    help: ArgumentHelp("--preprocessing for the second model.", valueName: "name|file.json"))
  var preprocessing: String?

  func completed(_ model: Model) throws -> Model { try model.preprocessed(byOption: preprocessing) }
}

/// How images become the network's input, where the file does not say it or says it wrong.
struct PreprocessingOption: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "How images become input: a JSON file, or a preset (\(Preprocessing.presetNames.joined(separator: ", "))).",
      valueName: "name|file.json"))
  var preprocessing: String?

  /// The files that the option names.
  var files: [String] { preprocessing.flatMap { Preprocessing.path(in: $0) }.map { [$0] } ?? [] }

  func completed(_ model: Model) throws -> Model { try model.preprocessed(byOption: preprocessing) }
}

extension Model {
  /// The model with the preprocessing that an option names, if there is one.
  func preprocessed(byOption text: String?) throws(ResectError) -> Model {
    guard let text else { return self }
    return try preprocessed(by: Preprocessing(presetOrFile: text))
  }
}
