/// What a lossy file keeps to. What it costs is measured by running the network on the probes, before and after.
public enum QualityGoal: Sendable, Hashable {
  /// ``LogitError/relative`` is at most so much, with as few bytes as possible.
  case error(Double)
  /// ``LogitError/largest`` is at most so much, with as few bytes as possible.
  case largestDifference(Double)
  /// The whole file has at most so many bytes, with as little error as possible.
  case size(UInt64)

  /// The errors that can be asked for: below, a lossless file is hardly larger; above, little is left of the network.
  public static let possibleErrors = 1e-5...0.5

  /// Errors that have a name.
  public static let levels: KeyValuePairs<String, Double> = ["high": 0.001, "good": 0.01, "small": 0.05]
}

extension QualityGoal {
  /// The error that `text` names, by a level's name or as a number; nothing where it is neither.
  public init?(quality text: String) {
    guard let error = QualityGoal.levels.first(where: { $0.key == text })?.value ?? Double(text) else { return nil }
    self = .error(error)
  }

  /// The size that `text` says: bytes, or a number with a decimal unit, as `10MB`, `1.5MB` or `800kB`; nothing where it says none.
  public init?(size text: String) {
    let units: KeyValuePairs<String, Double> = ["GB": 1e9, "MB": 1e6, "kB": 1e3, "KB": 1e3, "B": 1]
    let unit = units.first { text.hasSuffix($0.key) }
    let digits = text.dropLast(unit?.key.count ?? 0)
    guard let number = Double(digits), let bytes = UInt64(exactly: (number * (unit?.value ?? 1)).rounded(.down)) else {
      return nil
    }
    self = .size(bytes)
  }

  /// As it stands in a file's provenance.
  public var json: JSON {
    switch self {
    case .error(let error): .object(["quality": .number(error)])
    case .largestDifference(let difference): .object(["maxDifference": .number(difference)])
    case .size(let bytes): .object(["targetSize": .integer(bytes)])
    }
  }

  /// The goal in a file's provenance; nothing where it is none.
  public init?(json: JSON) {
    if let error = json["quality"]?.number {
      self = .error(error)
    } else if let difference = json["maxDifference"]?.number {
      self = .largestDifference(difference)
    } else if let bytes = json["targetSize"]?.integer {
      self = .size(UInt64(max(bytes, 0)))
    } else {
      return nil
    }
  }

  /// Whether `error` is what was asked for. A size says nothing of the error, but that it can be measured.
  func isKept(by error: LogitError) -> Bool {
    switch self {
    case .error(let limit): error.relative <= limit
    case .largestDifference(let limit): error.largest <= limit
    case .size: error.relative.isFinite
    }
  }
}

extension QualityGoal: CustomStringConvertible {
  /// As the command line asks for it.
  public var description: String {
    switch self {
    case .error(let error): "quality \(error)"
    case .largestDifference(let difference): "max-difference \(difference)"
    case .size(let bytes): "target-size \(bytes)"
    }
  }
}
