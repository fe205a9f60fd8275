internal import ResectBytes
internal import ResectPickle
internal import ResectTensors

/// A storage as a container hands it to the tensors that are views of it.
struct TorchStorage {
  let bytes: any TensorStorage
  /// Absent for untyped storages, whose tensors say their dtype themselves.
  let dtype: DType?
  let byteOrder: LazyTensor.ByteOrder
}

/// A pickle of torch in which every tensor has been recognised and checked, also those that nothing refers to.
struct TorchObjects {
  /// A tensor, or why it is none that can be read.
  enum Tensor {
    case readable(LazyTensor)
    case unsupported(String)
  }

  let pickle: Pickle
  private(set) var tensors: [ValueID: Tensor] = [:]

  /// What the persistent ids of a container stand for: a storage or, in a tar, a tensor; nothing for a class, which a
  /// stream may wrap in one.
  enum Persistent {
    case storage(TorchStorage)
    case quantisedStorage
    case tensor(LazyTensor)
    case nothing
  }

  /// Recognises the tensors of `pickle`. `resolve` gives what a persistent id stands for, by the value that it holds.
  init(
    _ pickle: Pickle, resolve: (ValueID) throws(ResectError) -> Persistent
  ) throws(ResectError) {
    self.pickle = pickle
    var storages: [ValueID: TorchStorage?] = [:]
    // Values come after those that they refer to, so one pass in order meets every argument before its call.
    for id in pickle.values(of: .persistentID, .call) {
      switch pickle[id] {
      case .persistentID(let value):
        switch try resolve(value) {
        case .storage(let storage): storages[id] = storage
        case .quantisedStorage: storages[id] = .some(nil)
        case .tensor(let tensor): tensors[id] = .readable(tensor)
        case .nothing: break
        }
      case .call(let call):
        tensors[id] = try tensor(call.function, call.arguments, storages)
      default: break
      }
    }
    // The parameters of a tar are made first and given their data, a tensor, afterwards.
    for id in pickle.values(of: .instance) {
      guard case .instance(let instance) = pickle[id],
        instance.type == TorchRebuild.parameterClass,
        let data = instance.state.flatMap({ pickle.tuple($0)?.first })
      else { continue }
      tensors[id] = tensors[data]
    }
  }

  private func tensor(
    _ function: GlobalName, _ arguments: ArraySlice<ValueID>, _ storages: [ValueID: TorchStorage?]
  ) throws(ResectError) -> Tensor? {
    guard let kind = TorchRebuild.names[function] else { return nil }
    let arguments = Array(arguments)
    func refusal(_ what: String) -> ResectError {
      ResectError(.malformed, "the pickle calls \(function) with \(what)")
    }
    switch kind {
    case .view:
      guard (4...7).contains(arguments.count) else { throw refusal("\(arguments.count) arguments") }
      return try view(arguments, dtype: nil, metadata: 6, storages, refusal)
    case .viewWithDType:
      guard (7...8).contains(arguments.count), case .global(let name) = pickle[arguments[6]] else {
        throw refusal("no dtype as the seventh of \(arguments.count) arguments")
      }
      guard let dtype = TorchDTypes.dtype(named: name) else {
        return .unsupported("a tensor of \(name), which is not read")
      }
      return try view(arguments, dtype: dtype, metadata: 7, storages, refusal)
    case .parameter:
      guard (3...4).contains(arguments.count), let inner = tensors[arguments[0]] else {
        throw refusal("something that is no tensor")
      }
      return inner
    case .nested:
      guard arguments.count == 4, case .global(let inner) = pickle[arguments[0]],
        let innerKind = TorchRebuild.names[inner], let innerArguments = pickle.tuple(arguments[2])
      else { throw refusal("a function that rebuilds no tensor") }
      if case .nested = innerKind { throw refusal("itself") }
      return try tensor(inner, innerArguments, storages)
    case .unsupported(let what):
      return .unsupported("\(what) (\(function)), which is not read")
    }
  }

  private func view(
    _ arguments: [ValueID], dtype: DType?, metadata: Int,
    _ storages: [ValueID: TorchStorage?], _ refusal: (String) -> ResectError
  ) throws(ResectError) -> Tensor {
    guard let found = storages[arguments[0]] else {
      throw refusal("\(pickle.kind(of: arguments[0])) instead of a storage")
    }
    guard let storage = found else { return .unsupported("a quantised tensor, which is not read") }
    guard let dtype = dtype ?? storage.dtype else {
      throw refusal("an untyped storage and no dtype")
    }
    guard let offset = pickle.integer(arguments[1]).flatMap({ Int(exactly: $0) }) else {
      throw refusal("an offset that is no number of 64 bits")
    }
    if arguments.count > metadata, let flag = setFlag(arguments[metadata]) {
      return .unsupported("a tensor whose \(flag) bit is set, which is not read")
    }
    let shape = try Shape(integers(arguments[2], "size", refusal))
    let strides = try integers(arguments[3], "stride", refusal)
    return .readable(
      try LazyTensor(
        storage: storage.bytes, dtype: dtype, shape: shape, offset: offset, strides: strides,
        byteOrder: storage.byteOrder))
  }

  /// torch keeps lazy negation and conjugation as flags beside the data.
  private func setFlag(_ id: ValueID) -> String? {
    pickle.entries(of: id)?.lazy.compactMap { key, value in
      guard case .bool(true) = pickle[value] else { return nil }
      return pickle.string(key) ?? "unnamed"
    }.first
  }

  private func integers(
    _ id: ValueID, _ what: String, _ refusal: (String) -> ResectError
  ) throws(ResectError) -> [Int] {
    var elements = pickle.tuple(id)
    // torch.Size is a tuple.
    if case .call(let call) = pickle[id], call.function == GlobalName("torch", "Size") {
      elements = call.arguments.first.flatMap { pickle.tuple($0) }
    }
    guard let elements else { throw refusal("a \(what) that is \(pickle.kind(of: id))") }
    guard elements.count <= Limits.rank else {
      throw ResectError(
        .limit, "a tensor has \(elements.count) dimensions, at most \(Limits.rank) are read")
    }
    var integers: [Int] = []
    for element in elements {
      guard let value = pickle.integer(element) else {
        throw refusal("a \(what) with \(pickle.kind(of: element)) in it")
      }
      integers.append(Int(value))
    }
    return integers
  }
}
