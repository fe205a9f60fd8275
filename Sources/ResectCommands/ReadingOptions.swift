internal import ArgumentParser
internal import Resect

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

  func validate() throws { try said.validate(suffix: "") }

  /// The options for opening the file.
  func open() throws(ResectError) -> OpenOptions { try said.open() }

  /// The files that these options name.
  var files: [String] { said.files }

  private var said: SaidOfInput {
    SaidOfInput(
      key: key, convention: inputConvention, mapping: mapping, stride: stride, epsilon: epsilon,
      allowsUnexpected: allowUnexpected)
  }
}

/// What the caller says about the second of two inputs that are compared: what is said of the first is not meant of it.
struct SecondReadingOptions: ParsableArguments {
  @Option(name: .customLong("key-b"), help: ArgumentHelp("--key for the second file.", valueName: "key"))
  var key: String?

  @Option(name: .customLong("input-convention-b"), help: "--input-convention for the second file.")
  var inputConvention: ConventionName?

  @Option(name: .customLong("mapping-b"), help: ArgumentHelp("--mapping for the second file.", valueName: "file"))
  var mapping: String?

  @Option(name: .customLong("stride-b"), help: "--stride for the second file.")
  var stride: StrideArgument?

  @Option(name: .customLong("epsilon-b"), help: ArgumentHelp("--epsilon for the second file.", valueName: "eps"))
  var epsilon: Double?

  @Flag(name: .customLong("allow-unexpected-b"), help: "--allow-unexpected for the second file.")
  var allowUnexpected = false

  func validate() throws { try said.validate(suffix: "-b") }

  /// The options for opening the second file.
  func open() throws(ResectError) -> OpenOptions { try said.open() }

  /// The files that these options name.
  var files: [String] { said.files }

  private var said: SaidOfInput {
    SaidOfInput(
      key: key, convention: inputConvention, mapping: mapping, stride: stride, epsilon: epsilon,
      allowsUnexpected: allowUnexpected)
  }
}

/// What options say of one input, whatever the options are called.
private struct SaidOfInput {
  let key: String?
  let convention: ConventionName?
  let mapping: String?
  let stride: StrideArgument?
  let epsilon: Double?
  let allowsUnexpected: Bool

  var files: [String] { mapping.map { [$0] } ?? [] }

  func validate(suffix: String) throws {
    if let epsilon, !epsilon.isFinite || epsilon < 0 {
      throw ValidationError("--epsilon\(suffix) has to be a number that is not negative.")
    }
    guard mapping == nil || convention == nil else {
      throw ValidationError("--mapping\(suffix) says what names mean, so no --input-convention\(suffix) goes with it.")
    }
  }

  func open() throws(ResectError) -> OpenOptions {
    var options = OpenOptions.forCommands
    options.network.mapping = try mapping.map { path throws(ResectError) in try Mapping(contentsOf: path) }
    options.key = key
    options.network.convention = convention.flatMap { Convention.named($0.rawValue) }
    options.network.stridePlacement = stride.flatMap { .init(rawValue: $0.rawValue) }
    options.network.epsilon = epsilon
    options.network.allowsUnexpected = allowsUnexpected
    return options
  }
}

extension OpenOptions {
  /// How commands open a file of which nothing is said: a command reads every input piece by piece, so memory stays small.
  static var forCommands: OpenOptions {
    var options = OpenOptions()
    options.access = .read
    return options
  }
}
