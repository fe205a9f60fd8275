internal import ResectBytes
internal import ResectResNets

/// The tensors of a file that are the network, where the file may hold more: a second encoder, heads of its training, a
/// detector.
struct NetworkSelection {
  /// What stands before the network's names.
  private(set) var prefix = ""
  /// The best reading of the network's names; absent where no convention has a place for any.
  private(set) var best: (assignment: Assignment, convention: Convention)?
  /// What is no part of the network.
  private(set) var leftOut: [LoadedNetwork.LeftOut] = []
  /// Whether no convention knows the names, and structure gave them their places.
  private(set) var isInferred = false
  private var tensors: [NamedTensor]

  /// What wrappers put before a network's names, the one that is wanted before its companion.
  private static let prefixes = [
    "encoder_q.", "base_encoder.", "teacher.", "online_encoder.", "backbone.bottom_up.",
    "bottom_up.", "module.", "model.", "backbone.", "encoder.", "convnet.", "net.", "trunk.",
    "body.", "resnet.", "momentum_encoder.", "student.", "encoder_k.",
  ]

  /// Prefixes of networks that are trained without classes: a head there is a projection.
  private static let contrastive: Set<String> = [
    "encoder_q.", "base_encoder.", "online_encoder.", "momentum_encoder.", "encoder_k.", "encoder.",
    "teacher.", "student.",
  ]

  /// What heads that project features for a training without classes are called.
  private static let projectionHeads = [
    "projection_head.", "prototypes.", "projector.", "predictor.", "head.mlp.", "head.last_layer.",
    "contrastive_head.",
  ]

  /// Finds the network among `tensors`: all of them, all but heads of the training, or those behind a wrapper's prefix.
  init(_ tensors: [NamedTensor], _ conventions: [Convention]) {
    self.tensors = tensors
    best = NetworkSelection.best(of: tensors, conventions)
    if best?.assignment.isComplete ?? false { return }
    if leaveOutProjections(isContrastive: false) { return }
    if let wrapped = NetworkSelection.wrapped(tensors, conventions, depth: 0) { self = wrapped }
  }

  /// The tensors that `mapping` places.
  init(_ all: [NamedTensor], _ mapping: Mapping) {
    tensors = all.filter { !mapping.leftOut.contains($0.name) }
    best = (Assignment(tensors, NameTable(mapping)), Convention(mapping))
    leftOut = all.map(\.name).filter(mapping.leftOut.contains)
      .map { .init(name: $0, reason: "left out by the mapping") }
  }

  /// Whether no convention knows the names: it has places for less than half of the tensors, and not for a stem and blocks.
  var isStrange: Bool {
    guard let best else { return true }
    guard best.assignment.fitting * 2 < tensors.count else { return false }
    let modules = best.assignment.tensors.keys.lazy.map(\.module)
    let hasBlocks = modules.contains { if case .convolution = $0 { true } else { false } }
    return !hasBlocks || !modules.contains(.stemConvolution)
  }

  /// Finds the places by structure. Throws what `StructuralMatch` throws; where it finds none, says also which conventions were
  /// tried.
  mutating func matchByStructure() throws(ResectError) {
    let mapping: Mapping
    do throws(ResectError) {
      mapping = try StructuralMatch.mapping(of: tensors)
    } catch {
      var error = error
      error.advice =
        error.advice
        ?? .sayMapping(
          "the names follow none of the conventions \(Convention.all.map(\.name).joined(separator: ", "))")
      throw error
    }
    best = (Assignment(tensors, NameTable(mapping)), Convention(mapping))
    isInferred = true
  }

  private init?(
    _ all: [NamedTensor], behind prefix: String, _ conventions: [Convention], depth: Int
  ) {
    let inside = all.filter { $0.name.hasPrefix(prefix) }
    guard !inside.isEmpty else { return nil }
    let stripped = inside.map {
      NamedTensor(name: String($0.name.dropFirst(prefix.count)), tensor: $0.tensor)
    }
    let outside = all.filter { !$0.name.hasPrefix(prefix) }
      .map { LoadedNetwork.LeftOut(name: $0.name, reason: "beside the network under \(prefix)") }
    tensors = stripped
    best = NetworkSelection.best(of: stripped, conventions)
    let isContrastive = NetworkSelection.contrastive.contains(prefix) && !outside.isEmpty
    if leaveOutProjections(isContrastive: isContrastive) {
      self.prefix = prefix
    } else if let inner = NetworkSelection.wrapped(stripped, conventions, depth: depth + 1) {
      self = inner
      self.prefix = prefix + inner.prefix
    } else {
      return nil
    }
    leftOut = leftOut.map { .init(name: prefix + $0.name, reason: $0.reason) } + outside
  }

  private static func wrapped(
    _ tensors: [NamedTensor], _ conventions: [Convention], depth: Int
  ) -> NetworkSelection? {
    guard depth < 4 else { return nil }
    for prefix in prefixes {
      if let found = NetworkSelection(tensors, behind: prefix, conventions, depth: depth) { return found }
    }
    return nil
  }

  /// Leaves out heads of the training. Returns whether all that remains has a place, and is a network.
  private mutating func leaveOutProjections(isContrastive: Bool) -> Bool {
    guard let found = best else { return false }
    var heads: Set<String> = []
    for tensor in tensors {
      let name = tensor.name
      var isHead = NetworkSelection.projectionHeads.contains { name.hasPrefix($0) }
      if isContrastive {
        isHead = isHead || ["fc.", "head.", "linear."].contains { name.hasPrefix($0) }
      }
      if isHead { heads.insert(name) }
    }
    let rest = found.assignment.without(heads.contains)
    // What a prefix is still before is read without it.
    let isWrapped = NetworkSelection.prefixes.contains { prefix in
      rest.names.values.allSatisfy { $0.hasPrefix(prefix) }
    }
    guard rest.isComplete, !isWrapped, rest.tensors.keys.contains(where: { $0.module == .stemConvolution }) else {
      return false
    }
    best = (rest, found.convention)
    leftOut = tensors.lazy.map(\.name).filter(heads.contains)
      .map { .init(name: $0, reason: "a head of the training, which projects features") }
    tensors.removeAll { heads.contains($0.name) }
    return true
  }

  /// The reading by the table that places most tensors, the first of equals.
  private static func best(
    of tensors: [NamedTensor], _ conventions: [Convention]
  ) -> (assignment: Assignment, convention: Convention)? {
    var best: (assignment: Assignment, convention: Convention)?
    var tried: [NameTable] = []
    for convention in conventions {
      for table in convention.tables where !tried.contains(table) {
        // No other table can place more than all.
        if best?.assignment.isComplete ?? false { return best }
        tried.append(table)
        let assignment = Assignment(tensors, table)
        if assignment.fitting > best?.assignment.fitting ?? 0 { best = (assignment, convention) }
      }
    }
    return best
  }

  /// The network's tensors in their places by another table.
  func assignment(by table: NameTable) -> Assignment { Assignment(tensors, table) }

  /// What a whole module says of the network's layers, without the prefix.
  func facts(_ facts: [String: LayerFacts]) -> [String: LayerFacts] {
    guard !prefix.isEmpty else { return facts }
    var inner: [String: LayerFacts] = [:]
    for (name, layer) in facts where name.hasPrefix(prefix) {
      inner[String(name.dropFirst(prefix.count))] = layer
    }
    return inner
  }

  /// What a person should know of the choice.
  var warnings: [String] {
    if isInferred {
      return [
        "no convention knows the names: their places were found by the structure of the network (inspect --show-mapping shows them); what activates and pools, and how blocks stride and pad, is taken as an ordinary ResNet's"
      ]
    }
    guard !prefix.isEmpty else { return [] }
    return [
      "the network under \(prefix) is read, \(leftOut.count) other tensors of the file are left out; if it was made for a detector, dilations, which weights do not show, are not known"
    ]
  }
}
