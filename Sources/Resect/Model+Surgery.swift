extension Model {
  /// The model after `surgery`, which is kept on record and proved by its effect when the model is written.
  ///
  /// Labels and preprocessing follow what the surgery does to them. Throws what the surgery throws, with the file and its names, and
  /// `ResectError.Code.notApplicable` where the weights are quantised already.
  public func applying(_ surgery: some Surgery) throws(ResectError) -> Model {
    let facts = SurgeryFacts(labels: labels, preprocessing: preprocessing.value)
    switch content {
    case .classes(let classes):
      return operated(
        try located { () throws(ResectError) in try surgery.operate(on: classes, knowing: facts) }, Content.classes)
    case .network, .graph:
      let network = try anyNetwork
      return operated(
        try located { () throws(ResectError) in try surgery.operate(on: network, knowing: facts) }, Content.init)
    }
  }

  /// The model after a surgery whose outcome is known.
  private func operated<Subject>(
    _ outcome: SurgeryOutcome<Subject>, _ content: (Subject) -> Content
  ) -> Model {
    var operated = self
    operated.content = content(outcome.subject)
    operated.surgeries.append(outcome.record)
    operated.effects.append(outcome.effect)
    operated.loading.warnings += outcome.record.warnings
    operated.labels = outcome.effect.labels(from: labels)
    if let normalized = outcome.effect.normalizedBy { operated.preprocessing.value = normalized.withoutNormalization }
    if !outcome.effect.keepsStatistics {
      operated.unfolded = nil
    } else if self.content.hasStatistics, !operated.content.hasStatistics {
      operated.unfolded = unfolded ?? (try? network)
    }
    return operated
  }

  /// The model with every batch-norm folded into its convolution. See `FoldBatchNorm`.
  public func foldingBatchNorm() throws(ResectError) -> Model { try applying(FoldBatchNorm()) }

  /// The model with batch-norms that change nothing, for programs that build no network without them. See `UnfoldBatchNorm`.
  public func unfoldingBatchNorm(epsilon: Double? = nil) throws(ResectError) -> Model {
    try applying(UnfoldBatchNorm(epsilon: epsilon))
  }

  /// The model without the bias of its classifier. See `DropClassifierBias`.
  public func droppingClassifierBias() throws(ResectError) -> Model { try applying(DropClassifierBias()) }

  /// The model with another epsilon in its batch-norms, and variances that make up for it. See `RebaseEpsilon`.
  public func rebasingEpsilon(to epsilon: Double) throws(ResectError) -> Model {
    try applying(RebaseEpsilon(to: epsilon))
  }

  /// The model as two: the backbone that computes features, and the embedding of the classes, which keeps the labels.
  /// See `ResNet.split(bias:)`.
  public func split(
    bias: BiasTreatment = .keep
  ) throws(ResectError) -> (backbone: Model, classes: Model) {
    let network = try anyNetwork
    let halves = try located { () throws(ResectError) in try network.split(bias: bias) }
    var backbone = operated(halves.backbone, Content.init)
    backbone.labels = nil
    var classes = self
    classes.content = .classes(halves.classes)
    classes.preprocessing = .unknown
    classes.surgeries.append(halves.backbone.record)
    // Alone, the embedding is proved by what it makes of features; both halves together, by the whole network.
    classes.original = .content(classes.content)
    classes.effects = []
    return (backbone, classes)
  }

  /// A classifier from a backbone and an embedding of classes. See `ResNet.joined(with:)`.
  public func joined(with classes: Model) throws(ResectError) -> Model {
    let (network, embedding) = (try anyNetwork, try classes.classes)
    let outcome = try located { () throws(ResectError) in try network.joined(with: embedding) }
    var joined = operated(outcome, Content.init)
    joined.original = .halves(try originalBackbone, try classes.originalClasses)
    // What was done to each half before; what a split promised of the logits of both together ends here.
    joined.effects = effects.filter { $0.normalizedBy != nil || !$0.keepsStatistics } + classes.effects
    joined.labels = classes.labels ?? labels
    joined.sources += classes.sources
    joined.loading.warnings += classes.loading.warnings
    joined.pastProvenance.sources += classes.pastProvenance.sources
      .filter { !pastProvenance.sources.contains($0) }
    return joined
  }

  /// The backbone before its surgeries, without the head that it may have had.
  private var originalBackbone: Network {
    get throws(ResectError) {
      let now = try anyNetwork
      let before: Network
      switch original {
      case .content(.network(let network)): before = .resNet(network)
      case .content(.graph(let graph)): before = .graph(graph)
      case .content(.classes), .halves: return now
      }
      return try before.backbone(appendsConstantFeature: now.appendsConstantFeature)
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
  /// indices that they had, or it would not be known any more which they are. See `KeepClasses`.
  public func keepingClasses(_ indices: [Int]) throws(ResectError) -> Model { try applying(KeepClasses(indices)) }

  /// The model with the classes that `names` mean, in that order, and with their labels: each a label or, where no class has
  /// that label, an index that counts from 0.
  ///
  /// Throws where a name is neither or not of one class alone.
  public func keepingClasses(named names: [String]) throws(ResectError) -> Model {
    let indices = try located { () throws(ResectError) in
      guard let count = classCount else {
        throw ResectError(.notApplicable, "a backbone has no classes to choose from", advice: .replaceHead)
      }
      return try ClassSelection(count: count, labels: labels).indices(of: names)
    }
    return try keepingClasses(indices)
  }

  /// The model with a fresh head of `classes` classes, which have no labels. See `ReplaceHead`.
  public func replacingHead(classes: Int, seed: UInt32 = 0) throws(ResectError) -> Model {
    try applying(ReplaceHead(classes: classes, seed: seed))
  }

  /// The model that takes pixels and normalises them itself, as its ``preprocessing`` says. What is left of that is the size.
  ///
  /// With `folds`, the normalisation goes into the first convolution, which is inexact near the border; else it is a layer of its
  /// own. See `Normalize`. Throws where it is unknown how images become input.
  public func normalizing(folds: Bool = false) throws(ResectError) -> Model { try applying(Normalize(folds: folds)) }

  /// The model without a residual block whose shortcut is the identity. See `DropBlock`.
  ///
  /// `name` is what the file's names of the block's layers begin with, as `layer3.1`, or its place in the tree, as `stage3.1`. Throws
  /// where it is no such block's.
  public func droppingBlock(_ name: String) throws(ResectError) -> Model {
    try applying(DropBlock(located { () throws(ResectError) in try place(ofBlock: name) }))
  }

  /// The place of the block that the file calls `name`; that name where the file calls none so.
  private func place(ofBlock name: String) throws(ResectError) -> String {
    guard case .network(let network) = content else { return name }
    let found = network.blockPlaces.filter { place in
      network.stages[place.stage - 1][place.block].units.indices.allSatisfy { index in
        let layer = convention.name(
          of: ModulePath.convolution(stage: place.stage, block: place.block, index: index + 1))
        return layer.begins(withPart: name) || "\(loading.prefix)\(layer)".begins(withPart: name)
      }
    }
    guard found.count > 1 else { return found.first?.description ?? name }
    throw ResectError(
      .ambiguous, "\(found.count) blocks have names that begin so",
      advice: "name one block, as its layers' names have it",
      tensor: name)
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

  /// Runs `body`, naming the file and the file's own name of a tensor in its errors.
  private func located<Result>(_ body: () throws(ResectError) -> Result) throws(ResectError) -> Result {
    do throws(ResectError) {
      guard quantization == nil, integers == nil else { throw Model.alreadyQuantized }
      return try body()
    } catch {
      throw error.renamed(by: convention).located(file: sources.first?.file.path)
    }
  }
}

extension Model.Content {
  /// Whether batch-norms tell what the layers of a ResNet see.
  fileprivate var hasStatistics: Bool {
    guard case .network(let network) = self, case .batchNorm = network.normalization else { return false }
    return true
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
