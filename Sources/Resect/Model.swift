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
    /// A network, with or without a classifier.
    case network(ResNet)
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
  /// What the surgeries promise of the logits.
  var effects: [Effect] = []

  init(
    content: Content, labels: [String]?, preprocessing: Architecture.Sourced<Preprocessing?>, convention: Convention,
    sources: [SourceFile], pastProvenance: Provenance, loading: Loading
  ) {
    self.content = content
    self.labels = labels
    self.preprocessing = preprocessing
    self.convention = convention
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
    /// The place of each tensor by the file's whole name; absent for a model that was not read by names.
    public var mapping: Mapping?
    /// What a person should know.
    public var warnings: [String] = []
  }

  /// The network, or an error for a model that is an embedding of classes.
  public var network: ResNet {
    get throws(ResectError) {
      guard case .network(let network) = content else {
        throw ResectError(
          .notApplicable, "this is an embedding of classes, no network",
          advice: "join it with its backbone", file: sources.first?.file.path)
      }
      return network
    }
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

  /// The architecture, if the model is a network.
  public var architecture: Architecture? {
    guard case .network(let network) = content else { return nil }
    return network.architecture
  }

  /// What the file calls the module at a place of the tree, as a surgery's report gives it.
  public func name(ofModule place: String) -> String {
    Convention.tree.module(of: place).map { convention.name(of: $0) } ?? place
  }

  /// How many classes the model tells apart; absent for a backbone.
  public var classCount: Int? {
    switch content {
    case .network(let network): network.architecture.classes
    case .classes(let classes): classes.classes
    }
  }
}
