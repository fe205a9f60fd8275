/// What Resect writes beside the tensors of a safetensors file, so that nothing is lost on the way: the names alone tell
/// neither epsilon nor strides, and not what was split.
struct ResectMetadata {
  enum Kind: String {
    case network
    case backbone
    case classes
  }

  var kind: Kind?
  var architecture: Architecture?
  var convention: Convention?
  var hasConstantFeature = false
  var labels: [String]?
  var preprocessing = Architecture.Sourced<Preprocessing?>.unknown
  var surgeries: [JSON] = []
  /// How the network differs from what the code computes whose names its tensors have, where the file was written all the same.
  var differentCode: [String] = []

  private enum Key {
    static let kind = "resect.kind"
    static let architecture = "resect.architecture"
    static let convention = "resect.convention"
    static let constantFeature = "resect.constantFeature"
    static let labels = "resect.labels"
    static let preprocessing = "resect.preprocessing"
    static let preprocessingSource = "resect.preprocessingSource"
    static let surgeries = "resect.surgeries"
    static let differentCode = "resect.differentCode"
  }

  /// Nothing.
  init() {}

  /// What is written beside `model`, with the records of its surgeries.
  init(of model: Model, surgeries: [JSON]) {
    switch model.content {
    case .network(let network):
      kind = network.head.isEmpty ? .backbone : .network
      architecture = network.architecture
    case .graph(let graph):
      kind = graph.computesLogits ? .network : .backbone
      hasConstantFeature = graph.appendsConstantFeature
    case .classes(let classes):
      kind = .classes
      hasConstantFeature = classes.hasConstantFeature
    }
    convention = model.convention
    labels = model.labels
    preprocessing = model.preprocessing
    self.surgeries = surgeries
  }

  /// Reads what a file says; a file that says nothing is not Resect's.
  init(_ metadata: [String: String]) throws(ResectError) {
    func json(_ key: String) throws(ResectError) -> JSON? {
      guard let text = metadata[key] else { return nil }
      return try JSON(parsing: Array(text.utf8))
    }
    kind = metadata[Key.kind].flatMap(Kind.init)
    if let json = try json(Key.architecture) { architecture = try Architecture(json: json) }
    convention = metadata[Key.convention].flatMap(Convention.named)
    hasConstantFeature = metadata[Key.constantFeature] == "true"
    labels = try json(Key.labels)?.elements?.compactMap(\.string)
    preprocessing = try .init(
      preprocessing: json(Key.preprocessing), source: metadata[Key.preprocessingSource])
    surgeries = try json(Key.surgeries)?.elements ?? []
    differentCode = try json(Key.differentCode)?.elements?.compactMap(\.string) ?? []
  }

  /// As it stands in the file, by name.
  var strings: [(name: String, value: String)] {
    func text(_ json: JSON) -> String { String(decoding: json.compact, as: UTF8.self) }
    var strings: [(name: String, value: String)] = []
    if let architecture { strings.append((Key.architecture, text(architecture.json))) }
    if hasConstantFeature { strings.append((Key.constantFeature, "true")) }
    if let convention { strings.append((Key.convention, convention.name)) }
    if let kind { strings.append((Key.kind, kind.rawValue)) }
    if let labels { strings.append((Key.labels, text(.array(labels.map { .string($0) })))) }
    if let value = preprocessing.value {
      strings.append((Key.preprocessing, text(value.json)))
      strings.append((Key.preprocessingSource, preprocessing.source.description))
    }
    if !differentCode.isEmpty {
      strings.append((Key.differentCode, text(.array(differentCode.map { .string($0) }))))
    }
    if !surgeries.isEmpty { strings.append((Key.surgeries, text(.array(surgeries)))) }
    return strings
  }
}

extension ResectMetadata {
  /// What a person should know of the file.
  var warnings: [String] {
    guard !differentCode.isEmpty else { return [] }
    return [
      "the file is for other code than that whose names it has (\(convention?.name ?? "unknown")): \(differentCode.joined(separator: "; "))"
    ]
  }
}

extension LoadOptions {
  /// The same, with the convention that the file names where the caller names none.
  func filled(from metadata: ResectMetadata) -> LoadOptions {
    var options = self
    options.convention = convention ?? metadata.convention
    return options
  }
}
