internal import ResectBytes
internal import Synchronization

extension Model {
  /// Reads what was written to `file` as a program would that knows nothing of Resect, and compares it with this model: first the
  /// network that it takes from the file, then the tensors' places, shapes and dtypes, then their numbers.
  ///
  /// With `certifies`, every number is compared with what it is exactly, rounded once; else the small tensors bit by bit.
  func reread(
    _ file: borrowing OutputFile, _ format: OutputFormat, _ storage: Storage, certifies: Bool
  ) throws(ResectError) -> Rereading {
    let path = file.path
    do throws(ResectError) {
      if case .graph = content, format == .keras { return try compareLayers(file, storage, certifies: certifies) }
      if case .graph = content, format != .resect {
        return try compare(named: strangerTensors(file), storage, certifies: certifies)
      }
      let found = try model(in: file, format, isStranger: true)
      switch (content, found.content) {
      case (.network(let network), .network(let other)):
        try compare(network, other, format)
        return try compare(network, other, format, storage, certifies: certifies)
      case (.classes(let classes), .classes(let other)):
        guard classes.hasConstantFeature == other.hasConstantFeature else {
          throw ResectError(.notProved, "the constant feature is lost")
        }
        return try compare(pairs(classes, other, storage), certifies: certifies)
      case (.graph(let graph), .graph(let other)):
        let tensors = Dictionary(other.parameters.map { ($0.name, $0.tensor) }) { first, _ in first }
        guard graph.nodes.map(\.name) == other.nodes.map(\.name),
          graph.nodes.map(\.inputs) == other.nodes.map(\.inputs), tensors.count == graph.parameters.count
        else { throw ResectError(.notProved, "the graph has other nodes") }
        return try compare(named: tensors, storage, certifies: certifies)
      // Layers may compute what its readers know no ResNet by.
      case (.network, .graph) where format == .keras:
        return try compareLayers(file, storage, certifies: certifies)
      default: throw ResectError(.notProved, "it holds something else")
      }
    } catch {
      var failure = error
      failure = ResectError(
        .notProved, "the written file, read again, is not what it should be: \(error.message)",
        advice: "this is a fault of Resect, please report it", file: path,
        tensor: error.tensor)
      throw failure.renamed(by: convention)
    }
  }

  /// How many numbers of the written file are what they are exactly, rounded once: all floating-point ones but those that are quantised.
  func certifiableCount(_ storage: Storage) -> Int {
    func count(_ name: String, _ tensor: LazyTensor) -> Int {
      switch storage.choice(for: name) {
      case .store, .lossless: tensor.dtype.isFloatingPoint ? tensor.shape.elementCount : 0
      case .quantized, .int8: 0
      }
    }
    switch content {
    case .network(let network):
      return network.parameters.reduce(0) { $0 + count(Convention.tree.name(of: $1.path), $1.tensor) }
    case .graph(let graph): return graph.parameters.reduce(0) { $0 + count($1.name, $1.tensor) }
    case .classes(let classes):
      let module = ModulePath.classifier(layer: classes.layer)
      let bias = classes.bias.map { count(Convention.tree.name(of: .init(module, .bias)), $0) } ?? 0
      return count(Convention.tree.name(of: .init(module, .weight)), classes.weight) + bias
    }
  }

  /// Checks that two files are the halves of this network, which `join` puts together again.
  func checkJoining(
    _ file: borrowing OutputFile, _ classes: borrowing OutputFile
  ) throws(ResectError) {
    let (path, classesPath) = (file.path, classes.path)
    do throws(ResectError) {
      let backbone = try Model(Container(file.reopened(as: "backbone"), options: rereadingOptions(isStranger: false)))
      let options = rereadingOptions(isStranger: false)
      let embedding = try Model(Container(classes.reopened(as: "classes"), options: options))
      _ = try backbone.joined(with: embedding)
    } catch {
      throw ResectError(
        .notProved, "the written halves, read again, cannot be joined: \(error.message)",
        advice: error.advice, file: error.file == "classes" ? classesPath : path, tensor: error.tensor)
    }
  }

  private func rereadingOptions(isStranger: Bool) -> OpenOptions {
    var options = OpenOptions()
    options.access = .read
    options.isStranger = isStranger
    return options
  }

  /// The model in the file. Its name is not told, since a name may say what the file does not.
  private func model(
    in file: borrowing OutputFile, _ format: OutputFormat, isStranger: Bool
  ) throws(ResectError) -> Model {
    var options = rereadingOptions(isStranger: isStranger)
    switch (format, content) {
    case (.torch, .network(let network)), (.safetensors, .network(let network)):
      let names = try convention.forWriting(network).fitted(to: network).convention
      options.network.convention = names
      // Where no code has these names, or other code than that of one's own, what Resect writes beside the tensors is all that tells.
      options.isStranger = isStranger && names.loadsStateDicts && codeDifferences.isEmpty
    case (.torch, _), (.safetensors, _):
      // An embedding of classes is no framework's: it is read as `join` does.
      options.isStranger = false
    case (.hdf5, .network(let network)), (.kerasWeights, .network(let network)):
      options.network.convention =
        network.isPreactivated
        ? .kerasV2 : convention.name == Convention.kerasLegacy.name ? .kerasLegacy : .keras
    default: break
    }
    return try Model(Container(file.reopened(as: "output"), options: options), options: options)
  }

  /// The tensors of a file that only names them.
  private func strangerTensors(_ file: borrowing OutputFile) throws(ResectError) -> [String: LazyTensor] {
    let checkpoint = try Checkpoint(file.reopened(as: "output"))
    return Dictionary(checkpoint.tensors.map { ($0.name, $0.tensor) }) { first, _ in first }
  }

  // MARK: Comparing

  /// Refuses a network that computes something else, but for what is known: see ``codeDifferences``.
  private func compare(_ network: ResNet, _ other: ResNet, _ format: OutputFormat) throws(ResectError) {
    let expected = network.architecture
    var found = other.architecture
    if format != .resect {
      let isNamed = format == .torch || format == .safetensors
      var known = isNamed ? Set(codeDifferences.map(\.subject)) : []
      // The writer warns of this one: weights alone do not tell it.
      if format == .hdf5 || format == .kerasWeights { known.insert(.pooling) }
      let hasCode = !isNamed || convention.forWriting(network).loadsStateDicts
      found.adopt(expected, known: hasCode ? known : Set(Convention.CodeDifference.Subject.allCases), isKeras: !isNamed)
    }
    guard found != expected else { return }
    let (one, two) = (expected.json, found.json)
    let names = (one.members ?? []).map(\.name) + (two.members ?? []).map(\.name).filter { one[$0] == nil }
    let differences = names.filter { one[$0] != two[$0] }.map { name in
      func text(_ json: JSON?) -> String { json.map { String(decoding: $0.compact, as: UTF8.self) } ?? "nothing" }
      return "\(name) is \(text(two[name])), not \(text(one[name]))"
    }
    throw ResectError(.notProved, differences.joined(separator: "; ").printable(limit: 400))
  }

  typealias Pair = (name: String, planned: LazyTensor, found: LazyTensor, isExact: Bool)

  private func compare(
    _ network: ResNet, _ other: ResNet, _ format: OutputFormat, _ storage: Storage, certifies: Bool
  ) throws(ResectError) -> Rereading {
    var left = Dictionary(other.parameters.map { ($0.path, $0.tensor) }) { first, _ in first }
    var pairs: [Pair] = []
    for parameter in network.parameters {
      let name = Convention.tree.name(of: parameter.path)
      guard let found = left.removeValue(forKey: parameter.path) else {
        // Not every format and convention has a place for a count.
        guard parameter.path.kind != .batchesTracked else { continue }
        throw ResectError(.notProved, "this tensor is missing", tensor: name)
      }
      pairs.append(pair(name, parameter.tensor, found, storage))
    }
    // Keras' layers may have biases, scales and shifts that the network has not.
    let isKeras = format == .keras || format == .hdf5 || format == .kerasWeights
    if let stranger = left.keys.map({ Convention.tree.name(of: $0) }).min(), !isKeras {
      throw ResectError(.notProved, "there is a tensor that should not be there", tensor: stranger)
    }
    return try compare(pairs, certifies: certifies)
  }

  private func compare(
    named found: [String: LazyTensor], _ storage: Storage, certifies: Bool
  ) throws(ResectError) -> Rereading {
    guard case .graph(let graph) = content else { return Rereading(tensors: 0, certified: nil, quantized: 0) }
    let pairs = try graph.parameters.map { parameter throws(ResectError) in
      guard let tensor = found[parameter.name] else {
        throw ResectError(.notProved, "this tensor is missing", tensor: parameter.name)
      }
      return pair(parameter.name, parameter.tensor, tensor, storage)
    }
    return try compare(pairs, certifies: certifies)
  }

  private func pairs(
    _ classes: ClassEmbedding, _ other: ClassEmbedding, _ storage: Storage
  ) throws(ResectError) -> [Pair] {
    let module = ModulePath.classifier(layer: classes.layer)
    func name(_ kind: ParameterPath.Kind) -> String { Convention.tree.name(of: ParameterPath(module, kind)) }
    guard (classes.bias == nil) == (other.bias == nil) else {
      throw ResectError(.notProved, "the bias is \(classes.bias == nil ? "new" : "missing")", tensor: name(.bias))
    }
    let biases = classes.bias.flatMap { bias in other.bias.map { pair(name(.bias), bias, $0, storage) } }
    return [pair(name(.weight), classes.weight, other.weight, storage)] + (biases.map { [$0] } ?? [])
  }

  /// A tensor as it should be in the file and as it is. What is quantised is what it is stored as, not what it was.
  func pair(_ name: String, _ tensor: LazyTensor, _ found: LazyTensor, _ storage: Storage) -> Pair {
    switch storage.choice(for: name) {
    case .store, .lossless: (name, tensor, found, true)
    case .quantized, .int8: (name, storage.stored(tensor, named: name), found, false)
    }
  }

  func compare(_ pairs: [Pair], certifies: Bool) throws(ResectError) -> Rereading {
    let certified = Atomic<Int>(0)
    let compared = certifies ? pairs : pairs.filter { $0.found.byteCount <= Model.smallBytes }
    for pair in pairs where pair.planned.shape != pair.found.shape {
      throw ResectError(
        .notProved, "the shape is \(pair.found.shape), not \(pair.planned.shape)", tensor: pair.name)
    }
    try parallelForEach(count: compared.count) { index throws(ResectError) in
      let pair = compared[index]
      do throws(ResectError) {
        let certificate = try pair.planned.certify(pair.found)
        if let wrong = certificate.firstWrong {
          throw ResectError(
            .notProved,
            "\(certificate.wrong) of \(certificate.elements) elements are not the number that they should be, the first at \(wrong)"
          )
        }
        if pair.isExact, pair.found.dtype.isFloatingPoint {
          certified.add(certificate.elements, ordering: .relaxed)
        }
      } catch {
        throw error.located(tensor: pair.name)
      }
    }
    return Rereading(
      tensors: pairs.count, certified: certifies ? certified.load(ordering: .relaxed) : nil,
      quantized: pairs.reduce(0) { $0 + ($1.isExact ? 0 : $1.planned.shape.elementCount) })
  }

  /// What is compared bit by bit even where nothing was computed.
  private static let smallBytes = 16 << 10
}

extension Model {
  fileprivate init(_ container: Container, options: OpenOptions = OpenOptions()) throws(ResectError) {
    switch container {
    case .native(let native, let file): try self.init(native, from: file, options: options)
    case .checkpoint(let checkpoint): try self.init(checkpoint, options: options)
    }
  }
}

extension Architecture {
  /// Takes over from `expected` what tensors and names do not tell, or are known to tell otherwise; the sources of facts, which only
  /// Resect keeps; and what makes no difference.
  fileprivate mutating func adopt(
    _ expected: Architecture, known: Set<Convention.CodeDifference.Subject>, isKeras: Bool
  ) {
    if known.contains(.family) { (shortcut, isPreactivated) = (expected.shortcut, expected.isPreactivated) }
    if !shortcut.isProjection, !expected.shortcut.isProjection { shortcut = expected.shortcut }
    let areStridesUnknown = stridePlacement.value == .unknown || expected.stridePlacement.value == .unknown
    if known.contains(.strides) || areStridesUnknown || block == .basic || channels.count == 1 {
      stridePlacement = expected.stridePlacement
    }
    stridePlacement.source = expected.stridePlacement.source
    if known.contains(.stridedBlocks) || channels.count == 1 { stridedBlocks = expected.stridedBlocks }
    if known.contains(.padding) {
      (padding, paddingExceptions) = (expected.padding, expected.paddingExceptions)
    }
    let poolsZeros: Set<StemPooling> = [.symmetric, .symmetricZeros]
    let isSamePooling = !isPreactivated && poolsZeros.isSuperset(of: [stemPooling, expected.stemPooling])
    let pools = stem == .sevenWithMaxPool || stem == .deepWithMaxPool
    if known.contains(.pooling) || isSamePooling || !pools { stemPooling = expected.stemPooling }
    if known.contains(.norms) {
      (normalization, absentNorms) = (expected.normalization, expected.absentNorms)
      (isPreactivated, hasFinalNorm) = (expected.isPreactivated, expected.hasFinalNorm)
    }
    // Of a folded network, eps is only a memory.
    let addsNothing = if case .batchNorm = expected.normalization { false } else { true }
    if known.contains(.epsilon) || addsNothing || epsilon.value == nil || expected.epsilon.value == nil {
      (epsilon, epsilonExceptions) = (expected.epsilon, expected.epsilonExceptions)
    }
    epsilon.source = expected.epsilon.source
    if known.contains(.input) { inputNormalization = expected.inputNormalization }
    if known.contains(.features) { appendsConstantFeature = expected.appendsConstantFeature }
    guard isKeras else { return }
    (hasConvolutionBias, biasExceptions) = (expected.hasConvolutionBias, expected.biasExceptions)
    (normalization, absentNorms) = (expected.normalization, expected.absentNorms)
    (appendsConstantFeature, head) = (expected.appendsConstantFeature, expected.head)
    if expected.inputNormalization?.isInKeras != true { inputNormalization = expected.inputNormalization }
  }
}
