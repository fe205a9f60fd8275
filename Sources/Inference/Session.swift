public import ResectBytes
public import ResectGraphs
public import ResectResNets
internal import ResectTensors
internal import Synchronization

/// How a session computes.
public struct SessionOptions: Sendable {
  /// What numbers it computes with; by default what a model is stored for, which is float32 but for files of 8-bit integers.
  public var precision: Precision?
  /// How many threads share one forward pass; 0 for as many as there are processors.
  public var threads = 0
  /// Whether every module runs as it stands, batch-norms included.
  public var isExact = false
  /// Where the ranges of activations come from, for 8-bit integers.
  public var calibration = Calibration.automatic
  /// What the numbers that go in lie between, for 8-bit integers, where somebody knows.
  public var inputRange: ActivationRanges.Range?
  /// Whether 3×3 convolutions of float32 may use Winograd's algorithm: faster by an eighth, but weights take longer to prepare.
  public var usesWinograd = true
  /// Whether plain Swift computes, and not oneDNN.
  public var usesReference = false

  /// Float32, fused, on all processors.
  public init() {}
}

/// A network that is ready to run.
///
/// Its weights are read once, into the order that the processor likes best. One session serves many threads at once: each
/// forward pass has memory of its own. What an image gives depends neither on the number of threads nor on the batch that it
/// is part of: images of a batch are run by themselves, or a few in one pass where that gives the same bits.
public final class Session: Sendable {
  /// What a forward pass computes.
  public enum Output: Sendable, Hashable {
    /// What the network is for: a number for each class or, of a network without a head, what its last layer makes.
    case logits
    /// What the backbone says of an image; of a network without a head, what the last layer makes.
    case features
    /// The output of this name.
    case named(String)

    var plural: String {
      switch self {
      case .logits: "logits"
      case .features: "features"
      case .named(let name): name
      }
    }
  }

  /// What the session computes.
  public let graph: Graph
  /// How it computes that.
  package let program: Program
  /// What it computes with: what was asked for, or float32 where the processor has no more.
  public let precision: Precision
  /// How many threads share a forward pass.
  public let threads: Int
  /// What a person should know.
  public let notes: [String]

  private struct Size: Hashable {
    let count: Int
    let height: Int
    let width: Int
    let threads: Int
    let value: Graph.ValueID
  }

  /// A plan and the memory in which it is not running at the moment.
  private final class Ready: Sendable {
    let plan: Plan
    private let idle = Mutex<[PlanContext]>([])
    init(_ plan: Plan) { self.plan = plan }

    /// Runs `body` with memory that nobody else uses meanwhile.
    func withContext<Result>(
      _ body: (PlanContext) throws(ResectError) -> Result
    ) throws(ResectError) -> Result {
      let known = idle.withLock { $0.popLast() }
      let context = if let known { known } else { try PlanContext(plan) }
      let result = try body(context)
      idle.withLock { $0.append(context) }
      return result
    }
  }

  private let store = WeightStore()
  /// Plans for the sizes that came last. A session that sees images of every size must not keep memory for each of them.
  private let plans = Mutex(RecentlyUsed<Size, Ready>(limit: 8, budget: 256 << 20))
  /// Held while a plan is made, which takes all processors anyway: two plans may want the same weights. Plans that are there run
  /// meanwhile.
  private let compiling = Mutex<Void>(())
  let setting: PlanCompiler.Setting
  private let usesReference: Bool

  /// Whether oneDNN is there to compute. Without it plain Swift does, some hundred times slower.
  public static var isAccelerated: Bool { OneDNNLibrary.failure == nil }

  /// A session for `network`.
  public convenience init(_ network: ResNet, options: SessionOptions = SessionOptions()) throws(ResectError) {
    try self.init(graph: network.graph(), options: options)
  }

  /// A session that computes `graph`.
  public init(graph: Graph, options: SessionOptions = SessionOptions()) throws(ResectError) {
    self.graph = graph
    program = try Program(graph, fidelity: options.isExact ? .exact : .fused)
    threads = options.threads > 0 ? options.threads : availableCores
    var notes: [String] = []
    usesReference = options.usesReference || OneDNNLibrary.failure != nil
    if let failure = OneDNNLibrary.failure, !options.usesReference {
      notes.append("\(failure): plain Swift computes, many times slower")
    }
    var precision = options.precision ?? .float32
    if precision != .float32, options.isExact || usesReference || !OneDNNLibrary.supports(precision) {
      let reason = options.isExact ? "modules run as they stand" : "this processor has no fast \(precision.rawValue)"
      notes.append("computing in f32: \(reason)")
      precision = .float32
    }
    self.precision = precision
    self.notes = notes
    setting = PlanCompiler.Setting(
      program: program, precision: precision,
      ranges: precision == .int8
        ? try options.calibration.ranges(of: graph, program, unfolded: graph, input: options.inputRange) : nil,
      quantized: precision == .int8 ? try program.integerWeights() : [:],
      winograd: options.usesWinograd && !options.isExact)
  }

  /// The logits, or the features, of a batch.
  ///
  /// Throws `ResectError.Code.badArgument` where the batch does not fit the network, and `ResectError.Code.badValue` where a number
  /// that goes in, one of the weights or one that comes out is not finite.
  public func run(_ batch: Batch, output: Output = .logits) throws(ResectError) -> Rows {
    try check(batch)
    let value = try value(of: output)
    if usesReference {
      let rows = try ReferenceEngine<Float>(program: program).run(batch, until: value)
      return try finished(rows.flatMap(\.self), count: batch.count, output)
    }
    guard program.maker(of: value) != nil else { return try finished(batch.values, count: batch.count, output) }
    let share = Session.threads(for: batch.count, of: threads)
    let group = groupSize(for: batch.count)
    let starts = Array(stride(from: 0, to: batch.count, by: group))
    let whole = try plan(for: batch, count: group, value, threads: share)
    let left = batch.count % group
    let last = left == 0 ? whole : try plan(for: batch, count: left, value, threads: share)
    let results = Mutex([[Float]](repeating: [], count: starts.count))
    try parallelForEach(count: starts.count, threads: threads / share) { index throws(ResectError) in
      let images = starts[index]..<min(starts[index] + group, batch.count)
      let ready = images.count == group ? whole : last
      let result = try ready.withContext { context throws(ResectError) in try context.run(batch[images]) }
      results.withLock { $0[index] = result }
    }
    return try finished(results.withLock { $0.flatMap(\.self) }, count: batch.count, output)
  }

  /// The value that an output is.
  private func value(of output: Output) throws(ResectError) -> Graph.ValueID {
    let graph = program.graph
    switch output {
    case .logits: return graph.output(named: Graph.Output.logits) ?? graph.output
    case .features:
      guard let features = graph.features ?? graph.output(named: Graph.Output.features) else {
        throw ResectError(.notApplicable, "which value of this network is the features is unknown")
      }
      return features
    case .named(let name):
      guard let value = graph.output(named: name) else {
        throw ResectError(
          .badArgument,
          "the network gives \(graph.outputs.map(\.name).joined(separator: ", ")), and nothing called \(name)")
      }
      return value
    }
  }

  /// The steps that the reference kernels run, slower than oneDNN would, because it has no layer for them: by name, in order.
  ///
  /// It depends on the size of the images, `height` × `width`, which are of no matter where the network takes features.
  package func stepsByReference(height: Int, width: Int) throws(ResectError) -> [String] {
    let value = try value(of: .logits)
    guard !usesReference else {
      return zip(program.steps, program.steps(neededFor: value)).filter(\.1).map(\.0.name)
    }
    guard program.maker(of: value) != nil else { return [] }
    return try plan(count: 1, height, width, value, threads: 1).plan.steps.compactMap { step in
      if case .reference = step.work { step.name } else { nil }
    }
  }

  /// How many of `all` threads share one image of a batch: a power of two. In between, layers would be divided so that sums
  /// run in another order.
  private static func threads(for count: Int, of all: Int) -> Int {
    let share = max(1, all / count)
    return 1 << (Int.bitWidth - 1 - share.leadingZeroBitCount)
  }

  /// How many of `count` images run in one pass: a few read weights from memory once, more leave no room for activations in the
  /// caches. Fewer where else a thread would be idle; and Winograd's algorithm takes images one by one.
  private func groupSize(for count: Int) -> Int {
    var size =
      switch precision {
      case .float32: 1
      case .bfloat16: 2
      case .int8: 4
      }
    while size > 1, count / size < threads { size /= 2 }
    return size
  }

  /// The logits, or the features, of one batch, without keeping the network in memory: weights are read when their layer comes
  /// and let go after it. On one thread.
  public func runOnce(_ batch: Batch, output: Output = .logits) throws(ResectError) -> Rows {
    try check(batch)
    let value = try value(of: output)
    guard !usesReference, program.maker(of: value) != nil else { return try run(batch, output: output) }
    let (height, width) = batch.extent
    let once = PlanCompiler.Setting(
      program: program, precision: precision, ranges: setting.ranges, quantized: setting.quantized, winograd: false)
    var compiler = try PlanCompiler(
      once, for: value, store: WeightStore(), batch: batch.count, height: height, width: width, threads: 1)
    let (plan, tasks) = try compiler.compileWithoutWeights()
    return try finished(try PlanContext.streaming(plan, tasks, batch.values), count: batch.count, output)
  }

  /// Appends the constant feature, where there is one. Throws where a number is not finite: it ranks nothing.
  private func finished(_ values: [Float], count: Int, _ output: Output) throws(ResectError) -> Rows {
    let width = values.count / count
    guard values.largestMagnitude.isFinite else {
      let row = (values.firstIndex { !$0.isFinite } ?? 0) / width
      throw ResectError(
        .badValue, "the network's \(output.plural) are not finite, those of input \(row) first",
        advice: "the numbers grow beyond what \(precision.rawValue) holds: look at the weights")
    }
    guard output == .features, graph.appendsConstantFeature, !graph.takesFeatures else {
      return Rows(width: width, values: values)
    }
    var longer: [Float] = []
    longer.reserveCapacity(values.count + count)
    for row in 0..<count { longer += values[row * width..<(row + 1) * width] + [1] }
    return Rows(width: width + 1, values: longer)
  }

  private func check(_ batch: Batch) throws(ResectError) {
    guard batch.values.largestMagnitude.isFinite else {
      let index = batch.values.firstIndex { !$0.isFinite } ?? 0
      throw ResectError(
        .badValue,
        "number \(index % batch.shape.count) of input \(index / batch.shape.count) is \(batch.values[index])",
        advice: "a network takes finite numbers")
    }
    let channels = graph.input.channels
    switch (batch.shape, graph.takesFeatures) {
    case (.image(let given, _, _), false):
      guard given != channels else { return }
      throw ResectError(.badArgument, "the network takes images of \(channels) channels, these have \(given)")
    case (.vector(let count), true):
      guard count != channels else { return }
      throw ResectError(.badArgument, "the embedding takes \(channels) features, there are \(count)")
    case (.image, true): throw ResectError(.badArgument, "an embedding of classes takes features, no images")
    case (.vector(let count), false): throw takesImages(not: count)
    }
  }

  private func takesImages(not features: Int) -> ResectError {
    ResectError(
      .badArgument,
      "the network takes images, number × \(graph.input.channels) × height × width, not \(features) features")
  }

  /// The plan for `count` images of `batch`.
  private func plan(
    for batch: Batch, count: Int, _ value: Graph.ValueID, threads: Int
  ) throws(ResectError) -> Ready {
    let (height, width) = batch.extent
    return try plan(count: count, height, width, value, threads: threads)
  }

  /// The plan for `count` images of `height` × `width`.
  private func plan(
    count: Int, _ height: Int, _ width: Int, _ value: Graph.ValueID, threads: Int
  ) throws(ResectError) -> Ready {
    let size = Size(count: count, height: height, width: width, threads: threads, value: value)
    if let known = plans.withLock({ $0[size] }) { return known }
    // Whoever comes first compiles; others wait, and then share.
    return try compiling.withLock { _ throws(ResectError) in
      if let known = plans.withLock({ $0[size] }) { return known }
      var compiler = try PlanCompiler(
        setting, for: value, store: store, batch: count, height: height, width: width, threads: threads)
      let made = Ready(try compiler.compile())
      // As many passes may be under way as there are threads for them, each with memory of its own.
      let cost = made.plan.arenaSize * max(1, self.threads / threads)
      plans.withLock { $0.insert(made, for: size, cost: cost) }
      return made
    }
  }

  /// Runs a batch and shows every value of the program's graph that lies in memory, as floats in whatever order; several images at once.
  func observe(
    _ batch: Batch, _ observe: @Sendable (Graph.ValueID, Span<Float>) -> Void
  ) throws(ResectError) {
    try check(batch)
    let ready = try plan(for: batch, count: 1, value(of: .logits), threads: 1)
    try parallelForEach(count: batch.count, threads: threads) { index throws(ResectError) in
      try ready.withContext { context throws(ResectError) in
        _ = try context.run(batch[index..<index + 1], observing: observe)
      }
    }
  }
}

extension Session {
  /// The logits that an embedding of classes gives features.
  ///
  /// Throws `ResectError.Code.badArgument` where the features do not fit, or where the constant one is not 1.
  public func logits(ofFeatures features: Rows) throws(ResectError) -> Rows {
    guard graph.takesFeatures else { throw takesImages(not: features.width) }
    var values = features.values
    var width = features.width
    if graph.appendsConstantFeature {
      width -= 1
      guard width >= 0, (0..<features.count).allSatisfy({ features[$0].last == 1 }) else {
        throw ResectError(
          .badArgument, "the embedding's last column belongs to a constant feature, which these features lack",
          advice: "use features of the backbone that it was split from")
      }
      values = (0..<features.count).flatMap { features[$0].dropLast() }
    }
    return try run(Batch(count: features.count, shape: .vector(width), values: values))
  }
}
