internal import ResNets

/// A dotted name with variables, as `layer{stage}.{block}.conv{index}`.
///
/// A variable stands at the end of a segment and for a number without leading zeros.
struct NamePattern: Sendable {
  private let segments: [Segment]

  private struct Segment: Sendable {
    let literal: String
    let variable: String?
  }

  init(_ pattern: String) {
    segments = pattern.split(separator: ".").map { segment in
      let parts = segment.split(separator: "{", omittingEmptySubsequences: false)
      return Segment(
        literal: String(parts[0]),
        variable: parts.count > 1 ? String(parts[1].dropLast()) : nil)
    }
  }

  /// The variables of a name that follows the pattern.
  func match(_ names: [Substring]) -> [String: Int]? {
    guard names.count == segments.count else { return nil }
    var variables: [String: Int] = [:]
    for (name, segment) in zip(names, segments) {
      guard let variable = segment.variable else {
        guard name == segment.literal else { return nil }
        continue
      }
      guard name.hasPrefix(segment.literal),
        let number = Self.number(name.dropFirst(segment.literal.count))
      else { return nil }
      variables[variable] = number
    }
    return variables
  }

  /// The name with its variables replaced.
  func filled(with variables: [String: Int]) -> String {
    segments.map { segment in
      segment.literal + (segment.variable.flatMap { variables[$0] }.map(String.init) ?? "")
    }.joined(separator: ".")
  }

  private static func number(_ digits: Substring) -> Int? {
    guard (1...6).contains(digits.utf8.count),
      digits.utf8.allSatisfy({ 0x30...0x39 ~= $0 }),
      digits.first != "0" || digits.utf8.count == 1
    else { return nil }
    return Int(digits)
  }
}

extension ModulePath {
  /// The module that `description` writes.
  init?(description: String) {
    let segments = description.split(separator: ".", omittingEmptySubsequences: false)
    func match(_ pattern: String) -> [String: Int]? { NamePattern(pattern).match(segments) }
    if description == ModulePath.stemConvolution.description {
      self = .stemConvolution
    } else if description == ModulePath.stemNorm.description {
      self = .stemNorm
    } else if description == ModulePath.classifier(layer: nil).description {
      self = .classifier(layer: nil)
    } else if let found = match("classifier.{layer}") {
      self = .classifier(layer: found["layer"])
    } else if let found = match("stage{stage}.{block}.conv{index}"),
      let stage = found["stage"], let block = found["block"], let index = found["index"]
    {
      self = .convolution(stage: stage, block: block, index: index)
    } else if let found = match("stage{stage}.{block}.norm{index}"),
      let stage = found["stage"], let block = found["block"], let index = found["index"]
    {
      self = .norm(stage: stage, block: block, index: index)
    } else if let found = match("stage{stage}.{block}.shortcut.conv"),
      let stage = found["stage"], let block = found["block"]
    {
      self = .shortcutConvolution(stage: stage, block: block)
    } else if let found = match("stage{stage}.{block}.shortcut.norm"),
      let stage = found["stage"], let block = found["block"]
    {
      self = .shortcutNorm(stage: stage, block: block)
    } else {
      return nil
    }
  }
}
