internal import ResectGraphs

/// How a file is opened.
public struct OpenOptions: Sendable {
  /// What the caller says about the network.
  public var network = LoadOptions()
  /// The key under which the state dict lies, where it should not be found.
  public var key: String?
  /// How the bytes of a `.resect` file are reached.
  public var access = NativeFile.Access.mapped
  /// The path of the program that works on HDF5 files; by default `resect-hdf5` beside the running one.
  public var hdf5Reader: String?
  /// Whether the file's SHA-256 is computed from now on, on a thread of its own: what writes a `.resect` file needs it.
  public var beginsDigest = false
  /// Whether what Resect alone would understand of a file of another program's format is ignored.
  var isStranger = false

  /// Nothing said.
  public init() {}
}

extension Model {
  /// Opens the model in the file at `path`, whatever its format, and reads its index.
  ///
  /// Throws `ResectError` for a file that cannot be read, is damaged or asks for something unsafe, and for one whose
  /// tensors are no ResNet (`ResectError.Code.notAResNet`) or do not fill it (`ResectError.Code.mismatch`, every
  /// fault in the details). ``Inspection`` shows such a file all the same.
  public init(contentsOf path: String, options: OpenOptions = OpenOptions()) throws(ResectError) {
    switch try Container(path: path, options: options) {
    case .native(let native, let file): try self.init(native, from: file, options: options)
    case .checkpoint(let checkpoint): try self.init(checkpoint, options: options)
    }
  }

  init(_ checkpoint: Checkpoint, options: OpenOptions) throws(ResectError) {
    do throws(ResectError) {
      try refuseSmoothing(checkpoint)
      let metadata = options.isStranger ? ResectMetadata() : try ResectMetadata(checkpoint.metadata)
      let keras = try checkpoint.keras?.get()
      // A mapping has the file's whole names.
      let prefix = options.network.mapping == nil ? checkpoint.prefix : ""
      let tensors = NamedTensor.all(in: checkpoint, keras, prefix: prefix)
      let source = SourceFile(file: checkpoint.file, format: checkpoint.format.rawValue)
      var loading = Loading(
        key: checkpoint.key, prefix: prefix, ignored: checkpoint.ignored + (keras?.ignored ?? []),
        warnings: (keras?.warnings ?? []) + metadata.warnings)
      let content: Content
      let convention: Convention
      var preprocessing = metadata.preprocessing
      if metadata.kind == .classes {
        convention = loading.convention(metadata.convention)
        content = .classes(
          try ClassEmbedding(tensors, convention, hasConstantFeature: metadata.hasConstantFeature))
      } else {
        let network = options.network.filled(from: metadata)
        // Who gives a mapping or a convention knows better what the names mean, and so does a file that Resect wrote of a ResNet
        // under names of a convention; the names of layers of its own mean what their graph says.
        let isNamed = metadata.architecture != nil && metadata.convention != nil
        let areNamesKnown = options.network.mapping != nil || options.network.convention != nil || isNamed
        if let keras, !areNamesKnown, let graph = try keras.graph() {
          try self.init(graph, of: keras, source, metadata, loading, options.network)
          return
        }
        let facts = LayerFacts.all(in: checkpoint, prefix: prefix)
        if !areNamesKnown, let vgg = try VGG(tensors, facts: facts) {
          try self.init(vgg, source, metadata, loading, options.network)
          return
        }
        let loaded: LoadedNetwork
        do throws(ResectError) {
          loaded = try loadNetwork(tensors, facts: facts, declared: metadata.architecture, options: network)
        } catch {
          throw keras != nil && !areNamesKnown ? error.missingDescription : error
        }
        loading.ignored += loaded.unexpected.map {
          .init(name: prefix + $0, reason: "unexpected, ignored on request")
        }
        loading.ignored += loaded.leftOut.map { .init(name: prefix + $0.name, reason: $0.reason) }
        loading.prefix += loaded.prefix
        loading.isInferred = loaded.isInferred
        loading.mapping = Mapping(
          places: Dictionary(
            uniqueKeysWithValues: loaded.names.map { (loading.prefix + $1, $0) }),
          leftOut: Set((loaded.leftOut.map(\.name) + loaded.unexpected).map { prefix + $0 }))
        loading.warnings += loaded.warnings
        content = .network(loaded.network)
        convention = loaded.convention
        // A file that Resect wrote says what it knows, and nothing is guessed beside it.
        if metadata.architecture == nil { preprocessing = loaded.preprocessing }
      }
      self.init(
        content: content, labels: metadata.labels, preprocessing: preprocessing, convention: convention,
        sources: [source], pastProvenance: Provenance(surgeries: metadata.surgeries),
        loading: loading)
      try checkLabels()
      try checkPreprocessing()
    } catch {
      throw error.located(file: checkpoint.file.path)
    }
  }

  /// The model of a network that its file describes: a ResNet, where it is recognised as one.
  private init(
    _ graph: Graph, of keras: KerasModel, _ source: SourceFile, _ metadata: ResectMetadata, _ loading: Loading,
    _ options: LoadOptions
  ) throws(ResectError) {
    var loading = loading
    var preprocessing = metadata.preprocessing
    let beside = keras.ignored(beside: graph)
    loading.ignored += beside
    let (content, convention): (Content, Convention)
    do throws(ResectError) {
      let loaded = try loadNetwork(
        recognised: try GraphMatch(graph), declared: metadata.architecture, options: options)
      loading.mapping = Mapping(
        places: Dictionary(uniqueKeysWithValues: loaded.names.map { ($1, $0) }), leftOut: Set(beside.map(\.name)))
      loading.warnings += loaded.warnings
      (content, convention) = (.network(loaded.network), loaded.convention)
      // A file that Resect wrote says what it knows, and nothing is guessed beside it.
      if metadata.architecture == nil { preprocessing = loaded.preprocessing }
    } catch {
      guard error.code != .badArgument else { throw error }
      try options.refuseForGraph()
      loading.whyNoResNet = error
      // They are about what the tree puts in the place of what the graph does not have.
      loading.warnings = []
      (content, convention) = (.graph(graph), .tree)
    }
    self.init(
      content: content, labels: metadata.labels, preprocessing: preprocessing, convention: convention,
      sources: [source], pastProvenance: Provenance(surgeries: metadata.surgeries), loading: loading)
    try checkLabels()
    try checkPreprocessing()
  }

  /// The model of a network that its names tell.
  private init(
    _ vgg: VGG, _ source: SourceFile, _ metadata: ResectMetadata, _ loading: Loading, _ options: LoadOptions
  ) throws(ResectError) {
    try options.refuseForGraph()
    var loading = loading
    loading.whyNoResNet = ResectError(.notAResNet, "by names and shapes it is torchvision's \(vgg.name)")
    loading.warnings.append(vgg.notice)
    self.init(
      content: .graph(vgg.graph), labels: metadata.labels,
      preprocessing: metadata.kind == nil
        ? .init(.torchvision, from: .convention(Convention.torchvision.name)) : metadata.preprocessing,
      convention: .tree, sources: [source], pastProvenance: Provenance(surgeries: metadata.surgeries), loading: loading)
    try checkLabels()
    try checkPreprocessing()
  }

  init(_ native: NativeFile, from file: InputFile, options: OpenOptions) throws(ResectError) {
    do throws(ResectError) {
      let header = native.header
      let tensors = native.tensors.map { NamedTensor(name: $0.name, tensor: $0.tensor) }
      var loading = Loading()
      let named = header.convention.flatMap { Convention.named($0) ?? .forgotten($0) }
      let convention: Convention
      let content: Content
      switch header.kind {
      case .network(let architecture), .backbone(let architecture):
        let network = try ResNet(native: tensors, architecture: architecture, options: options.network)
        content = .network(network)
        convention = loading.convention(named).preferring(namesOf: network)
      case .classes(let hasConstantFeature):
        content = .classes(
          try ClassEmbedding(tensors, .tree, hasConstantFeature: hasConstantFeature))
        convention = loading.convention(named)
      case .graph(let graph):
        try options.network.refuseForGraph()
        content = .graph(graph)
        do throws(ResectError) { _ = try GraphMatch(graph) } catch { loading.whyNoResNet = error }
        // Its tensors have the names of its nodes, which no convention knows.
        convention = .tree
      }
      self.init(
        content: content, labels: header.labels, preprocessing: header.preprocessing,
        convention: convention,
        sources: [SourceFile(file: file, format: Container.nativeFormat)],
        pastProvenance: header.provenance, loading: loading)
      fileCalibration = header.calibration
      try checkLabels()
      try checkPreprocessing()
      try checkCalibration(
        hasIntegers: native.payloads.contains { if case .int8 = $0.encoding { true } else { false } })
    } catch {
      throw error.located(file: file.path)
    }
  }
}

/// Refuses a file that its name, or what its state dict says it was made of, shows to be one of timm's networks that smooth before
/// they stride: they have the tensors of an ordinary ResNet, and would run as one with wrong results.
private func refuseSmoothing(_ checkpoint: Checkpoint) throws(ResectError) {
  let path = checkpoint.file.path
  let pool = checkpoint.prefix + "maxpool."
  // Where a ResNet-RS has a convolution and a batch-norm, a resnetblur has a pooling and a blur.
  if checkpoint.submodules.contains(pool + "1"), !checkpoint.tensors.contains(where: { $0.name.hasPrefix(pool) }) {
    throw ResectError(
      .unsupported,
      "the stem's pooling is a sequence without weights, as in timm's resnetblur, which blurs before it strides: that is not supported",
      tensor: String(pool.dropLast()))
  }
  let name = path.split(separator: "/").last.map { $0.lowercased() } ?? ""
  for (family, what) in [("resnetblur", "blur"), ("resnetaa", "average"), ("resnextaa", "average")]
  where name.contains(family) {
    throw ResectError(
      .unsupported,
      "by its name, this is timm's \(family), which \(what)s before it strides; its weights do not show that, and it is not supported",
      advice: "rename the file if it is none", file: path)
  }
}

extension LoadOptions {
  /// Refuses what the caller says of a network that says it itself.
  fileprivate func refuseForGraph() throws(ResectError) {
    guard stridePlacement != nil || epsilon != nil else { return }
    throw ResectError(
      .badArgument, "this network is no ResNet: its own layers say its strides and what is added to variances",
      advice: "leave out what is said of strides and epsilon")
  }
}

extension Model.Loading {
  /// The convention that a file of Resect's names; where it names none that is known, torchvision's, with a warning.
  fileprivate mutating func convention(_ named: Convention?) -> Convention {
    if let named { return named }
    warnings.append("the file names no convention that is known: tensors will be written by torchvision's names")
    return .torchvision
  }
}

extension Model {
  /// Refuses labels of a file that are more or fewer than its classes.
  private func checkLabels() throws(ResectError) {
    guard let labels, labels.count != classCount else { return }
    throw ResectError(
      .malformed,
      "the file has \(labels.count) labels for \(classCount.map { "\($0) classes" } ?? "a backbone without classes")")
  }
}

extension Model {
  /// Refuses ranges of a file that are not those of the values that its network computes, and 8-bit weights without ranges.
  private func checkCalibration(hasIntegers: Bool) throws(ResectError) {
    func refusal(_ what: String) -> ResectError {
      ResectError(.malformed, "the calibration is damaged: \(what)", advice: "export the model again")
    }
    guard let fileCalibration else {
      guard !hasIntegers else { throw refusal("there are 8-bit weights and no ranges") }
      return
    }
    let network: ResNet
    switch content {
    case .network(let resNet): network = resNet
    case .graph: throw refusal("only a ResNet has ranges")
    case .classes: throw refusal("an embedding of classes needs none")
    }
    let (missing, stranger) = try Program(network.graph()).misfit(of: fileCalibration)
    if let missing { throw refusal("\(missing) has no range") }
    if let stranger { throw refusal("the network computes no \(stranger.printable(limit: 80))") }
  }

  /// Refuses preprocessing of a file that gives its network other channels than it takes.
  private func checkPreprocessing() throws(ResectError) {
    guard let preprocessing = preprocessing.value else { return }
    try check(preprocessing, code: .malformed)
  }

  /// Refuses preprocessing that does not fit what the model is.
  func check(_ preprocessing: Preprocessing, code: ResectError.Code) throws(ResectError) {
    guard let inputChannels else {
      throw ResectError(code, "an embedding of classes takes no images that could be preprocessed")
    }
    guard preprocessing.channelOrder.count == inputChannels else {
      throw ResectError(
        code,
        "the preprocessing gives \(preprocessing.channelOrder.count) channels (\(preprocessing.channelOrder.rawValue)), the network takes \(inputChannels)"
      )
    }
    guard inputNormalization == nil || preprocessing.keepsPixels else {
      throw ResectError(
        code, "the network normalises pixels itself: the preprocessing may not do it too",
        advice: "leave scale 1, mean 0 and std 1")
    }
  }
}

/// An opened file of any format.
enum Container {
  case native(NativeFile, InputFile)
  case checkpoint(Checkpoint)

  /// The name of the native format.
  static let nativeFormat = "resect"

  init(path: String, options: OpenOptions) throws(ResectError) {
    try self.init(InputFile(path: path), options: options)
  }

  init(_ file: InputFile, options: OpenOptions) throws(ResectError) {
    if options.beginsDigest { file.beginDigest() }
    let magic = NativeFile.magic
    let head = try file.read(at: 0, count: Int(min(file.size, UInt64(magic.count))))
    if head == magic {
      guard options.key == nil else {
        throw ResectError(
          .badArgument, "a .resect file has no keys to choose from", file: file.path)
      }
      self = .native(try NativeFile(file, access: options.access), file)
    } else {
      self = .checkpoint(
        try Checkpoint(file, key: options.key, hdf5Reader: options.hdf5Reader))
    }
  }
}

extension ResNet {
  /// A network from the tensors of a `.resect` file, every one of which must have a place.
  fileprivate init(
    native tensors: [NamedTensor], architecture: Architecture, options: LoadOptions
  ) throws(ResectError) {
    var architecture = architecture
    try options.override(&architecture)
    let expected = Set(architecture.parameters.map(\.path))
    var places: [ParameterPath: LazyTensor] = [:]
    for named in tensors {
      guard let path = Convention.tree.path(of: named.name), expected.contains(path) else {
        throw ResectError(
          .malformed, "the architecture has no place for this tensor", tensor: named.name)
      }
      places[path] = named.tensor
    }
    try self.init(architecture: architecture, tensors: places)
  }
}

extension ClassEmbedding {
  /// An embedding from tensors that `convention` names as a classifier's.
  fileprivate init(
    _ tensors: [NamedTensor], _ convention: Convention, hasConstantFeature: Bool
  ) throws(ResectError) {
    var weight: (tensor: LazyTensor, layer: Int?)?
    var bias: LazyTensor?
    for named in tensors {
      let path = convention.path(of: named.name) ?? Convention.tree.path(of: named.name)
      switch path.map({ ($0.module, $0.kind) }) {
      case (.classifier(let layer), .weight)? where weight == nil: weight = (named.tensor, layer)
      case (.classifier, .bias)? where bias == nil: bias = named.tensor
      default:
        throw ResectError(
          .mismatch, "an embedding of classes has no place for this tensor", tensor: named.name)
      }
    }
    guard let weight else {
      throw ResectError(.mismatch, "the embedding of classes has no weight")
    }
    try self.init(
      weight: weight.tensor, bias: bias, hasConstantFeature: hasConstantFeature,
      layer: weight.layer)
  }
}

extension ResectError {
  /// The error where Keras' names mean nothing, and the model's description, which would tell, is not in the file.
  fileprivate var missingDescription: ResectError {
    guard code == .ambiguous || code == .notAResNet else { return self }
    var error = self
    error.advice = .sayMapping("the file holds weights without the model's description: save the whole model as .keras")
    return error
  }
}

extension NamedTensor {
  /// The tensors of a checkpoint under the names that conventions have: those of Keras by their layers, and those of any other
  /// HDF5 file with dots between the groups.
  fileprivate static func all(
    in checkpoint: Checkpoint, _ keras: KerasModel?, prefix: String
  ) -> [NamedTensor] {
    if let keras { return keras.weights.map { NamedTensor(name: $0.name, tensor: $0.tensor) } }
    let entries = prefix.isEmpty ? checkpoint.tensors : checkpoint.strippedTensors
    guard checkpoint.hdf5 != nil, entries.allSatisfy({ !$0.name.contains(".") || !$0.name.contains("/") }) else {
      return entries.map { NamedTensor(name: $0.name, tensor: $0.tensor) }
    }
    return entries.map { NamedTensor(name: $0.name.replacing("/", with: "."), tensor: $0.tensor) }
  }
}

extension LayerFacts {
  /// What a checkpoint of a whole module says of its layers, by names without `prefix`.
  fileprivate static func all(in checkpoint: Checkpoint, prefix: String) -> [String: LayerFacts] {
    var facts: [String: LayerFacts] = [:]
    for (name, module) in checkpoint.modules where name.hasPrefix(prefix) {
      // Numbers that are no integers are none that a layer of a ResNet has: an empty list is refused.
      func integers(_ key: String) -> [Int]? {
        guard let numbers = module.numbers[key] else { return nil }
        let integers = numbers.compactMap { Int(exactly: $0) }
        return integers.count == numbers.count ? integers : []
      }
      let className = module.className.split(separator: ".").last.map(String.init) ?? ""
      facts[String(name.dropFirst(prefix.count))] = LayerFacts(
        className: className, stride: integers("stride"),
        padding: module.texts["padding"] == nil ? integers("padding") : [],
        paddingMode: module.texts["padding_mode"], dilation: integers("dilation"),
        groups: integers("groups")?.first,
        epsilon: module.numbers["eps"]?.first)
    }
    return facts
  }
}
