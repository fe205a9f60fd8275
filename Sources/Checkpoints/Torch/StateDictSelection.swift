internal import ResectBytes
internal import ResectPickle
internal import ResectTensors

/// The part of a checkpoint that is the model: a bare state dict, one that a key wraps, or a whole module.
struct StateDictSelection {
  var entries: [Checkpoint.Entry] = []
  /// The path of keys to it; empty where it is the whole object.
  var path: [String] = []
  var ignored: [Checkpoint.Ignored] = []
  var modules: [String: ModuleFacts] = [:]
  var submodules: Set<String> = []

  /// Keys that are known to wrap a model's state dict.
  private static let wrappingKeys: Set<String> = [
    "state_dict", "model", "model_state_dict", "model_ema", "state_dict_ema", "net", "teacher",
  ]

  /// Whether a key holds an optimizer's or a schedule's state, which has tensors but is no model.
  private static func isOptimizerKey(_ key: String) -> Bool {
    let key = key.lowercased()
    return ["optim", "sched", "scaler", "amp", "loss"].contains { key.hasPrefix($0) }
      || key.hasSuffix("optimizer") || key.hasSuffix("scheduler")
  }

  /// How deep below the root a state dict is looked for.
  private static let searchDepth = 3

  private struct Candidate {
    let path: [String]
    let id: ValueID

    var name: String { path.isEmpty ? "the whole file" : path.joined(separator: ".") }
  }

  /// Chooses the model of `objects`.
  ///
  /// - Parameters:
  ///   - objects: What the file holds.
  ///   - key: The caller's choice, with dots between nested keys.
  init(_ objects: TorchObjects, key: String?) throws(ResectError) {
    let chosen: Candidate
    if let key {
      chosen = try StateDictSelection.candidate(at: key, in: objects)
    } else {
      chosen = try StateDictSelection.best(in: objects)
    }
    path = chosen.path
    noteSiblings(of: chosen, in: objects)
    if objects.isModule(chosen.id) {
      let walk = try ModuleWalk(objects, root: chosen.id)
      (entries, modules) = (walk.entries, walk.facts)
    } else {
      entries = try flatten(chosen, in: objects)
      // torch keeps a version for each module here, so all of them are named.
      let versions = objects.pickle.attribute("_metadata", of: chosen.id)
      submodules = Set(versions.map { objects.namedEntries(of: $0).map(\.key) } ?? [])
    }
    guard !entries.isEmpty else {
      throw ResectError(
        .unsupported, "\(chosen.name) holds no tensors", advice: .chooseKey)
    }
  }

  /// Finds the parts that could be the model, and the one that is.
  private static func best(in objects: TorchObjects) throws(ResectError) -> Candidate {
    let root = Candidate(path: [], id: objects.pickle.root)
    var found: [Candidate] = []
    var level = [root]
    var visits = 0
    for depth in 0...searchDepth {
      var next: [Candidate] = []
      for candidate in level {
        visits += 1
        guard visits <= Limits.visits else { throw tooManyPaths }
        if objects.isModule(candidate.id) || objects.holdsTensors(candidate.id) {
          // The same object under two keys is no second candidate.
          if !found.contains(where: { $0.id == candidate.id }) { found.append(candidate) }
          if depth > 0 { continue }
        }
        if objects.isModule(candidate.id) { continue }
        for (key, value) in objects.namedEntries(of: candidate.id) {
          let isContainer = objects.pickle.entries(of: value) != nil || objects.isModule(value)
          if isContainer, !isOptimizerKey(key) {
            next.append(Candidate(path: candidate.path + [key], id: value))
          }
        }
      }
      level = next
    }
    let known = found.filter { $0.path.last.map(wrappingKeys.contains) ?? false }
    let bare = found.filter(\.path.isEmpty)
    for group in [known, bare, found] where !group.isEmpty {
      guard group.count == 1 else {
        throw ResectError(
          .ambiguous,
          "\(group.map(\.name).joined(separator: " and ")) are equally good state dicts",
          advice: .chooseKey(group[0].name))
      }
      return group[0]
    }
    return root
  }

  private static func candidate(
    at key: String, in objects: TorchObjects
  ) throws(ResectError) -> Candidate {
    var candidate = Candidate(path: [], id: objects.pickle.root)
    // Keys may have dots themselves: the longest that fits is taken.
    var rest = key.split(separator: ".", omittingEmptySubsequences: false)[...]
    while !rest.isEmpty {
      let entries = objects.namedEntries(of: candidate.id)
      guard
        let length = (1...rest.count).last(where: { length in
          entries.contains { $0.key == rest.prefix(length).joined(separator: ".") }
        }),
        let entry = entries.last(where: { $0.key == rest.prefix(length).joined(separator: ".") })
      else {
        let keys = entries.prefix(20).map(\.key).joined(separator: ", ")
        throw ResectError(
          .badArgument, "the file has no key \(key)",
          advice: keys.isEmpty ? nil : "there are \(keys)")
      }
      candidate = Candidate(path: candidate.path + [entry.key], id: entry.value)
      rest = rest.dropFirst(length)
    }
    return candidate
  }

  /// Lists what lies beside the chosen part.
  private mutating func noteSiblings(of chosen: Candidate, in objects: TorchObjects) {
    var id = objects.pickle.root
    var prefix = ""
    for key in chosen.path {
      for (name, value) in objects.namedEntries(of: id) where name != key {
        ignored.append(
          .init(name: prefix + name, reason: reason(name, value, objects)))
      }
      guard let next = objects.namedEntries(of: id).last(where: { $0.key == key })?.value else {
        return
      }
      id = next
      prefix += key + "."
    }
  }

  private func reason(_ key: String, _ id: ValueID, _ objects: TorchObjects) -> String {
    if StateDictSelection.isOptimizerKey(key) { return "state of the training, not of the model" }
    if objects.tensors[id] != nil { return "a tensor beside the state dict" }
    if objects.isModule(id) || objects.holdsTensors(id) { return "another state dict" }
    if case .instance(let instance) = objects.pickle[id] { return "an object of \(instance.type)" }
    return "\(objects.pickle.kind(of: id)), no tensor"
  }

  /// All tensors below the chosen part, their names joined with dots.
  private mutating func flatten(
    _ chosen: Candidate, in objects: TorchObjects
  ) throws(ResectError) -> [Checkpoint.Entry] {
    var entries: [Checkpoint.Entry] = []
    var names: Set<String> = []
    var nameBytes = 0
    var visits = 0
    var stack: [(name: String, id: ValueID, depth: Int)] = [("", chosen.id, 0)]
    while let (name, id, depth) = stack.popLast() {
      visits += 1
      guard visits <= Limits.visits else { throw StateDictSelection.tooManyPaths }
      guard depth <= Limits.depth else {
        throw ResectError(.limit, "the file nests values more than \(Limits.depth) deep")
      }
      switch objects.tensors[id] {
      case .readable(let tensor):
        let name = name.isEmpty ? "tensor" : name
        nameBytes += name.utf8.count
        guard entries.count < Limits.tensors, nameBytes <= Limits.nameBytes else {
          throw ResectError(.limit, "the file names more than \(Limits.tensors) tensors")
        }
        guard names.insert(name).inserted else {
          throw ResectError(
            .malformed, "two tensors have the same name once their keys are joined", tensor: name)
        }
        entries.append(.init(name: name, tensor: tensor, isBuffer: nil))
      case .unsupported(let what):
        throw ResectError(.unsupported, "this is \(what)", tensor: name)
      case nil:
        let parts = objects.parts(of: id)
        if parts == nil, depth == 1 {
          ignored.append(.init(name: name, reason: reason(name, id, objects)))
        }
        for (key, value) in (parts ?? []).reversed() {
          if depth == 0, objects.tensors[value] == nil, StateDictSelection.isOptimizerKey(key) {
            ignored.append(.init(name: key, reason: reason(key, value, objects)))
            continue
          }
          stack.append((name.isEmpty ? key : "\(name).\(key)", value, depth + 1))
        }
      }
    }
    return entries
  }

  private static var tooManyPaths: ResectError {
    ResectError(.limit, "the file's values have more than \(Limits.visits) paths")
  }
}

extension TorchObjects {
  /// Whether a dict has a tensor directly under one of its keys.
  func holdsTensors(_ id: ValueID) -> Bool {
    pickle.entries(of: id)?.contains { tensors[$0.value] != nil } ?? false
  }

  /// The entries of a dict whose keys are text.
  func namedEntries(of id: ValueID) -> [(key: String, value: ValueID)] {
    pickle.entries(of: id)?.compactMap { key, value in
      pickle.string(key).map { ($0, value) }
    } ?? []
  }

  /// What a container holds, with the names of its parts; nothing for a value that holds none.
  func parts(of id: ValueID) -> [(key: String, value: ValueID)]? {
    if let entries = pickle.entries(of: id) {
      return entries.compactMap { key, value in
        let name = pickle.string(key) ?? pickle.integer(key).map(String.init)
        return name.map { ($0, value) }
      }
    }
    return (pickle.list(id) ?? pickle.tuple(id)).map { elements in
      elements.enumerated().map { (String($0), $1) }
    }
  }
}

extension Checkpoint {
  /// What a torch file holds, once its model is chosen.
  init(
    _ file: InputFile, _ format: Format, _ selection: StateDictSelection, metadata: [String: String] = [:]
  ) {
    self.init(
      file: file, format: format, tensors: selection.entries,
      prefix: commonPrefix(of: selection.entries.map(\.name)),
      key: selection.path.isEmpty ? nil : selection.path.joined(separator: "."),
      ignored: selection.ignored, modules: selection.modules, metadata: metadata)
    submodules = selection.submodules
  }
}
