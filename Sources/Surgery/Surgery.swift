public import ResectBytes
internal import ResectGraphs
public import ResectResNets

/// An operation on a network: one of Resect's, or a program's own.
///
/// A surgery is a pure function. It returns another network, a record of what it did, and what that does to the outputs; the model
/// that applies it keeps labels and preprocessing in step, keeps the record, and is proved by that effect when it is written.
///
/// ```swift
/// struct WithoutHead: Surgery {
///   func operate(on network: Network, knowing facts: SurgeryFacts) throws(ResectError) -> SurgeryOutcome<Network> {
///     guard case .resNet(var network) = network else { throw ResectError(.notApplicable, "this is no ResNet") }
///     network.head = []
///     return SurgeryOutcome(
///       .resNet(network), SurgeryRecord(name: "without-head", report: .null, summary: "cut the head off"), effect: .changesOutputs)
///   }
/// }
/// ```
public protocol Surgery: Sendable {
  /// Operates on a network. Errors name the module or tensor that is at fault by its place in the tree, or its node.
  func operate(
    on network: Network, knowing facts: SurgeryFacts
  ) throws(ResectError) -> SurgeryOutcome<Network>

  /// Operates on an embedding of classes; by default, there is nothing that could be done to one.
  func operate(
    on classes: ClassEmbedding, knowing facts: SurgeryFacts
  ) throws(ResectError) -> SurgeryOutcome<ClassEmbedding>
}

extension Surgery {
  /// Refuses: a surgery is for networks unless it says otherwise.
  public func operate(
    on classes: ClassEmbedding, knowing facts: SurgeryFacts
  ) throws(ResectError) -> SurgeryOutcome<ClassEmbedding> {
    throw ResectError(
      .notApplicable, "this is an embedding of classes, no network", advice: "join it with its backbone")
  }
}

/// What is known of a network beside what it computes.
public struct SurgeryFacts: Sendable {
  /// The names of the classes, in order, where there are any.
  public var labels: [String]?
  /// How images become input, where that is known.
  public var preprocessing: Preprocessing?

  /// Facts.
  public init(labels: [String]? = nil, preprocessing: Preprocessing? = nil) {
    self.labels = labels
    self.preprocessing = preprocessing
  }
}

/// What a surgery made.
public struct SurgeryOutcome<Subject: Sendable>: Sendable {
  /// The network, or the embedding of classes, after the surgery.
  public var subject: Subject
  /// What was done.
  public var record: SurgeryRecord
  /// What that does to the outputs.
  public var effect: SurgeryEffect

  /// An outcome.
  public init(_ subject: Subject, _ record: SurgeryRecord, effect: SurgeryEffect) {
    self.subject = subject
    self.record = record
    self.effect = effect
  }
}

extension Network {
  /// What `resNet` or `graph` makes of the network, by what it is.
  func operated(
    effect: SurgeryEffect, resNet: (ResNet) throws(ResectError) -> (ResNet, SurgeryRecord),
    graph: (Graph) throws(ResectError) -> (Graph, SurgeryRecord)
  ) throws(ResectError) -> SurgeryOutcome<Network> {
    switch self {
    case .resNet(let network):
      let (operated, record) = try resNet(network)
      return SurgeryOutcome(.resNet(operated), record, effect: effect)
    case .graph(let network):
      let (operated, record) = try graph(network)
      return SurgeryOutcome(.graph(operated), record, effect: effect)
    }
  }
}
