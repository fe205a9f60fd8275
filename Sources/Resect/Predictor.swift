public import ResectInference

/// A model that is ready to run on images: its session, how images become its input, and the names of its classes.
///
/// ```swift
/// let model = try Model(contentsOf: "resnet50.resect")
/// let predictor = try Predictor(model)
/// let logits = try predictor.logits(of: [PixelImage(contentsOf: "cat.jpg")])
/// ```
///
/// It may be used from several threads at once.
public struct Predictor: Sendable {
  /// A class and how much speaks for it.
  public struct Prediction: Sendable, Hashable {
    /// The class's index.
    public let index: Int
    /// Its name, where the model has labels.
    public let label: String?
    /// Its logit.
    public let logit: Float
    /// Its softmax over all classes.
    public let probability: Double
  }

  /// The network.
  public let session: Session
  /// The embedding of classes, where it is not part of the network.
  public let classes: Session?
  /// How images become input, where it is known.
  public let preprocessing: Preprocessing?
  /// The names of the classes, where there are any.
  public let labels: [String]?
  let file: String?

  /// A predictor by `model`. For a backbone, `classes` is the embedding that it was split from.
  ///
  /// Throws `ResectError.Code.mismatch` where the two do not fit.
  public init(
    _ model: Model, classes: Model? = nil, options: SessionOptions = SessionOptions()
  ) throws(ResectError) {
    session = try Session(model, options: options)
    if let classes {
      guard case .network(let network) = model.content, network.head.isEmpty else {
        throw ResectError(
          .mismatch, "the network has a head of its own", advice: "give its backbone, or no classes",
          file: model.sources.first?.file.path)
      }
      let embedding = try classes.classes
      guard embedding.features == network.featureCount,
        embedding.hasConstantFeature == network.appendsConstantFeature
      else {
        throw ResectError(
          .mismatch,
          "the backbone computes \(network.featureCount) features, the embedding compares \(embedding.features)",
          advice: "use the two halves of one split", file: classes.sources.first?.file.path)
      }
      self.classes = try Session(classes, options: options)
    } else {
      self.classes = nil
    }
    preprocessing = model.preprocessing.value
    labels = classes?.labels ?? model.labels
    file = model.sources.first?.file.path
  }

  /// Images as the network's input.
  ///
  /// Throws `ResectError.Code.badArgument` where nobody says how, or where they would differ in size.
  public func batch(of images: [PixelImage]) throws(ResectError) -> Batch {
    guard let preprocessing else {
      throw ResectError(
        .badArgument, "how images become this network's input is unknown",
        advice: .sayPreprocessing(presets: Preprocessing.presetNames),
        file: file)
    }
    var values: [Float] = []
    var size: (width: Int, height: Int)?
    for image in images {
      let input = try image.input(for: preprocessing)
      if let size, size != (input.width, input.height) {
        throw ResectError(
          .badArgument,
          "the images differ in size once they are prepared, \(size.width)×\(size.height) and \(input.width)×\(input.height)",
          advice: "run them one by one, or use a preprocessing that crops")
      }
      size = (input.width, input.height)
      values += input.values
    }
    guard let size else { throw ResectError(.badArgument, "there are no images to run on") }
    let shape = Graph.ValueShape.image(
      channels: preprocessing.channelOrder.count, height: size.height, width: size.width)
    return try Batch(count: images.count, shape: shape, values: values)
  }

  /// The logits of images, a row each.
  public func logits(of images: [PixelImage]) throws(ResectError) -> Rows { try logits(of: batch(of: images)) }

  /// The logits of a batch, a row for each element.
  public func logits(of batch: Batch) throws(ResectError) -> Rows {
    guard let classes else {
      guard session.graph.computesLogits else {
        throw ResectError(
          .notApplicable, "a backbone has no classes", advice: "give its embedding of classes, or ask for features",
          file: file)
      }
      return try session.run(batch)
    }
    return try classes.logits(ofFeatures: session.run(batch, output: .features))
  }

  /// The features of images, a row each.
  public func features(of images: [PixelImage]) throws(ResectError) -> Rows {
    try session.run(batch(of: images), output: .features)
  }

  /// The `count` most likely classes of a row of logits, the likeliest first.
  public func predictions(_ count: Int, from logits: ArraySlice<Float>) -> [Prediction] {
    let probabilities = Rows.probabilities(of: logits)
    return Rows.largest(count, of: logits).map { index in
      Prediction(
        index: index, label: labels.flatMap { index < $0.count ? $0[index] : nil },
        logit: logits[logits.startIndex + index], probability: probabilities[index])
    }
  }
}

extension Session {
  /// A session for a model: a network, or an embedding of classes.
  public convenience init(_ model: Model, options: SessionOptions = SessionOptions()) throws(ResectError) {
    do throws(ResectError) {
      var options = options
      options.inputRange = options.inputRange ?? model.inputRange
      if let ranges = model.calibration {
        if !options.isExact, !options.usesReference { options.precision = options.precision ?? .int8 }
        if case .automatic = options.calibration { options.calibration = .ranges(ranges) }
      }
      switch model.content {
      case .network(let network): try self.init(network, options: options)
      case .graph(let graph): try self.init(graph: graph, options: options)
      case .classes(let classes): try self.init(graph: classes.graph(), options: options)
      }
    } catch {
      throw error.renamed(by: model.convention).located(file: model.sources.first?.file.path)
    }
  }
}
