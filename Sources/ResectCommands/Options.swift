internal import ArgumentParser
internal import Resect

/// How results are shown.
struct OutputOptions: ParsableArguments {
  @Flag(help: "Print the result as JSON.")
  var json = false

  /// Prints `text` for people or `value` for programs.
  func show(_ text: @autoclosure () -> String, json value: @autoclosure () -> JSON) throws {
    try Terminal.output(json ? value().pretty : text())
  }
}

/// The name of a convention.
struct ConventionName: ExpressibleByArgument {
  let rawValue: String

  init?(argument: String) {
    guard Convention.named(argument) != nil else { return nil }
    rawValue = argument
  }

  static var allValueStrings: [String] { Convention.all.map(\.name) }
}

/// A stride placement that somebody can ask for.
enum StrideArgument: String, ExpressibleByArgument, CaseIterable {
  case v1
  case v15 = "v1.5"
}

/// A dtype that weights can be stored in.
enum DTypeArgument: String, ExpressibleByArgument, CaseIterable {
  case f32
  case f16
  case bf16
  case int8

  /// The dtype; nothing for 8-bit integers, which no tensor has alone.
  var dtype: DType? {
    switch self {
    case .f32: .float32
    case .f16: .float16
    case .bf16: .bfloat16
    case .int8: nil
    }
  }
}

/// A format that can be written.
enum FormatArgument: String, ExpressibleByArgument, CaseIterable {
  case resect
  case safetensors
  case torch
  case hdf5
  case kerasWeights = "keras-weights"
  case keras
}

/// How the weights of a `.resect` file are encoded.
enum EncodingArgument: EnumerableFlag {
  case lossless
  case store

  static func help(for value: EncodingArgument) -> ArgumentHelp? {
    switch value {
    case .lossless: "In a .resect file, make weights smaller without loss (the default)."
    case .store: "In a .resect file, store weights as they are, to be mapped and used in place."
    }
  }

  var encoding: WeightEncoding {
    switch self {
    case .lossless: .lossless
    case .store: .store
    }
  }
}

/// What is written, whatever the format.
struct StorageOptions: ParsableArguments {
  @Option(help: "Store weights as f32, f16 or bf16, or, with export, as int8; biases and other vectors are then f32.")
  var dtype: DTypeArgument?

  @Option(help: "The convention that names the output's tensors; by default the input's.")
  var convention: ConventionName?

  @Option(
    help: ArgumentHelp(
      "Record how images become input: a JSON file, or a preset (\(Preprocessing.presetNames.joined(separator: ", "))).",
      valueName: "name|file.json"))
  var preprocessing: String?

  @Flag var encoding: EncodingArgument?

  @Flag(help: "Replace the output if it exists.")
  var force = false

  @Flag(
    help: ArgumentHelp(
      "Write under names whose framework's code computes something else or cannot load the file, for code of your own; the file says so."
    ))
  var allowDifferentCode = false

  @Flag(name: .customLong("no-verify"), help: "Do not run the network before and after; the file says so.")
  var skipsVerification = false

  @Option(
    help: ArgumentHelp(
      "How far logits may move, as a share of the largest (default: 1e-4; 1e-2 for f16, 5e-2 for bf16, 0.25 for int8).",
      valueName: "share"))
  var tolerance: Double?

  func validate() throws {
    if let tolerance, !(tolerance >= 0) {
      throw ValidationError("--tolerance has to be a number that is not negative.")
    }
    if tolerance != nil, skipsVerification { throw ValidationError("--no-verify leaves nothing to tolerate.") }
  }

  /// Refuses a wish for an encoding where a file is written that knows none.
  func checkEncoding(for paths: String..., format: OutputFormat? = nil) throws {
    guard let encoding else { return }
    for path in paths {
      guard try format ?? OutputFormat(path: path) == .resect else {
        throw ValidationError("--\(encoding) is for .resect files.")
      }
    }
  }

  /// Refuses 8-bit integers where a command does not store them.
  func refuseIntegers() throws {
    guard dtype == .int8 else { return }
    throw ValidationError("--dtype int8 is for export, which stores what is run: export the result.")
  }

  /// The files that these options name.
  var files: [String] { preprocessing.flatMap { Preprocessing.path(in: $0) }.map { [$0] } ?? [] }

  /// The options for writing.
  var write: WriteOptions {
    WriteOptions(
      dtype: dtype?.dtype, encoding: encoding?.encoding ?? .lossless, overwrites: force,
      verification: skipsVerification ? .skip : .prove(relativeTolerance: tolerance),
      allowsDifferentCode: allowDifferentCode)
  }

  /// The model with the preprocessing that the caller says.
  func prepared(_ model: Model) throws -> Model { try model.preprocessed(byOption: preprocessing) }

  /// The model under the names that it is written by.
  func named(_ model: Model) throws -> Model {
    guard let convention = convention.flatMap({ Convention.named($0.rawValue) }) else { return model }
    return try model.named(by: convention)
  }
}

/// How a model is written.
struct WritingOptions: ParsableArguments {
  @OptionGroup var storage: StorageOptions

  @Option(help: "The format to write, where the extension does not say it.")
  var to: FormatArgument?

  /// The options for writing.
  var write: WriteOptions {
    var options = storage.write
    options.format = to.flatMap { OutputFormat(rawValue: $0.rawValue) }
    return options
  }

  /// Refuses a wish for an encoding where a file is written that knows none.
  func checkEncoding(for paths: String..., format: OutputFormat? = nil) throws {
    for path in paths { try storage.checkEncoding(for: path, format: format ?? write.format) }
  }

  /// The model as it is written: with the preprocessing and the names that the caller says.
  func completed(_ model: Model) throws -> Model { try storage.named(storage.prepared(model)) }
}

/// What every command means by `--labels`.
enum LabelsOption {
  static let help = ArgumentHelp(
    "The classes' names: a text file, one a line, or imagenet for the 1000 of ImageNet.", valueName: "file|imagenet")

  /// The file that the option's value names, if it names one.
  static func files(_ labels: String?) -> [String] { labels.flatMap { Labels.path(in: $0) }.map { [$0] } ?? [] }
}

/// The surgeries that a command can do on the way, in this order.
struct SurgeryOptions: ParsableArguments {
  @Flag(name: .customLong("fold-bn"), help: "Fold batch-norms into the convolutions first.")
  var foldBatchNorm = false

  @Flag(help: "Put batch-norms that change nothing behind the convolutions of a folded network.")
  var unfold = false

  @Flag(name: .customLong("drop-fc-bias"), help: "Then drop the classifier's bias.")
  var dropClassifierBias = false

  @Option(help: LabelsOption.help)
  var labels: String?

  /// The files that these options name.
  var files: [String] { LabelsOption.files(labels) }

  func validate() throws {
    if foldBatchNorm, unfold { throw ValidationError("--fold-bn and --unfold exclude each other.") }
  }

  /// The model after the surgeries.
  func operate(on model: Model) throws -> Model {
    var model = model
    if foldBatchNorm { model = try model.foldingBatchNorm() }
    if unfold { model = try model.unfoldingBatchNorm() }
    if dropClassifierBias { model = try model.droppingClassifierBias() }
    if let labels { model = try model.labelled(Labels(nameOrFile: labels).names) }
    return model
  }
}
