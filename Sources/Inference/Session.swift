public import Bytes
public import ResNets
internal import Synchronization

/// How a session computes.
public struct SessionOptions: Sendable {
  /// What numbers it computes with.
  public var precision = Precision.float32
  /// How many threads share one forward pass; 0 for as many as there are processors.
  public var threads = 0
  /// Whether every module runs as it stands, batch-norms included.
  public var isExact = false
  /// The ranges of activations, for 8-bit integers; by default they are measured on probes.
  public var ranges: ActivationRanges?
  /// Whether plain Swift computes, and not oneDNN.
  public var usesReference = false

  /// Float32, fused, on all processors.
  public init() {}
}

/// A network that is ready to run.
///
/// Its weights are read once, into the order that the processor likes best. One session serves many threads at once: each
/// forward pass has memory of its own. The result does not depend on the number of threads.
public final class Session: Sendable {
  /// What a forward pass computes.
  public enum Output: Sendable, Hashable {
    /// A number for each class.
    case logits
    /// What the backbone says of an image; of a network without a head, what the last layer makes.
    case features
  }

  /// What the session computes.
  public let graph: Graph
  /// What it computes with: what was asked for, or float32 where the processor has no more.
  public let precision: Precision
  /// How many threads share a forward pass.
  public let threads: Int
  /// What a person should know.
  public let notes: [String]

  private struct Size: Hashable {
    let batch: Int
    let height: Int
    let width: Int
    let output: Output
  }

  /// A plan and the memory in which it is not running at the moment.
  private final class Ready: Sendable {
    let plan: Plan
    let idle = Mutex<[PlanContext]>([])
    init(_ plan: Plan) { self.plan = plan }
  }

  private let store = WeightStore()
  private let plans = Mutex<[Size: Ready]>([:])
  private let ranges: ActivationRanges?
  private let quantized: [Int: QuantizedWeights]
  private let usesReference: Bool
  private let winograd: Bool

  /// A session for `network`.
  public convenience init(_ network: ResNet, options: SessionOptions = SessionOptions()) throws(ResectError) {
    try self.init(Graph(network, fidelity: options.isExact ? .exact : .fused), options: options)
  }

  /// A session that computes `graph`.
  public init(_ graph: Graph, options: SessionOptions = SessionOptions()) throws(ResectError) {
    self.graph = graph
    threads = options.threads > 0 ? options.threads : availableCores
    var notes: [String] = []
    usesReference = options.usesReference || OneDNNLibrary.failure != nil
    if let failure = OneDNNLibrary.failure, !options.usesReference {
      notes.append("\(failure): plain Swift computes, many times slower")
    }
    var precision = options.precision
    if precision != .float32, options.isExact || usesReference || !OneDNNLibrary.supports(precision) {
      let reason = options.isExact ? "modules run as they stand" : "this processor has no fast \(precision.rawValue)"
      notes.append("computing in f32: \(reason)")
      precision = .float32
    }
    self.precision = precision
    winograd = false
    self.notes = notes
    if precision == .int8 {
      quantized = try graph.quantized()
      ranges =
        if let known = options.ranges { known } else {
          try ActivationRanges(of: graph, on: [Probes.batch(for: graph)])
        }
    } else {
      quantized = [:]
      ranges = nil
    }
  }

  /// The logits, or the features, of a batch.
  ///
  /// Throws `ResectError.Code.badArgument` where the batch does not fit the network.
  public func run(_ batch: Batch, output: Output = .logits) throws(ResectError) -> Rows {
    try check(batch)
    let graph = output == .features ? graph.untilFeatures() : graph
    if usesReference {
      let rows = try ReferenceEngine<Float>(graph: graph).run(batch, until: graph.output)
      return finished(rows.flatMap(\.self), count: batch.count, output)
    }
    guard graph.output > 0 else { return finished(batch.values, count: batch.count, output) }
    let ready = try plan(for: batch, graph, output)
    let idle = ready.idle.withLock { $0.popLast() }
    let context = if let idle { idle } else { try PlanContext(ready.plan) }
    defer { ready.idle.withLock { $0.append(context) } }
    return finished(try context.run(batch.values), count: batch.count, output)
  }

  /// Appends the constant feature, where there is one.
  private func finished(_ values: [Float], count: Int, _ output: Output) -> Rows {
    let width = values.count / count
    guard output == .features, graph.appendsConstantFeature, !graph.takesFeatures else {
      return Rows(width: width, values: values)
    }
    var longer: [Float] = []
    longer.reserveCapacity(values.count + count)
    for row in 0..<count { longer += values[row * width..<(row + 1) * width] + [1] }
    return Rows(width: width + 1, values: longer)
  }

  private func check(_ batch: Batch) throws(ResectError) {
    switch (batch.shape, graph.takesFeatures) {
    case (.image(let channels, _, _), false):
      guard channels != graph.inputChannels else { return }
      throw ResectError(
        .badArgument, "the network takes images of \(graph.inputChannels) channels, these have \(channels)")
    case (.vector(let count), true):
      guard count != graph.inputChannels else { return }
      throw ResectError(
        .badArgument, "the embedding takes \(graph.inputChannels) features, there are \(count)")
    case (.image, true): throw ResectError(.badArgument, "an embedding of classes takes features, no images")
    case (.vector, false): throw ResectError(.badArgument, "a network takes images, no features")
    }
  }

  private func plan(for batch: Batch, _ graph: Graph, _ output: Output) throws(ResectError) -> Ready {
    var (height, width) = (1, 1)
    if case .image(_, let imageHeight, let imageWidth) = batch.shape { (height, width) = (imageHeight, imageWidth) }
    let size = Size(batch: batch.count, height: height, width: width, output: output)
    // Whoever comes first compiles; others wait, and then share.
    var failure: ResectError?
    let ready: Ready? = plans.withLock { plans in
      if let known = plans[size] { return known }
      do throws(ResectError) {
        var compiler = try PlanCompiler(
          graph, precision: precision, ranges: ranges, quantized: quantized, store: store, batch: batch.count,
          height: height, width: width, threads: threads, winograd: winograd)
        let made = Ready(try compiler.compile())
        plans[size] = made
        return made
      } catch {
        failure = error
        return nil
      }
    }
    if let failure { throw failure }
    guard let ready else { throw ResectError(.unsupported, "no plan was made") }
    return ready
  }

  /// Runs a batch and shows every value as floats, in whatever order they lie.
  func observe(
    _ batch: Batch, _ observe: (Graph.ValueID, Span<Float>) -> Void
  ) throws(ResectError) {
    try check(batch)
    let ready = try plan(for: batch, graph, .logits)
    let context = try PlanContext(ready.plan)
    _ = try context.run(batch.values, observing: observe)
  }
}

extension Graph {
  /// Every convolution's weights as integers, by node.
  fileprivate func quantized() throws(ResectError) -> [Int: QuantizedWeights] {
    let all = Mutex<[Int: QuantizedWeights]>([:])
    try parallelForEach(count: nodes.count) { index throws(ResectError) in
      guard case .convolution(let convolution) = nodes[index].operation else { return }
      let made = try QuantizedWeights(convolution, name: nodes[index].name)
      all.withLock { $0[index] = made }
    }
    return all.withLock { $0 }
  }
}
