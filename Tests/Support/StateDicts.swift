internal import ResectBytes
public import ResectResNets

/// What the state dict of a real network holds, as torch wrote it: see `Fixtures/state_dicts/make_state_dicts.py`.
public struct StateDict: Sendable {
  /// A tensor of it.
  public struct Entry: Sendable, Hashable {
    /// Its name.
    public let name: String
    /// The lengths of its axes.
    public let axes: [Int]
  }

  /// Trained elements, as torch counts them.
  public let parameters: Int
  /// Elements of buffers.
  public let buffers: Int
  /// The tensors in torch's order.
  public let entries: [Entry]

  /// The network called `name` of the family `family`.
  public init(_ family: String, _ name: String) throws {
    let network = try required(try StateDict.networks(of: family)[name])
    parameters = Int(try required(network["parameters"]?.integer))
    buffers = Int(try required(network["buffers"]?.integer))
    entries = StateDict.expanded(try required(network["state"]?.elements).compactMap(\.string))
  }

  /// The names of the networks of `family`.
  public static func names(of family: String) throws -> [String] {
    try networks(of: family).members?.map(\.name) ?? []
  }

  private static func networks(of family: String) throws -> JSON {
    try JSON(parsing: contents(of: Fixtures.path("state_dicts/\(family).json")))
  }

  /// Repeats runs of blocks, `layer1.{1..2}.`, and lists the tensors of `bn1.{weight,bias}`.
  private static func expanded(_ lines: [String]) -> [Entry] {
    func run(_ line: String) -> Substring? { line.prefixMatch(of: /(?:backbone\.)?layer\d+\.\{\d+\.\.\d+\}/)?.output }
    var entries: [Entry] = []
    var rest = lines[...]
    while let first = rest.first {
      guard let run = run(first) else {
        entries += tensors(first)
        rest = rest.dropFirst()
        continue
      }
      let numbers = run.matches(of: /\d+/).compactMap { Int($0.output) }
      let group = rest.prefix { $0.hasPrefix(run) }
      for number in numbers[1]...numbers[2] {
        for line in group {
          entries += tensors("\(run.prefix { $0 != "{" })\(number)\(line.dropFirst(run.count))")
        }
      }
      rest = rest.dropFirst(group.count)
    }
    return entries
  }

  private static func tensors(_ line: String) -> [Entry] {
    let words = line.split(separator: " ")
    let axes = words.dropFirst().compactMap { Int($0) }
    let parts = words[0].split { "{}".contains($0) }
    guard parts.count == 2 else { return [Entry(name: String(words[0]), axes: axes)] }
    return parts[1].split(separator: ",").map { Entry(name: "\(parts[0])\($0)", axes: axes) }
  }
}

extension StateDict.Entry {
  /// The place in the tree that the name means: spelled out here, so that it owes nothing to the tables of Naming.
  public var place: ParameterPath? {
    let parts = name.split(separator: ".").map(String.init)
    guard let kind = parts.last.flatMap({ ParameterPath.Kind(rawValue: $0) }) else { return nil }
    let module: ModulePath? =
      switch parts.dropLast() {
      case ["conv1"]: .stemConvolution
      case ["bn1"]: .stemNorm
      case ["fc"], ["linear"]: .classifier(layer: nil)
      case let head where head.count == 2: Int(head[1]).map { .classifier(layer: $0) }
      case let block where block.count >= 3: StateDict.Entry.module(Array(block))
      default: nil
      }
    return module.map { ParameterPath($0, kind) }
  }

  private static func module(_ parts: [String]) -> ModulePath? {
    guard let stage = Int(parts[0].dropFirst("layer".count)), let block = Int(parts[1]) else {
      return nil
    }
    let last = parts[2...].joined(separator: ".")
    switch last {
    case "downsample.0", "shortcut.0": return .shortcutConvolution(stage: stage, block: block)
    case "downsample.1", "shortcut.1": return .shortcutNorm(stage: stage, block: block)
    case "conv1", "conv2", "conv3":
      return last.last?.wholeNumberValue.map { .convolution(stage: stage, block: block, index: $0) }
    case "bn1", "bn2", "bn3":
      return last.last?.wholeNumberValue.map { .norm(stage: stage, block: block, index: $0) }
    default: return nil
    }
  }
}

extension StateDict {
  /// The shapes by place.
  public var shapes: [ParameterPath: [Int]] {
    get throws {
      var shapes: [ParameterPath: [Int]] = [:]
      for entry in entries { shapes[try required(entry.place)] = entry.axes }
      guard shapes.count == entries.count else { throw MissingValue() }
      return shapes
    }
  }
}

/// What a fixture should hold and does not.
struct MissingValue: Error {}

private func required<Value>(_ value: Value?) throws -> Value {
  guard let value else { throw MissingValue() }
  return value
}
