public import ResectBytes
public import ResectGraphs
public import ResectResNets
internal import ResectTensors

/// What a `.resect` file says of its tensors.
public struct NativeHeader: Sendable {
  /// What the file holds.
  public enum Kind: Sendable {
    /// A network with a classifier.
    case network(Architecture)
    /// A network that computes features.
    case backbone(Architecture)
    /// An embedding of classes; whether its last column belongs to a constant feature.
    case classes(hasConstantFeature: Bool)
    /// A network that is no ResNet, with its tensors.
    case graph(Graph)

    /// The lowest version of the format that has it.
    var version: UInt32 {
      switch self {
      case .network, .backbone, .classes: NativePrelude.firstVersion
      case .graph: NativePrelude.graphVersion
      }
    }
  }

  /// What the file holds.
  public var kind: Kind
  /// The convention by which the network was read, and to which it goes back by default.
  public var convention: String?
  /// The names of the classes, in order.
  public var labels: [String]?
  /// How images become input, and who said so.
  public var preprocessing: Architecture.Sourced<Preprocessing?>
  /// The ranges of activations that belong to 8-bit weights.
  public var calibration: ActivationRanges?
  /// Where the weights come from and what was done to them.
  public var provenance: Provenance

  /// A header.
  public init(
    kind: Kind, convention: String?, labels: [String]?,
    preprocessing: Architecture.Sourced<Preprocessing?>, calibration: ActivationRanges? = nil, provenance: Provenance
  ) {
    self.kind = kind
    self.convention = convention
    self.labels = labels
    self.preprocessing = preprocessing
    self.calibration = calibration
    self.provenance = provenance
  }
}

/// Where a model comes from and what was done to it.
public struct Provenance: Sendable, Hashable {
  /// A file that the weights were read from.
  public struct Source: Sendable, Hashable {
    /// The file's name without its folder.
    public var name: String
    /// The file's format, as `inspect` names it.
    public var format: String
    /// The file's SHA-256 in hexadecimal.
    public var sha256: String

    /// A source.
    public init(name: String, format: String, sha256: String) {
      self.name = name
      self.format = format
      self.sha256 = sha256
    }
  }

  /// The files, the oldest first.
  public var sources: [Source]
  /// The surgeries with their parameters and reports, in the order in which they were done.
  public var surgeries: [JSON]

  /// A provenance.
  public init(sources: [Source] = [], surgeries: [JSON] = []) {
    self.sources = sources
    self.surgeries = surgeries
  }
}

/// A tensor's entry in the header.
struct NativeTensorEntry {
  var name: String
  var dtype: DType
  var shape: Shape
  var encoding: NativeEncoding
  var offset: UInt64
  /// Bytes of the payload, without the zeros that fill it up.
  var length: UInt64
  /// Over the payload and the zeros up to the next multiple of 64.
  var checksum: UInt32
}

extension NativeHeader {
  func json(tensors: [NativeTensorEntry]) -> JSON {
    var kindName = "network"
    var architecture: Architecture?
    var constantFeature: Bool?
    var graph: Graph?
    switch kind {
    case .network(let value): architecture = value
    case .backbone(let value): (kindName, architecture) = ("backbone", value)
    case .classes(let value): (kindName, constantFeature) = ("classes", value)
    case .graph(let value): (kindName, graph) = ("graph", value)
    }
    return .object([
      "kind": .string(kindName),
      "convention": convention.map { .string($0) },
      "architecture": architecture?.json,
      "graph": graph?.json,
      "constantFeature": constantFeature.map { .bool($0) },
      "labels": labels.map { .array($0.map { .string($0) }) },
      "preprocessing": preprocessing.value?.json,
      "preprocessingSource": preprocessing.sourceJSON,
      "calibration": calibration?.json,
      "provenance": provenance.json,
      "tensors": .array(tensors.map(\.json)),
    ])
  }

  /// What a file says, whose tensors are those of the list.
  init(json: JSON, tensors: [(name: String, tensor: LazyTensor)]) throws(ResectError) {
    func architecture() throws(ResectError) -> Architecture {
      guard let member = json["architecture"] else { throw NativeHeader.refusal("architecture") }
      return try Architecture(json: member)
    }
    switch json["kind"]?.string {
    case "network": kind = .network(try architecture())
    case "backbone": kind = .backbone(try architecture())
    case "classes":
      let flag = try NativeHeader.optional("constantFeature", of: json, \.bool)
      kind = .classes(hasConstantFeature: flag ?? false)
    case "graph":
      guard let member = json["graph"] else { throw NativeHeader.refusal("graph") }
      let named = Dictionary(tensors.map { ($0.name, $0.tensor) }) { first, _ in first }
      kind = .graph(try Graph(json: member, tensors: named))
    default: throw NativeHeader.refusal("kind")
    }
    convention = try NativeHeader.optional("convention", of: json, \.string)
    labels = nil
    if let member = json["labels"] {
      guard let elements = member.elements, elements.allSatisfy({ $0.string != nil }) else {
        throw NativeHeader.refusal("labels")
      }
      labels = elements.compactMap(\.string)
    }
    preprocessing = try .init(preprocessing: json["preprocessing"], source: json["preprocessingSource"]?.string)
    if let member = json["calibration"] { calibration = try ActivationRanges(json: member) }
    provenance = try Provenance(json: json["provenance"] ?? .null)
  }

  /// The member `name`, which may be absent but nothing else than what `read` gives.
  private static func optional<Value>(
    _ name: String, of json: JSON, _ read: (JSON) -> Value?
  ) throws(ResectError) -> Value? {
    guard let member = json[name] else { return nil }
    guard let value = read(member) else { throw refusal(name) }
    return value
  }

  static func refusal(_ what: String) -> ResectError {
    ResectError(.malformed, "the header is damaged: \(what)", advice: "export the model again")
  }
}

extension Provenance {
  /// As it stands in the header.
  public var json: JSON {
    .object([
      "sources": .array(
        sources.map {
          .object([
            "name": .string($0.name), "format": .string($0.format), "sha256": .string($0.sha256),
          ])
        }),
      "surgeries": .array(surgeries),
    ])
  }

  init(json: JSON) throws(ResectError) {
    guard let sources = json["sources"]?.elements, let surgeries = json["surgeries"]?.elements else {
      throw NativeHeader.refusal("provenance")
    }
    self.init(surgeries: surgeries)
    for source in sources {
      guard let name = source["name"]?.string, let format = source["format"]?.string,
        let digest = source["sha256"]?.string
      else { throw NativeHeader.refusal("provenance") }
      self.sources.append(Source(name: name, format: format, sha256: digest))
    }
  }
}

extension NativeTensorEntry {
  var json: JSON {
    .object([
      "name": .string(name),
      "dtype": .string(dtype.rawValue),
      "shape": .array(shape.axes.map { .integer($0) }),
      "encoding": .string(encoding.name),
      "step": encoding.step.map { .number($0) },
      "relativeError": encoding.relativeError.map { .number($0) },
      "offset": .integer(offset),
      "length": .integer(length),
      "crc32": .string(checksum.hexadecimal),
    ])
  }

  init(json: JSON) throws(ResectError) {
    guard let name = json["name"]?.string else { throw NativeHeader.refusal("a tensor has no name") }
    do throws(ResectError) {
      guard let dtype = json["dtype"]?.string.flatMap({ DType(rawValue: $0) }) else {
        throw NativeHeader.refusal("the dtype is not known")
      }
      guard let axes = json["shape"]?.elements, axes.allSatisfy({ $0.integer != nil }),
        let offset = json["offset"]?.integer, let length = json["length"]?.integer,
        offset >= 0, length >= 0,
        let digits = json["crc32"]?.string, let checksum = UInt32(digits, radix: 16),
        checksum.hexadecimal == digits
      else { throw NativeHeader.refusal("shape, offset, length or crc32") }
      encoding = try NativeEncoding(entry: json)
      self.name = name
      self.dtype = dtype
      shape = try Shape(axes.compactMap { $0.integer.map { Int($0) } })
      self.offset = UInt64(offset)
      self.length = UInt64(length)
      self.checksum = checksum
      try checkLength()
    } catch {
      throw error.located(tensor: name)
    }
  }

  /// Refuses a length that the elements cannot have in this encoding.
  private func checkLength() throws(ResectError) {
    let rawCount = shape.elementCount * dtype.byteCount
    switch encoding {
    case .raw:
      guard length == UInt64(rawCount) else {
        throw NativeHeader.refusal("length \(length) does not fit shape \(shape)")
      }
    case .planes, .quantized, .int8:
      guard encoding.takes(dtype, shape), rawCount > 0 else {
        throw NativeHeader.refusal("\(dtype.rawValue) of shape \(shape) is never \(encoding.name)")
      }
      if case .int8 = encoding, length <= UInt64(4 * shape.axes[0]) {
        throw NativeHeader.refusal("\(length) bytes are too few for \(shape.axes[0]) scales")
      }
      guard NativeTensorEntry.isPlausible(encoded: Int(length), raw: rawCount) else {
        throw ResectError(
          .limit, "\(length) bytes claim to be \(rawCount), at most \(Limits.encodedRatio) times as many are read")
      }
    }
  }

  /// Whether so few bytes may stand for so many: no more than a limit need not be made of next to nothing.
  static func isPlausible(encoded: Int, raw: Int) -> Bool {
    raw <= Limits.expandedBytes || raw / Limits.encodedRatio <= encoded
  }
}

extension NativeEncoding {
  fileprivate init(entry json: JSON) throws(ResectError) {
    switch json["encoding"]?.string {
    case "raw": self = .raw
    case "planes": self = .planes
    case "quantized":
      guard let step = json["step"]?.number, step.isNormal, step > 0,
        let error = json["relativeError"]?.number, error.isFinite, error >= 0
      else { throw NativeHeader.refusal("step or relativeError") }
      self = .quantized(step: step, relativeError: error)
    case "int8":
      guard let error = json["relativeError"]?.number, error.isFinite, error >= 0 else {
        throw NativeHeader.refusal("relativeError")
      }
      self = .int8(relativeError: error)
    case let other?:
      throw ResectError(.unsupported, "the encoding \(other) is not known", advice: "use a newer Resect")
    case nil: throw NativeHeader.refusal("encoding")
    }
  }

  /// Whether elements of `dtype` and `shape` can be encoded so.
  fileprivate func takes(_ dtype: DType, _ shape: Shape) -> Bool {
    switch self {
    case .raw: true
    case .planes: PlanesCoder.dtypes.contains(dtype)
    case .quantized: dtype == .float32
    case .int8: dtype == .float32 && shape.rank > 0
    }
  }
}
