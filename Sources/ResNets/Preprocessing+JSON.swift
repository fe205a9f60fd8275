public import ResectBytes

extension Preprocessing {
  /// The preprocessing as JSON; ``init(json:)`` reads it back. See `Docs/NativeFormat.md`.
  public var json: JSON {
    var resizeJSON: JSON?
    switch resize {
    case .none: break
    case .shorterSide(let side): resizeJSON = .object(["shorterSide": .integer(side)])
    case .exact(let size): resizeJSON = size.json
    }
    func numbers(_ values: [Double]) -> JSON { .array(values.map { .number($0) }) }
    return .object([
      "name": name.map { .string($0) },
      "resize": resizeJSON,
      "filter": .string(filter.rawValue),
      "crop": crop?.json,
      "scale": .number(scale),
      "channels": .string(channelOrder.rawValue),
      "mean": numbers(mean),
      "std": numbers(std),
    ])
  }

  /// Reads what ``json`` wrote, strictly: a member that is not known would mean another input, so it is refused.
  public init(json: JSON) throws(ResectError) {
    let members = try Members(
      json, ["name", "resize", "filter", "crop", "scale", "channels", "mean", "std"])
    self.init(
      unchecked: try members.optional("name", \.string), try Resize(json: json["resize"]),
      try members.required("filter") { $0.string.flatMap(Filter.init) },
      try json["crop"].map(Size.init(json:)),
      try members.required("scale", \.number),
      try members.required("channels") { $0.string.flatMap(ChannelOrder.init) },
      mean: try members.numbers("mean"), std: try members.numbers("std"))
    if let fault { throw Members.refusal(fault) }
  }
}

extension Architecture.Sourced where Value == Preprocessing? {
  /// Nobody said how images become input.
  public static let unknown = Architecture.Sourced<Preprocessing?>(nil, from: .none)

  /// The source as it stands beside the preprocessing in a file; absent where the preprocessing is.
  public var sourceJSON: JSON? { value == nil ? nil : .string(source.description) }

  /// Reads a preprocessing and the source beside it; an absent preprocessing has none.
  public init(preprocessing json: JSON?, source: String?) throws(ResectError) {
    self = .unknown
    guard let json else { return }
    self.init(try Preprocessing(json: json), from: Architecture.Source(source ?? ""))
  }
}

extension Preprocessing.Resize {
  fileprivate init(json: JSON?) throws(ResectError) {
    guard let json else {
      self = .none
      return
    }
    guard json["shorterSide"] != nil else {
      self = .exact(try Preprocessing.Size(json: json))
      return
    }
    let members = try Members(json, ["shorterSide"])
    self = .shorterSide(try members.required("shorterSide") { $0.integer.map { Int($0) } })
  }
}

extension Preprocessing.Size {
  fileprivate var json: JSON { .object(["width": .integer(width), "height": .integer(height)]) }

  fileprivate init(json: JSON) throws(ResectError) {
    let members = try Members(json, ["width", "height"])
    self.init(
      width: try members.required("width") { $0.integer.map { Int($0) } },
      height: try members.required("height") { $0.integer.map { Int($0) } })
  }
}

/// Reads the members of a preprocessing, each checked.
private struct Members {
  let json: JSON

  /// The members of `json`, which has to be an object of no other than `names`.
  init(_ json: JSON, _ names: [String]) throws(ResectError) {
    guard let members = json.members else { throw Members.refusal("this is no JSON object") }
    if let stranger = members.first(where: { !names.contains($0.name) }) {
      throw Members.refusal("\"\(stranger.name)\" is not known, \(names.joined(separator: ", ")) are")
    }
    self.json = json
  }

  static func refusal(_ what: String) -> ResectError {
    ResectError(.malformed, "the preprocessing cannot be read: \(what)")
  }

  func optional<Value>(_ name: String, _ read: (JSON) -> Value?) throws(ResectError) -> Value? {
    guard let member = json[name] else { return nil }
    guard let value = read(member) else { throw Members.refusal("\"\(name)\" is not what it should be") }
    return value
  }

  func required<Value>(_ name: String, _ read: (JSON) -> Value?) throws(ResectError) -> Value {
    guard let value = try optional(name, read) else { throw Members.refusal("there is no \"\(name)\"") }
    return value
  }

  func numbers(_ name: String) throws(ResectError) -> [Double] {
    try required(name) { json in
      let numbers = json.elements?.compactMap(\.number)
      return numbers?.count == json.elements?.count ? numbers : nil
    }
  }
}
