/// What went wrong, where, and what to do about it.
///
/// Every refusal of Resect is one of these. Compare ``code``; show ``description``, which is one line that is safe for a
/// terminal: control characters that a file may have smuggled into a name are escaped.
public struct ResectError: Error, Sendable, Hashable {
  /// What kind of failure this is. Open: later versions may add codes.
  public struct Code: Sendable, Hashable, CustomStringConvertible {
    /// The code's stable name, for programs that read `--json`.
    public let description: String

    init(_ description: String) { self.description = description }

    /// The operating system refused: no such file, no permission, no space.
    public static let system = Code("system")
    /// The file ends before what it promises.
    public static let truncated = Code("truncated")
    /// The bytes do not follow the format.
    public static let malformed = Code("malformed")
    /// A checksum that the file carries does not match its bytes.
    public static let checksum = Code("checksum")
    /// A size, a depth or a count is over a limit of Resect.
    public static let limit = Code("limit")
    /// The file is of no format that Resect reads.
    public static let unknownFormat = Code("unknownFormat")
    /// The format allows this, Resect does not read it.
    public static let unsupported = Code("unsupported")
    /// A pickle asks for something that may run code.
    public static let unsafePickle = Code("unsafePickle")
    /// Two readings are equally good; the caller has to choose.
    public static let ambiguous = Code("ambiguous")
    /// The tensors do not form the network that they should.
    public static let mismatch = Code("mismatch")
    /// The tensors form no ResNet.
    public static let notAResNet = Code("notAResNet")
    /// A value cannot be what it is: not finite, a negative variance, too large for the dtype.
    public static let badValue = Code("badValue")
    /// The surgery does not apply to this network.
    public static let notApplicable = Code("notApplicable")
    /// The network after a surgery does not do what the surgery promises.
    public static let notProved = Code("notProved")
    /// The output exists, or is the input.
    public static let outputExists = Code("outputExists")
    /// The caller's arguments contradict each other or the file.
    public static let badArgument = Code("badArgument")
  }

  /// The kind of failure.
  public let code: Code
  /// What is wrong: expected and found, without the place.
  public let message: String
  /// What to do, if anything can be done.
  public var advice: Advice?
  /// The file that is at fault.
  public var file: String?
  /// The tensor, module or archive member that is at fault.
  public var tensor: String?
  /// The offset in bytes from the beginning of the file, or of the named part of it.
  public var offset: UInt64?
  /// One line each, where there is more than one fault: every missing tensor, for instance.
  public var details: [String]

  /// Creates an error; leave out what is not known.
  public init(
    _ code: Code, _ message: String, advice: Advice? = nil, file: String? = nil,
    tensor: String? = nil, offset: UInt64? = nil, details: [String] = []
  ) {
    self.code = code
    self.message = message
    self.advice = advice
    self.file = file
    self.tensor = tensor
    self.offset = offset
    self.details = details
  }

  /// The same error, with the file and the tensor filled in where they were not known.
  public func located(file: String? = nil, tensor: String? = nil) -> ResectError {
    var located = self
    located.file = self.file ?? file
    located.tensor = self.tensor ?? tensor
    return located
  }
}

extension ResectError: CustomStringConvertible {
  /// One line: `FILE: tensor NAME: byte N: what is wrong; what to do`. The ``details`` are not in it.
  public var description: String {
    var text = ""
    if let file { text += "\(file.printable(limit: 300)): " }
    if let tensor { text += "\(tensor.printable(limit: 120)): " }
    if let offset { text += "byte \(offset): " }
    text += message.printable(limit: 400)
    if let advice { text += "; \(advice.text.printable(limit: 200))" }
    return text
  }
}

extension String {
  /// The text as a terminal may show it: control characters escaped, and cut after `limit` characters.
  public func printable(limit: Int = .max) -> String {
    if utf8.count <= limit, utf8.allSatisfy({ 0x20..<0x7F ~= $0 }) { return self }
    var result = String.UnicodeScalarView()
    var count = 0
    for scalar in unicodeScalars {
      if count >= limit { break }
      count += 1
      switch scalar.properties.generalCategory {
      case .control, .format, .lineSeparator, .paragraphSeparator, .surrogate:
        result.append(contentsOf: "\\u{\(String(scalar.value, radix: 16))}".unicodeScalars)
      default:
        result.append(scalar)
      }
    }
    return count < limit || unicodeScalars.count == count ? String(result) : String(result) + "…"
  }
}
