internal import ResectGraphs
public import ResectBytes

extension Architecture {
  /// The architecture as JSON; ``init(json:)`` reads it back. Members that follow from others by the rule are still written
  /// where people look for them (`name`, `widths`); what departs from the rule is written in full (`channels`,
  /// `projections`).
  public var json: JSON {
    let isRegular = widthPerGroup != nil
    let regularProjections = Architecture.regularProjections(
      channels: channels, stemWidth: stemWidth, shortcut: shortcut)
    func nested(_ values: [[JSON]]) -> JSON { .array(values.map { .array($0) }) }
    func places(_ places: Set<ModulePath>) -> JSON? {
      places.isEmpty ? nil : .array(places.map(\.description).sorted().map { .string($0) })
    }
    var normalizationName = "none"
    var isAffine: Bool?
    var hasStatistics: Bool?
    switch normalization {
    case .none: break
    case .scaleAndShift: normalizationName = "scale-and-shift"
    case .batchNorm(let affine, let statistics):
      normalizationName = "batch-norm"
      isAffine = affine ? nil : false
      hasStatistics = statistics ? nil : false
    }
    var layers: [JSON]?
    if case .layers(let numbers) = head { layers = numbers.map { .integer($0) } }
    return .object([
      "name": name.map { .string($0) } ?? .null,
      "block": .string(block.rawValue),
      "depths": .array(depths.map { .integer($0) }),
      "widths": .array(widths.map { .integer($0) }),
      "groups": .integer(groups),
      "widthPerGroup": widthPerGroup.map { .integer($0) },
      "channels": isRegular ? nil : .array(channels.map { nested($0.map { $0.map { .integer($0) } }) }),
      "projections": projections == regularProjections
        ? nil : nested(projections.map { $0.map { .bool($0) } }),
      "stem": .string(
        stem.rawValue + padding.stemSuffix + (paddingExceptions.isEmpty ? "" : Members.mixedPadding)
          + stemPooling.stemSuffix),
      "stemWidth": .integer(stemWidth),
      "innerStemWidths": innerStemWidths.isEmpty
        ? nil : .array(innerStemWidths.map { .integer($0) }),
      "inputChannels": .integer(inputChannels),
      "shortcut": .string(shortcut.rawValue),
      "projectionKernels": projectionKernels.isEmpty
        ? nil : nested(projectionKernels.map { $0.map { .integer($0) } }),
      "attention": attention?.json,
      "preactivation": isPreactivated ? .bool(true) : nil,
      "stridedBlocks": stridedBlocks == .first ? nil : .string(stridedBlocks.rawValue),
      "stridePlacement": .string(stridePlacement.value.rawValue),
      "stridePlacementSource": .string(stridePlacement.source.description),
      "paddingExceptions": places(paddingExceptions),
      "epsilon": epsilonJSON,
      "epsilonSource": .string(epsilon.source.description),
      "normalization": .string(normalizationName),
      "affine": isAffine.map { .bool($0) },
      "trackedStatistics": hasStatistics.map { .bool($0) },
      "absentNorms": places(absentNorms),
      "finalNorm": hasFinalNorm ? .bool(true) : nil,
      "convolutionBias": .bool(hasConvolutionBias),
      "biasExceptions": places(biasExceptions),
      "classes": classes.map { .integer($0) } ?? .null,
      "features": .integer(featureCount),
      "headWidths": headWidths.count > 1 ? .array(headWidths.map { .integer($0) }) : nil,
      "headLayers": layers.map { .array($0) },
      "headBias": .bool(hasHeadBias),
      "constantFeature": appendsConstantFeature ? .bool(true) : nil,
      "inputNormalization": inputNormalization?.json,
    ])
  }

  /// What batch-norms add to the variance: a number, `null` where that is unknown or, where not all add the same, an object of the rule
  /// (`default`) and the exceptions by their places.
  public var epsilonJSON: JSON {
    guard let rule = epsilon.value else { return .null }
    guard !epsilonExceptions.isEmpty else { return .number(rule) }
    let exceptions = epsilonExceptions.map { JSON.Member($0.description, .number($1)) }.sorted { $0.name < $1.name }
    return .object([JSON.Member("default", .number(rule))] + exceptions)
  }

  /// Reads what ``json`` wrote. Members that are not known are passed over.
  public init(json: JSON) throws(ResectError) {
    let reader = Members(json: json)
    let block: Block = try reader.choice("block")
    let depths = try reader.counts("depths", limit: 4096)
    let widths = try reader.counts("widths", limit: 1 << 20)
    guard depths.count == widths.count, !depths.isEmpty, !depths.contains(0),
      depths.reduce(0, +) <= 4096
    else { throw reader.refusal("depths and widths") }
    let groups = try reader.count("groups", limit: 1 << 16)
    let shortcut: Shortcut = try reader.choice("shortcut")
    let stemWidth = try reader.count("stemWidth")
    let channels: [[[Int]]]
    if let explicit = json["channels"] {
      channels = try reader.channels(explicit, depths: depths, block: block)
    } else {
      channels = Architecture.regularChannels(
        block: block, depths: depths, widths: widths, groups: groups,
        widthPerGroup: try reader.count("widthPerGroup", limit: 1 << 16))
    }
    var projections = Architecture.regularProjections(
      channels: channels, stemWidth: stemWidth, shortcut: shortcut)
    if let explicit = json["projections"] {
      projections = try reader.flags(explicit, depths: depths)
    }
    var normalization = Normalization.none
    switch json["normalization"]?.string {
    case "none": break
    case "scale-and-shift": normalization = .scaleAndShift
    case "batch-norm":
      normalization = .batchNorm(
        affine: try reader.flag("affine", absent: true),
        statistics: try reader.flag("trackedStatistics", absent: true))
    default: throw reader.refusal("normalization")
    }
    var head = Head.none
    var headWidths: [Int] = []
    let hasClasses = json["classes"] ?? .null != .null
    if let layers = json["headLayers"] {
      head = .layers(try reader.counts(layers, "headLayers", limit: 1 << 20))
    } else if hasClasses {
      head = .linear
    }
    if json["headWidths"] != nil {
      headWidths = try reader.counts("headWidths", limit: 1 << 24)
    } else if hasClasses {
      headWidths = [try reader.count("classes")]
    }
    self.init(
      block: block, channels: channels, projections: projections, groups: groups,
      stem: try reader.stem().stem, stemWidth: stemWidth,
      inputChannels: try reader.count("inputChannels"), shortcut: shortcut,
      stridePlacement: Sourced(
        try reader.choice("stridePlacement"), from: reader.source("stridePlacementSource")),
      epsilon: Sourced(try reader.epsilons().rule, from: reader.source("epsilonSource")),
      normalization: normalization, hasConvolutionBias: try reader.flag("convolutionBias"),
      head: head, headWidths: headWidths, hasHeadBias: try reader.flag("headBias"),
      appendsConstantFeature: try reader.flag("constantFeature", absent: false))
    if let normalization = json["inputNormalization"] {
      inputNormalization = try InputNormalization(json: normalization, inputChannels: inputChannels)
    }
    guard self.headLayers.count == headWidths.count, Set(headLayers).count == headLayers.count, groups > 0
    else {
      throw reader.refusal("the head or the groups")
    }
    try readVariant(reader)
  }

  /// Reads the members that only some networks have.
  private mutating func readVariant(_ reader: Members) throws(ResectError) {
    let json = reader.json
    if json["innerStemWidths"] != nil {
      innerStemWidths = try reader.counts("innerStemWidths", limit: 1 << 20)
    }
    guard innerStemWidths.count == (stem.isDeep ? 2 : 0) else {
      throw reader.refusal("innerStemWidths")
    }
    if json["projectionKernels"] != nil {
      projectionKernels = try reader.nestedCounts("projectionKernels", depths: depths, limit: 3)
      guard projectionKernels.joined().allSatisfy({ $0 == 1 || $0 == 3 }) else {
        throw reader.refusal("projectionKernels")
      }
    }
    if let member = json["attention"] { attention = try Attention(Members(json: member), depths: depths) }
    isPreactivated = try reader.flag("preactivation", absent: false)
    if json["stridedBlocks"] != nil { stridedBlocks = try reader.choice("stridedBlocks") }
    let stem = try reader.stem()
    (padding, stemPooling) = (stem.padding, stem.pooling)
    paddingExceptions = try reader.places("paddingExceptions", where: \.isConvolution)
    guard paddingExceptions.isEmpty != stem.isMixed else { throw reader.refusal("paddingExceptions") }
    epsilonExceptions = try reader.epsilons().exceptions
    absentNorms = try reader.places("absentNorms", where: \.isNorm)
    hasFinalNorm = try reader.flag("finalNorm", absent: false)
    biasExceptions = try reader.places("biasExceptions", where: \.isConvolution)
  }
}

extension Architecture.Attention {
  fileprivate var json: JSON {
    .object([
      "kind": .string(kind.rawValue),
      "sizes": .array(sizes.map { .array($0.map { .integer($0) }) }),
      "bias": .bool(hasBias),
    ])
  }

  fileprivate init(_ reader: Members, depths: [Int]) throws(ResectError) {
    self.init(
      try reader.choice("kind"), sizes: try reader.nestedCounts("sizes", depths: depths, limit: 1 << 20),
      hasBias: try reader.flag("bias"))
  }
}

/// Reads the members of an architecture, each checked.
private struct Members {
  let json: JSON

  func refusal(_ what: String) -> ResectError {
    ResectError(.malformed, "the architecture in the file is damaged: \(what)")
  }

  func choice<Choice: RawRepresentable<String>>(_ name: String) throws(ResectError) -> Choice {
    guard let choice = json[name]?.string.flatMap({ Choice(rawValue: $0) }) else {
      throw refusal(name)
    }
    return choice
  }

  /// What a stem's name has where not all convolutions pad alike.
  static let mixedPadding = "-mixed"

  /// The stem, and the padding and the pooling that follow it where they are not the ordinary ones.
  func stem() throws(ResectError) -> (
    stem: Architecture.Stem, padding: Architecture.Padding, isMixed: Bool, pooling: Architecture.StemPooling
  ) {
    var text = json["stem"]?.string ?? ""
    func take(_ suffix: String) -> Bool {
      guard text.hasSuffix(suffix) else { return false }
      text.removeLast(suffix.count)
      return true
    }
    // The empty suffix fits all, so it comes last.
    let pooling = Architecture.StemPooling.allCases.first { $0 != .symmetric && take($0.stemSuffix) } ?? .symmetric
    let isMixed = take(Members.mixedPadding)
    let padding: Architecture.Padding = take(Architecture.Padding.same.stemSuffix) ? .same : .symmetric
    guard let stem = Architecture.Stem(rawValue: text) else { throw refusal("stem") }
    return (stem, padding, isMixed, pooling)
  }

  func flag(_ name: String) throws(ResectError) -> Bool {
    guard let flag = json[name]?.bool else { throw refusal(name) }
    return flag
  }

  func flag(_ name: String, absent: Bool) throws(ResectError) -> Bool {
    json[name] == nil ? absent : try flag(name)
  }

  /// What batch-norms add to the variance, and which add something else.
  func epsilons() throws(ResectError) -> (rule: Double?, exceptions: [ModulePath: Double]) {
    func number(_ json: JSON) throws(ResectError) -> Double {
      guard let epsilon = json.number, epsilon >= 0, epsilon.isFinite else { throw refusal("epsilon") }
      return epsilon
    }
    guard let value = json["epsilon"], value != .null else { return (nil, [:]) }
    guard let members = value.members else { return (try number(value), [:]) }
    var rule: Double?
    var exceptions: [ModulePath: Double] = [:]
    for member in members {
      if member.name == "default" {
        rule = try number(member.value)
      } else if let place = ModulePath(member.name), place.isNorm {
        exceptions[place] = try number(member.value)
      } else {
        throw refusal("epsilon")
      }
    }
    guard rule != nil else { throw refusal("epsilon") }
    return (rule, exceptions)
  }

  func source(_ name: String) -> Architecture.Source {
    Architecture.Source(json[name]?.string ?? "")
  }

  func count(_ name: String, limit: Int = 1 << 24) throws(ResectError) -> Int {
    guard let value = json[name]?.integer, 0...Int64(limit) ~= value else { throw refusal(name) }
    return Int(value)
  }

  func counts(_ name: String, limit: Int) throws(ResectError) -> [Int] {
    try counts(json[name] ?? .null, name, limit: limit)
  }

  func counts(_ json: JSON, _ name: String, limit: Int) throws(ResectError) -> [Int] {
    guard let elements = json.elements, elements.count <= 4096 else { throw refusal(name) }
    var counts: [Int] = []
    for element in elements {
      guard let value = element.integer, 0...Int64(limit) ~= value else { throw refusal(name) }
      counts.append(Int(value))
    }
    return counts
  }

  func channels(_ json: JSON, depths: [Int], block: Architecture.Block) throws(ResectError)
    -> [[[Int]]]
  {
    var channels: [[[Int]]] = []
    for stage in json.elements ?? [] {
      var blocks: [[Int]] = []
      for outputs in stage.elements ?? [] {
        blocks.append(try counts(outputs, "channels", limit: 1 << 20))
      }
      channels.append(blocks)
    }
    guard channels.map(\.count) == depths,
      channels.joined().allSatisfy({ $0.count == block.kernels.count })
    else { throw refusal("channels") }
    return channels
  }

  /// A number for each block.
  func nestedCounts(_ name: String, depths: [Int], limit: Int) throws(ResectError) -> [[Int]] {
    var nested: [[Int]] = []
    for stage in json[name]?.elements ?? [] { nested.append(try counts(stage, name, limit: limit)) }
    guard nested.map(\.count) == depths else { throw refusal(name) }
    return nested
  }

  /// Places of modules, none where there is no such member.
  func places(
    _ name: String, where isFit: (ModulePath) -> Bool
  ) throws(ResectError) -> Set<ModulePath> {
    guard let member = json[name] else { return [] }
    let places = member.elements?.map { $0.string.flatMap { ModulePath($0) } } ?? [nil]
    guard places.allSatisfy({ $0.map(isFit) ?? false }) else { throw refusal(name) }
    return Set(places.compactMap(\.self))
  }

  func flags(_ json: JSON, depths: [Int]) throws(ResectError) -> [[Bool]] {
    let flags = (json.elements ?? []).map { ($0.elements ?? []).map(\.bool) }
    guard flags.map(\.count) == depths, !flags.joined().contains(nil) else {
      throw refusal("projections")
    }
    return flags.map { $0.compactMap(\.self) }
  }
}

extension Architecture.Source: CustomStringConvertible {
  /// As it stands in JSON: `convention torchvision`, `module`, `graph`, `option`, `none`.
  public var description: String {
    switch self {
    case .convention(let name): "convention \(name)"
    case .module: "module"
    case .graph: "graph"
    case .option: "option"
    case .none: "none"
    }
  }

  /// Reads ``description``; what is not known is no source.
  init(_ description: String) {
    let prefix = "convention "
    self =
      switch description {
      case "module": .module
      case "graph": .graph
      case "option": .option
      case _ where description.hasPrefix(prefix):
        .convention(String(description.dropFirst(prefix.count)))
      default: .none
      }
  }
}

// A reader that does not know how a network pads must not take it for an ordinary one: it refuses a stem that it does not know.

extension Architecture.Padding {
  fileprivate var stemSuffix: String { self == .symmetric ? "" : "-\(rawValue)" }
}

extension Architecture.StemPooling {
  fileprivate var stemSuffix: String { self == .symmetric ? "" : "-pool-\(rawValue)" }
}
