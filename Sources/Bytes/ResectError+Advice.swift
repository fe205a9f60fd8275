extension ResectError {
  /// What to do about a failure: a code and facts for programs that word it in their own terms, and a sentence for people.
  ///
  /// The sentence knows no program's options; a command line has words of its own for the codes in `Code.known`. A literal is
  /// advice that needs no other words:
  ///
  /// ```swift
  /// throw ResectError(.truncated, "the file ends early", advice: "fetch it again")
  /// ```
  public struct Advice: Sendable, Hashable {
    /// Which advice this is. Open: later versions may add codes.
    public struct Code: RawRepresentable, Sendable, Hashable {
      /// The code's stable name.
      public let rawValue: String

      /// The code of this name.
      public init(rawValue: String) { self.rawValue = rawValue }

      /// Advice that is its sentence, and nothing else.
      public static let sentence = Code(rawValue: "sentence")
    }

    /// Which advice this is.
    public let code: Code
    /// What the advice is about, by name: values to be said, keys to choose.
    public let facts: [String: String]
    /// The advice as a sentence.
    public let text: String

    /// Advice of these parts.
    public init(_ code: Code, facts: [String: String] = [:], _ text: String) {
      self.code = code
      self.facts = facts
      self.text = text
    }
  }
}

extension ResectError.Advice: ExpressibleByStringInterpolation, CustomStringConvertible {
  /// Advice that is its sentence.
  public init(stringLiteral text: String) { self.init(.sentence, text) }

  /// Advice that is its sentence.
  public init(_ text: String) { self.init(.sentence, text) }

  /// The advice as a sentence.
  public var description: String { text }
}

extension ResectError.Advice.Code {
  package static let sayEpsilon = Self(rawValue: "sayEpsilon")
  package static let sayStride = Self(rawValue: "sayStride")
  package static let sayPreprocessing = Self(rawValue: "sayPreprocessing")
  package static let sayMapping = Self(rawValue: "sayMapping")
  package static let sayFormat = Self(rawValue: "sayFormat")
  package static let chooseKey = Self(rawValue: "chooseKey")
  package static let allowUnexpected = Self(rawValue: "allowUnexpected")
  package static let overwrite = Self(rawValue: "overwrite")
  package static let skipProof = Self(rawValue: "skipProof")
  package static let storeWider = Self(rawValue: "storeWider")
  package static let storeLossless = Self(rawValue: "storeLossless")
  package static let storeLarger = Self(rawValue: "storeLarger")
  package static let keepNames = Self(rawValue: "keepNames")
  package static let runInFloat32 = Self(rawValue: "runInFloat32")
  package static let foldBatchNorm = Self(rawValue: "foldBatchNorm")
  package static let keepBias = Self(rawValue: "keepBias")
  package static let normalizeInLayer = Self(rawValue: "normalizeInLayer")
  package static let replaceHead = Self(rawValue: "replaceHead")
  package static let labelClasses = Self(rawValue: "labelClasses")
  package static let rebaseEpsilon = Self(rawValue: "rebaseEpsilon")

  /// The codes that a program may have words of its own for.
  package static let known: [Self] = [
    .sayEpsilon, .sayStride, .sayPreprocessing, .sayMapping, .sayFormat, .chooseKey, .allowUnexpected, .overwrite,
    .skipProof,
    .storeWider, .storeLossless, .storeLarger, .keepNames, .runInFloat32, .foldBatchNorm, .keepBias, .normalizeInLayer,
    .replaceHead, .labelClasses, .rebaseEpsilon,
  ]
}

extension ResectError.Advice {
  package static let sayEpsilon = Self(.sayEpsilon, "say what the batch-norms add to the variance")

  package static let sayStride = Self(.sayStride, "say which convolution of a bottleneck strides")

  /// Where the weights would have to be trained with these strides.
  package static func sayStride(ifTrainedWith stride: String, or rest: String) -> Self {
    Self(
      .sayStride, facts: ["stride": stride, "otherwise": rest],
      "where the weights were trained so, say that the strides are \(stride); \(rest)")
  }

  package static let sayPreprocessing = Self(.sayPreprocessing, "say how images become input")

  package static func sayPreprocessing(presets: [String]) -> Self {
    let presets = presets.joined(separator: ", ")
    return Self(
      .sayPreprocessing, facts: ["presets": presets],
      "say how images become input, by a preset (\(presets)) or in numbers")
  }

  /// After `reason`, which is a sentence of its own.
  package static func sayMapping(_ reason: String) -> Self {
    Self(.sayMapping, facts: ["reason": reason], "\(reason); a mapping says what names mean")
  }

  package static let sayMapping = Self(.sayMapping, "a mapping says which")

  package static let sayFormat = Self(.sayFormat, "use one of them, or say the format")

  package static let chooseKey = Self(.chooseKey, "name another part by its key")

  package static func chooseKey(_ first: String) -> Self {
    Self(.chooseKey, facts: ["key": first], "the key \(first) chooses the first")
  }

  package static let allowUnexpected = Self(
    .allowUnexpected, "allow unexpected tensors: then what has no place is ignored")

  package static let readBackbone = Self(
    .allowUnexpected, facts: ["gives": "backbone"],
    "allow unexpected tensors: then they are left out and the backbone is read")

  package static let overwrite = Self(.overwrite, "replace it on purpose, or write to another path")

  package static let skipProof = Self(.skipProof, "it can be written without a proof")

  package static let storeWider = Self(.storeWider, "store it in a wider dtype, or without a proof")

  package static let storeLossless = Self(.storeLossless, "lossless encoding loses nothing")

  package static func storeLarger(_ bytes: UInt64) -> Self {
    Self(.storeLarger, facts: ["bytes": "\(bytes)"], "\(bytes) bytes is about the smallest size")
  }

  package static let keepNames = Self(.keepNames, "choose no convention")

  package static let runInFloat32 = Self(.runInFloat32, "run them in float32, as they are")

  package static let foldBatchNorm = Self(.foldBatchNorm, "fold them first")

  package static let keepBias = Self(.keepBias, "keep the bias, or split the model before its weights are narrowed")

  package static let normalizeInLayer = Self(.normalizeInLayer, "unfolded, they become a layer of their own")

  package static let replaceHead = Self(.replaceHead, "a fresh head puts one in")

  package static let labelClasses = Self(.labelClasses, "name classes by their indices, or label them")

  package static func rebaseEpsilon(to epsilon: String, or rest: String) -> Self {
    Self(
      .rebaseEpsilon, facts: ["epsilon": epsilon, "otherwise": rest],
      "rebase the batch-norms to an eps of \(epsilon), which makes up for it; \(rest)")
  }
}
