/// A model in hand: a network or an embedding of classes, with its labels and where it comes from.
///
/// Nothing is read until it is needed, surgeries return new models, and ``write(to:options:progress:)`` pulls the result
/// through. Values may be used from several tasks at once.
///
/// ```swift
/// let model = try Model(contentsOf: "resnet50.pth")
/// print(model.architecture?.name ?? "home-grown")
/// let folded = try model.foldingBatchNorm()
/// try folded.write(to: "resnet50.resect", options: .init(dtype: .float16))
/// ```
public struct Model: Sendable {
  /// What the model is.
  public enum Content: Sendable {
    /// A ResNet, with or without a classifier.
    case network(ResNet)
    /// Any other network that its file describes.
    case graph(Graph)
    /// The classifier's half of a network that was split.
    case classes(ClassEmbedding)
  }

  /// What the model is.
  public internal(set) var content: Content
  /// The names of the classes, in order, where somebody gave them.
  public internal(set) var labels: [String]?
  /// How images become input, and who said so: the file, or else its convention.
  public internal(set) var preprocessing: Architecture.Sourced<Preprocessing?>
  /// The convention by which the file names its tensors, and by which they are written.
  public internal(set) var convention: Convention
  /// The convention by which the file that was read names its tensors.
  let conventionOfFile: String
  /// Whether the caller chose that convention.
  var isConventionChosen = false
  /// The files that the weights are read from.
  public internal(set) var sources: [SourceFile]
  /// What those files say of the model's past.
  public internal(set) var pastProvenance: Provenance
  /// The surgeries that were done since, in order.
  public internal(set) var surgeries: [SurgeryRecord]
  /// How the file's tensors were used.
  public internal(set) var loading: Loading
  /// How the weights will be quantised; absent where they keep every bit.
  public internal(set) var quantization: Quantization?
  /// The ranges of the activations of the network as the file holds it, which it was stored for.
  var fileCalibration: ActivationRanges?
  /// How the network will be written as 8-bit integers; absent where it keeps other numbers.
  var integers: IntegerStorage?
  /// The network with the batch-norms that are folded now, whose statistics tell what the layers see.
  var unfolded: ResNet?
  /// What the model was before the surgeries.
  var original: Original
  /// What the surgeries did to the outputs, in order.
  var effects: [SurgeryEffect] = []

  init(
    content: Content, labels: [String]?, preprocessing: Architecture.Sourced<Preprocessing?>, convention: Convention,
    sources: [SourceFile], pastProvenance: Provenance, loading: Loading
  ) {
    self.content = content
    self.labels = labels
    self.preprocessing = preprocessing
    self.convention = convention
    conventionOfFile = convention.name
    self.sources = sources
    self.pastProvenance = pastProvenance
    surgeries = []
    self.loading = loading
    original = .content(content)
  }

  /// The ranges of activations that the model is stored with, or will be, for 8-bit integers; absent after a surgery, and where it
  /// is stored as other numbers.
  public var calibration: ActivationRanges? { integers?.ranges ?? (surgeries.isEmpty ? fileCalibration : nil) }

  /// How the tensors of a file were used.
  public struct Loading: Sendable {
    /// The key under which the state dict lay.
    public var key: String?
    /// What was cut off every name.
    public var prefix = ""
    /// What was left out, and why.
    public var ignored: [Checkpoint.Ignored] = []
    /// Whether no convention knows the names, and their places were found by structure.
    public var isInferred = false
    /// Why a network that its file describes was not recognised as a ResNet.
    public var whyNoResNet: ResectError?
    /// The place of each tensor by the file's whole name; absent for a model that was not read by names.
    public var mapping: Mapping?
    /// What a person should know.
    public var warnings: [String] = []
  }

  /// The ResNet, or an error for a model that is another network or an embedding of classes.
  public var network: ResNet {
    get throws(ResectError) {
      switch content {
      case .network(let network): return network
      case .graph:
        let reason = loading.whyNoResNet.map { ": \($0.message)" } ?? ""
        throw ResectError(
          .notAResNet, "this network is no ResNet\(reason)", file: sources.first?.file.path,
          tensor: loading.whyNoResNet?.tensor)
      case .classes: throw noNetwork
      }
    }
  }

  /// The network of whatever kind, or an error for a model that is an embedding of classes.
  public var anyNetwork: Network {
    get throws(ResectError) {
      switch content {
      case .network(let network): .resNet(network)
      case .graph(let graph): .graph(graph)
      case .classes: throw noNetwork
      }
    }
  }

  private var noNetwork: ResectError {
    ResectError(
      .notApplicable, "this is an embedding of classes, no network", advice: "join it with its backbone",
      file: sources.first?.file.path)
  }

  /// The embedding of classes, or an error for a model that is a network.
  public var classes: ClassEmbedding {
    get throws(ResectError) {
      guard case .classes(let classes) = content else {
        throw ResectError(
          .notApplicable, "this is a network, no embedding of classes", advice: "split it",
          file: sources.first?.file.path)
      }
      return classes
    }
  }

  /// The architecture, if the model is a ResNet.
  public var architecture: Architecture? {
    guard case .network(let network) = content else { return nil }
    return network.architecture
  }

  /// What the file calls the module at a place of the tree, as a surgery's report gives it.
  public func name(ofModule place: String) -> String {
    Convention.tree.module(of: place).map { convention.name(of: $0) } ?? place
  }

  /// How many channels an image has that the network takes; absent for an embedding of classes and for a graph that takes features.
  public var inputChannels: Int? {
    switch content {
    case .network(let network): network.inputChannels
    case .graph(let graph): if case .image(let channels, _, _) = graph.input.kind { channels } else { nil }
    case .classes: nil
    }
  }

  /// How the network normalises the pixels that it takes; absent where its input comes normalised.
  public var inputNormalization: InputNormalization? {
    switch content {
    case .network(let network): network.inputNormalization
    case .graph(let graph): graph.inputNormalization
    case .classes: nil
    }
  }

  /// How many classes the model tells apart; absent for a backbone and where the last layer is not linear.
  public var classCount: Int? {
    switch content {
    case .network(let network): network.classes
    case .graph(let graph): graph.classifier?.classes
    case .classes(let classes): classes.classes
    }
  }
}

extension Model.Content {
  /// A network of whatever kind.
  init(_ network: Network) {
    switch network {
    case .resNet(let network): self = .network(network)
    case .graph(let graph): self = .graph(graph)
    }
  }

  /// Every tensor.
  package var tensors: [LazyTensor] {
    switch self {
    case .network(let network): network.parameters.map(\.tensor)
    case .graph(let graph): graph.parameters.map(\.tensor)
    case .classes(let classes): [classes.weight] + (classes.bias.map { [$0] } ?? [])
    }
  }
}

extension Model {
  /// A model of `network`, which a program made itself. A ResNet's tensors get torchvision's names where it has names for them, and
  /// else those of the tree; ``named(by:)`` gives others. Any other network's get those of its nodes.
  ///
  /// Throws where there are not as many labels as classes, and where the preprocessing gives other channels than the network takes.
  public init(
    _ network: Network, labels: [String]? = nil, preprocessing: Preprocessing? = nil
  ) throws(ResectError) {
    var convention = Convention.tree
    if case .resNet(let network) = network, let fitted = try? Convention.torchvision.fitted(to: network) {
      convention = fitted.convention
    }
    var model = Model(
      content: Content(network), labels: nil, preprocessing: .unknown, convention: convention, sources: [],
      pastProvenance: Provenance(), loading: Loading())
    if let labels { model = try model.labelled(labels) }
    if let preprocessing { model = try model.preprocessed(by: preprocessing) }
    self = model
  }

  /// A model of a ResNet. See ``init(_:labels:preprocessing:)-(Network,_,_)``.
  public init(
    _ network: ResNet, labels: [String]? = nil, preprocessing: Preprocessing? = nil
  ) throws(ResectError) {
    try self.init(.resNet(network), labels: labels, preprocessing: preprocessing)
  }

  /// A model of a graph, whatever it is. See ``init(_:labels:preprocessing:)-(Network,_,_)``.
  public init(_ graph: Graph, labels: [String]? = nil, preprocessing: Preprocessing? = nil) throws(ResectError) {
    try self.init(.graph(graph), labels: labels, preprocessing: preprocessing)
  }
}
