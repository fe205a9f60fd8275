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

  @Option(help: "The naming convention, where it should not be found out.")
  var convention: ConventionName?

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
  }

  /// The options for opening a file. A command reads every input piece by piece, so memory stays small.
  var open: OpenOptions {
    var options = OpenOptions()
    options.key = key
    options.network.convention = convention.flatMap { Convention.named($0.rawValue) }
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

/// How a model is written.
struct WritingOptions: ParsableArguments {
  @Option(help: "Store weights as f32, f16 or bf16; biases and other vectors are then f32.")
  var dtype: DTypeArgument?

  @Option(help: "The format to write, where the extension does not say it.")
  var to: FormatArgument?

  @Flag var encoding: EncodingArgument?

  @Flag(help: "Replace the output if it exists.")
  var force = false

  /// Refuses a wish for an encoding where a file is written that knows none.
  func checkEncoding(for paths: String..., format: OutputFormat? = nil) throws {
    guard let encoding else { return }
    for path in paths {
      guard try format ?? write.format ?? OutputFormat(path: path) == .resect else {
        throw ValidationError("--\(encoding) is for .resect files.")
      }
    }
  }

  /// The options for writing.
  var write: WriteOptions {
    WriteOptions(
      format: to.flatMap { OutputFormat(rawValue: $0.rawValue) }, dtype: dtype?.dtype,
      encoding: encoding?.encoding ?? .lossless, overwrites: force)
  }
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
