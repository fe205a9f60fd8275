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

/// What the caller says about an input.
struct ReadingOptions: ParsableArguments {
  @Option(help: ArgumentHelp("Where the state dict lies, as state_dict or ema.model.", valueName: "key"))
  var key: String?

  @Option(help: "The convention that names the input's tensors, where it should not be found out.")
  var inputConvention: ConventionName?

  @Option(
    help: ArgumentHelp("A text file that gives each tensor its place, instead of a convention.", valueName: "file"))
  var mapping: String?

  @Option(help: "Which convolution of a bottleneck strides: v1 or v1.5.")
  var stride: StrideArgument?

  @Option(help: ArgumentHelp("What batch-norms add to the variance.", valueName: "eps"))
  var epsilon: Double?

  @Flag(help: "Ignore tensors that the network has no place for.")
  var allowUnexpected = false

  func validate() throws {
    if let epsilon, !epsilon.isFinite || epsilon < 0 {
      throw ValidationError("--epsilon has to be a number that is not negative.")
    }
    guard mapping == nil || inputConvention == nil else {
      throw ValidationError("--mapping says what names mean, so no --input-convention goes with it.")
    }
  }

  /// The options for opening a file. A command reads every input piece by piece, so memory stays small.
  func open() throws -> OpenOptions {
    var options = OpenOptions()
    options.network.mapping = try mapping.map { try Mapping(contentsOf: $0) }
    options.key = key
    options.network.convention = inputConvention.flatMap { Convention.named($0.rawValue) }
    options.network.stridePlacement = stride.flatMap { .init(rawValue: $0.rawValue) }
    options.network.epsilon = epsilon
    options.network.allowsUnexpected = allowUnexpected
    options.access = .read
    return options
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

  var dtype: DType {
    switch self {
    case .f32: .float32
    case .f16: .float16
    case .bf16: .bfloat16
    }
  }
}

/// A format that can be written.
enum FormatArgument: String, ExpressibleByArgument, CaseIterable {
  case resect
  case safetensors
}

/// What is written, whatever the format.
struct StorageOptions: ParsableArguments {
  @Option(help: "Store weights as f32, f16 or bf16; biases and other vectors are then f32.")
  var dtype: DTypeArgument?

  @Option(help: "The convention that names the output's tensors; by default the input's.")
  var convention: ConventionName?

  @Option(
    help: ArgumentHelp(
      "Record how images become input: a JSON file, or a preset (\(Preprocessing.presetNames.joined(separator: ", "))).",
      valueName: "name|file.json"))
  var preprocessing: String?

  @Flag(help: "Replace the output if it exists.")
  var force = false

  @Flag(name: .customLong("no-verify"), help: "Do not run the network before and after; the file says so.")
  var skipsVerification = false

  @Option(
    help: ArgumentHelp(
      "How far logits may move, as a share of the largest (default: 1e-4; 1e-2 for f16, 5e-2 for bf16).",
      valueName: "share"))
  var tolerance: Double?

  func validate() throws {
    if let tolerance, !(tolerance >= 0) {
      throw ValidationError("--tolerance has to be a number that is not negative.")
    }
    if tolerance != nil, skipsVerification { throw ValidationError("--no-verify leaves nothing to tolerate.") }
  }

  /// The options for writing.
  var write: WriteOptions {
    WriteOptions(
      dtype: dtype?.dtype, overwrites: force,
      verification: skipsVerification ? .skip : .prove(relativeTolerance: tolerance))
  }

  /// The model as it is written: with the preprocessing that the caller says, under the names of the output's convention.
  func completed(_ model: Model) throws -> Model { try named(preprocessed(model)) }

  /// The model with the preprocessing that the caller says.
  func preprocessed(_ model: Model) throws -> Model {
    guard let preprocessing else { return model }
    return try model.preprocessed(by: Preprocessing(presetOrFile: preprocessing))
  }

  /// The model under the names of the output's convention.
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

  /// The model as it is written.
  func completed(_ model: Model) throws -> Model { try storage.completed(model) }
}

/// The surgeries that a command can do on the way, in this order.
struct SurgeryOptions: ParsableArguments {
  @Flag(name: .customLong("fold-bn"), help: "Fold batch-norms into the convolutions first.")
  var foldBatchNorm = false

  @Flag(name: .customLong("drop-fc-bias"), help: "Then drop the classifier's bias.")
  var dropClassifierBias = false

  @Option(help: ArgumentHelp("A text file with the classes' names, one a line.", valueName: "file"))
  var labels: String?

  /// The model after the surgeries.
  func operate(on model: Model) throws -> Model {
    var model = model
    if foldBatchNorm { model = try model.foldingBatchNorm() }
    if dropClassifierBias { model = try model.droppingClassifierBias() }
    if let labels { model = try model.labelled(Labels(contentsOf: labels).names) }
    return model
  }
}
