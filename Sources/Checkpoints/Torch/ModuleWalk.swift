internal import ResectBytes
internal import ResectPickle
internal import ResectTensors

/// A whole pickled module, walked and never made: its parameters, its buffers and what its layers say of themselves.
///
/// A module pickled by `torch.save(model)` keeps its parts in `_parameters`, `_buffers` and `_modules`; one of a TorchScript
/// archive keeps them as attributes.
struct ModuleWalk {
  private(set) var entries: [Checkpoint.Entry] = []
  private(set) var facts: [String: ModuleFacts] = [:]

  init(_ objects: TorchObjects, root: ValueID) throws(ResectError) {
    var stack: [(name: String, id: ValueID, depth: Int)] = [("", root, 0)]
    while let (name, id, depth) = stack.popLast() {
      guard depth <= Limits.depth, entries.count <= Limits.tensors else {
        throw ResectError(.limit, "the module is nested or branched beyond all limits", tensor: name)
      }
      guard case .instance(let instance) = objects.pickle[id] else { continue }
      var children: [(key: String, value: ValueID)] = []
      if objects.isEagerModule(id) {
        try add("_parameters", isBuffer: false, of: id, name, objects)
        try add("_buffers", isBuffer: true, of: id, name, objects)
        children = objects.pickle.attribute("_modules", of: id).map(objects.namedEntries) ?? []
        facts[name] = objects.facts(of: id, className: instance.type.description)
      } else {
        let attributes = instance.state.map(objects.namedEntries) ?? []
        for (key, value) in attributes where objects.tensors[value] != nil {
          try add(key, value, isBuffer: nil, name, objects)
        }
        children = attributes.filter { objects.isModule($0.value) }
      }
      for (key, value) in children.reversed() {
        stack.append((name.isEmpty ? key : "\(name).\(key)", value, depth + 1))
      }
    }
  }

  private mutating func add(
    _ attribute: String, isBuffer: Bool, of id: ValueID, _ module: String, _ objects: TorchObjects
  ) throws(ResectError) {
    guard let group = objects.pickle.attribute(attribute, of: id) else { return }
    for (key, value) in objects.namedEntries(of: group) {
      // A layer without bias has the bias None.
      if case .none = objects.pickle[value] { continue }
      try add(key, value, isBuffer: isBuffer, module, objects)
    }
  }

  private mutating func add(
    _ key: String, _ value: ValueID, isBuffer: Bool?, _ module: String, _ objects: TorchObjects
  ) throws(ResectError) {
    let name = module.isEmpty ? key : "\(module).\(key)"
    switch objects.tensors[value] {
    case .readable(let tensor):
      entries.append(.init(name: name, tensor: tensor, isBuffer: isBuffer))
    case .unsupported(let what):
      throw ResectError(.unsupported, "this is \(what)", tensor: name)
    case nil:
      throw ResectError(
        .malformed, "expected a tensor, found \(objects.pickle.kind(of: value))", tensor: name)
    }
  }
}

extension TorchObjects {
  /// Whether the value is a whole module.
  func isModule(_ id: ValueID) -> Bool {
    guard case .instance(let instance) = pickle[id] else { return false }
    return isEagerModule(id) || instance.type.package == "__torch__"
  }

  /// Whether the value is a module of `torch.save(model)`.
  func isEagerModule(_ id: ValueID) -> Bool {
    pickle.attribute("_modules", of: id) != nil && pickle.attribute("_parameters", of: id) != nil
  }

  /// The hyper-parameters that a module keeps as plain attributes.
  func facts(of id: ValueID, className: String) -> ModuleFacts {
    var numbers: [String: [Double]] = [:]
    var texts: [String: String] = [:]
    guard case .instance(let instance) = pickle[id], let state = instance.state else {
      return ModuleFacts(className: className, numbers: [:], texts: [:])
    }
    for (key, value) in namedEntries(of: state) {
      if let text = pickle.string(value) {
        texts[key] = text
      } else if let values = number(value).map({ [$0] })
        ?? pickle.tuple(value)?.compactMap({ number($0) }), !values.isEmpty
      {
        numbers[key] = values
      }
    }
    return ModuleFacts(className: className, numbers: numbers, texts: texts)
  }

  private func number(_ id: ValueID) -> Double? {
    switch pickle[id] {
    case .integer(let value): Double(value)
    case .float(let value): value
    default: nil
    }
  }
}
