extension Model {
  /// The model with every batch-norm folded into its convolution. See `ResNet.foldingBatchNorm()`.
  public func foldingBatchNorm() throws(ResectError) -> Model {
    var folded = try operating { network throws(ResectError) in try network.foldingBatchNorm() }
    let network = try network
    folded.unfolded = unfolded ?? network
    return folded
  }

  /// The model with batch-norms that change nothing, for programs that build no network without them. See
  /// `ResNet.unfoldingBatchNorm(epsilon:)`.
  public func unfoldingBatchNorm(epsilon: Double? = nil) throws(ResectError) -> Model {
    try operating { network throws(ResectError) in try network.unfoldingBatchNorm(epsilon: epsilon) }
  }

  /// The model without the bias of its classifier. See `ResNet.droppingClassifierBias()`.
  public func droppingClassifierBias() throws(ResectError) -> Model {
    var operated = try operating { network throws(ResectError) in try network.droppingClassifierBias() }
    operated.noteDroppedBias(of: try network)
    return operated
  }

  private mutating func noteDroppedBias(of network: ResNet) {
    if let bias = network.head.last?.bias { effects.append(.dropsBias(bias)) }
  }

  /// The model with another epsilon in its batch-norms, and variances that make up for it. See
  /// `ResNet.rebasingEpsilon(to:)`.
  public func rebasingEpsilon(to epsilon: Double) throws(ResectError) -> Model {
    try operating { network throws(ResectError) in try network.rebasingEpsilon(to: epsilon) }
  }

  /// The model as two: the backbone that computes features, and the embedding of the classes, which keeps the labels.
  /// See `ResNet.split(bias:)`.
  public func split(
    bias: BiasTreatment = .keep
  ) throws(ResectError) -> (backbone: Model, classes: Model) {
    let (network, embedding, record) = try located { model throws(ResectError) in
      try model.network.split(bias: bias)
    }
    var backbone = self
    backbone.content = .network(network)
    backbone.labels = nil
    backbone.surgeries.append(record)
    if bias == .drop { backbone.noteDroppedBias(of: try self.network) }
    var classes = self
    classes.content = .classes(embedding)
    classes.preprocessing = .unknown
    classes.surgeries.append(record)
    // Alone, the embedding is proved by what it makes of features; both halves together, by the whole network.
    classes.original = .content(classes.content)
    classes.effects = []
    return (backbone, classes)
  }

  /// A classifier from a backbone and an embedding of classes. See `ResNet.joined(with:)`.
  public func joined(with classes: Model) throws(ResectError) -> Model {
    let (network, record) = try located { model throws(ResectError) in
      try model.network.joined(with: classes.classes)
    }
    var joined = self
    joined.content = .network(network)
    joined.original = .halves(try originalBackbone, try classes.originalClasses)
    // What was done to each half before; what a split promised of the logits of both together ends here.
    joined.effects = effects.filter { if case .normalizesInput = $0 { true } else { false } } + classes.effects
    joined.labels = classes.labels ?? labels
    joined.sources += classes.sources
    joined.surgeries.append(record)
    joined.loading.warnings += classes.loading.warnings
    joined.pastProvenance.sources += classes.pastProvenance.sources
      .filter { !pastProvenance.sources.contains($0) }
    return joined
  }

  /// The backbone before its surgeries, without the head that it may have had.
  private var originalBackbone: ResNet {
    get throws(ResectError) {
      let now = try network
      guard case .content(.network(var before)) = original else { return now }
      before.head = []
      before.architecture.head = .none
      before.architecture.headWidths = []
      before.architecture.hasHeadBias = false
      before.architecture.appendsConstantFeature = now.architecture.appendsConstantFeature
      return before
    }
  }

  /// The embedding of classes before its surgeries.
  private var originalClasses: ClassEmbedding {
    get throws(ResectError) {
      guard case .content(.classes(let before)) = original else { return try classes }
      return before
    }
  }

  /// The model with the classes of `indices` alone, in that order, and with their labels; classes without labels are called by the
  /// indices that they had, or it would not be known any more which they are. See `ResNet.keepingClasses(_:)`.
  public func keepingClasses(_ indices: [Int]) throws(ResectError) -> Model {
    let (content, record) = try located { model throws(ResectError) in try model.content.keepingClasses(indices) }
    var kept = self
    kept.content = content
    kept.labels = indices.map { index in labels?[index] ?? "\(index)" }
    kept.surgeries.append(record)
    kept.effects.append(.keepsClasses(indices))
    return kept
  }

  /// The model with the classes that `names` mean, in that order, and with their labels: each a label or, where no class has
  /// that label, an index that counts from 0.
  ///
  /// Throws where a name is neither or not of one class alone.
  public func keepingClasses(named names: [String]) throws(ResectError) -> Model {
    let indices = try located { model throws(ResectError) in
      guard let count = model.classCount else {
        throw ResectError(.notApplicable, "a backbone has no classes to choose from", advice: .replaceHead)
      }
      return try ClassSelection(count: count, labels: model.labels).indices(of: names)
    }
    return try keepingClasses(indices)
  }

  /// The model with a fresh head of `classes` classes, which have no labels. See `ResNet.replacingHead(classes:seed:)`.
  public func replacingHead(classes: Int, seed: UInt32 = 0) throws(ResectError) -> Model {
    var replaced = try operating { network throws(ResectError) in
      try network.replacingHead(classes: classes, seed: seed)
    }
    replaced.labels = nil
    replaced.effects.append(.replacesHead)
    return replaced
  }

  /// The model that takes pixels and normalises them itself, as its ``preprocessing`` says. What is left of that is the size.
  ///
  /// With `folds`, the normalisation goes into the first convolution, which is inexact near the border; else it is a layer of its
  /// own. See `ResNet.normalizing(by:)` and `ResNet.foldingNormalization(of:)`. Throws where nobody says how images become input.
  public func normalizing(folds: Bool = false) throws(ResectError) -> Model {
    _ = try network
    guard let preprocessing = preprocessing.value else {
      throw ResectError(
        .notApplicable, "nobody says how images become the network's input", advice: .sayPreprocessing,
        file: sources.first?.file.path)
    }
    var normalized = try operating { network throws(ResectError) in
      folds ? try network.foldingNormalization(of: preprocessing) : try network.normalizing(by: preprocessing)
    }
    normalized.preprocessing.value = preprocessing.withoutNormalization
    normalized.effects.append(.normalizesInput(preprocessing, folds: folds))
    return normalized
  }

  /// The model with names for its classes. Throws where there are more or fewer names than classes.
  public func labelled(_ labels: [String]) throws(ResectError) -> Model {
    guard let classCount else {
      throw ResectError(.badArgument, "a backbone has no classes that labels could name")
    }
    guard labels.count == classCount else {
      throw ResectError(
        .badArgument, "there are \(labels.count) labels for \(classCount) classes",
        advice: "give one label a line, in the classes' order")
    }
    var labelled = self
    labelled.labels = labels
    return labelled
  }

  /// The model with the caller's word for how images become its input. Throws where the channels are not those of the
  /// network.
  public func preprocessed(by preprocessing: Preprocessing) throws(ResectError) -> Model {
    try check(preprocessing, code: .badArgument)
    var model = self
    // Another input has other ranges.
    if let known = model.preprocessing.value, known != preprocessing { model.fileCalibration = nil }
    model.preprocessing = .init(preprocessing, from: .option)
    return model
  }

  private func operating(
    _ surgery: (ResNet) throws(ResectError) -> (ResNet, SurgeryRecord)
  ) throws(ResectError) -> Model {
    let (network, record) = try located { model throws(ResectError) in
      try surgery(model.network)
    }
    var operated = self
    operated.content = .network(network)
    operated.surgeries.append(record)
    operated.loading.warnings += record.warnings
    return operated
  }

  /// Runs `body`, naming the file and the file's own name of a tensor in its errors.
  private func located<Result>(
    _ body: (Model) throws(ResectError) -> Result
  ) throws(ResectError) -> Result {
    do throws(ResectError) {
      guard quantization == nil, integers == nil else { throw Model.alreadyQuantized }
      return try body(self)
    } catch {
      throw error.renamed(by: convention).located(file: sources.first?.file.path)
    }
  }
}

extension Model.Content {
  fileprivate func keepingClasses(
    _ indices: [Int]
  ) throws(ResectError) -> (content: Model.Content, record: SurgeryRecord) {
    switch self {
    case .network(let network):
      let (kept, record) = try network.keepingClasses(indices)
      return (.network(kept), record)
    case .classes(let classes):
      let (kept, record) = try classes.keepingClasses(indices)
      return (.classes(kept), record)
    }
  }
}

extension ResectError {
  /// The same error with the place in the tree replaced by the file's name for it.
  func renamed(by convention: Convention) -> ResectError {
    guard let tensor, let path = Convention.tree.path(of: tensor) else { return self }
    var renamed = self
    renamed.tensor = convention.name(of: path)
    return renamed
  }
}
