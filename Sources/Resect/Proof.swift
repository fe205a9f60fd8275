internal import ResectGraphs
internal import Synchronization

/// What running a network before and after its surgeries showed.
public struct Proof: Sendable, Hashable {
  /// What was compared.
  public enum Subject: String, Sendable, Hashable {
    /// A number for each class.
    case logits
    /// What the backbone computes, where the logits cannot be compared.
    case features
  }

  /// What was compared.
  public let subject: Subject
  /// The difference over all probes, against what the surgeries promise.
  public let agreement: Agreement
  /// The largest difference that is allowed; absent where the surgery is inexact by nature and the difference is only measured.
  public let tolerance: Double?
  /// The same difference relative to the spread, where weights are quantised.
  public let error: LogitError?
  /// What was promised where weights are quantised: then this decides, and there is no tolerance.
  public let promise: QualityGoal?
  /// What had to be assumed of the network to run it, before and after alike.
  public let assumptions: [String]
  /// Why equal numbers prove nothing here; absent where they do.
  public let doubt: Doubt?

  /// What makes a comparison worthless.
  public enum Doubt: String, Sendable, Hashable {
    /// Every number is zero.
    case zeros
    /// All probes give the same numbers.
    case constant

    /// The doubt about `rows`, of several inputs; absent where they tell inputs apart.
    init?(_ rows: Rows, magnitude: Double) {
      guard magnitude > 0 else {
        self = .zeros
        return
      }
      var spread = 0.0
      for column in 0..<rows.width {
        let numbers = (0..<rows.count).map { Double(rows.values[$0 * rows.width + column]) }
        spread = max(spread, (numbers.max() ?? 0) - (numbers.min() ?? 0))
      }
      // What is left of a number that does not depend on the input is the rounding of float32.
      guard rows.count > 1, spread <= 1e-6 * magnitude else { return nil }
      self = .constant
    }

    fileprivate func description(of numbers: String) -> String {
      switch self {
      case .zeros: "every one of the \(numbers) is 0"
      case .constant: "the \(numbers) do not vary with the input"
      }
    }
  }

  /// Whether the result does what was promised.
  public var holds: Bool {
    if let promise, let error, !promise.isKept(by: error) { return false }
    return tolerance.map { agreement.largest <= $0 } ?? agreement.largest.isFinite
  }

  /// Bytes of ``json`` at most, but for assumptions.
  static let largestJSON = 560

  /// In one line, for people.
  public var summary: String {
    let what = subject == .logits ? "logit" : "feature"
    if let doubt {
      return
        "not proved: \(doubt.description(of: subject.rawValue)), so that equal ones show nothing; a possible cause are weights of zeros"
    }
    let probes = "\(agreement.count) \(agreement.count == 1 ? "probe" : "probes")"
    let same = Int((agreement.topOne * Double(agreement.count)).rounded())
    let top = subject == .logits ? ", top-1 the same on \(same) of \(probes)" : ", over \(probes)"
    if let promise, let error {
      return
        "proved, as \(promise) promises: relative \(what) error \(error.relative.scientific(digits: 2)), largest \(error.largest.scientific(digits: 2)) of the spread\(top)"
    }
    let relative = error.map { ", relative error \($0.relative.scientific(digits: 2))" } ?? ""
    let allowed = tolerance.map { " (allowed \(share($0)))" } ?? ""
    return
      "\(tolerance == nil ? "measured" : "proved"): \(share(agreement.largest)) of the largest \(what)\(allowed)\(relative)\(top)"
  }

  /// `number` as a share of the largest magnitude.
  private func share(_ number: Double) -> String { (number / agreement.magnitude).asPercentage }

  /// As it stands in a file's provenance.
  public var json: JSON { json(certified: nil) }

  /// ``json`` of a file, `certified` numbers of which are what they should be.
  func json(certified: Int?) -> JSON {
    .object([
      "compared": .string(subject.rawValue), "probes": .integer(agreement.count),
      "largestDifference": .number(agreement.largest), "meanDifference": .number(agreement.mean),
      "largestMagnitude": .number(agreement.magnitude), "tolerance": tolerance.map { .number($0) },
      "sameTopOne": subject == .logits ? .number(agreement.topOne) : nil, "certified": certified.map { .integer($0) },
      "doubt": doubt.map { .string($0.rawValue) }, "error": error?.json, "promise": promise?.json,
      "assumed": assumptions.isEmpty ? nil : .array(assumptions.map { .string($0) }),
    ])
  }

  /// The difference that is allowed by default, as a share of the largest logit: what rounding weights to `dtype` and summing in
  /// another order explain, and little more.
  public static func relativeTolerance(for dtype: DType) -> Double {
    switch dtype {
    case .float16: 1e-2
    case .bfloat16: 5e-2
    default: 1e-4
    }
  }

  /// The same for 8-bit integers, whose activations are rounded, too, layer after layer.
  public static let integerTolerance = 0.25
}

/// Whether a model is proved when it is written.
public enum Verification: Sendable, Hashable {
  /// The network is run before and after; a difference larger than this share of the largest logit is an error. By default the
  /// dtype decides: see ``Proof/relativeTolerance(for:)``.
  case prove(relativeTolerance: Double? = nil)
  /// Nothing is run, and the file says so.
  case skip
}

extension Model {
  /// A model before the surgeries.
  enum Original: Sendable {
    case content(Content)
    /// A backbone and the embedding that it is joined with.
    case halves(Network, ClassEmbedding)
  }

  /// Runs the model as it was and as it will be written.
  ///
  /// `classes` is the other half where the model is the backbone of a split. Absent where nothing changes the arithmetic. Throws
  /// `ResectError.Code.notProved` where the difference is too large or not finite.
  func prove(
    with classes: Model? = nil, _ options: WriteOptions, _ storage: Storage
  ) throws(ResectError) -> Proof? {
    guard case .prove(let share) = options.verification, changesArithmetic(storage) || classes != nil else {
      return nil
    }
    var assumptions: [String] = []
    let before = try Pass(original, assuming: &assumptions)
    let after = try Pass(
      stored(storage), classes?.stored(storage), integers: integers?.ranges, assuming: &assumptions)
    let subject = subject(before, after)
    let (normalized, probes) = try probes(for: before.session)
    let passes = [(before, normalized), (after, probes)]
    let results = Results()
    try parallelForEach(count: 2) { index throws(ResectError) in
      results.set(index, try passes[index].0.run(passes[index].1, subject))
    }
    guard let expected = try results[0].map({ rows throws(ResectError) in try self.expected(rows, subject) }),
      let found = results[1], expected.width == found.width
    else {
      throw ResectError(.notProved, "the network before and the one after cannot be compared")
    }
    let agreement = Agreement(expected, found)
    let isLossy = quantization != nil || integers != nil || storage.hasGivenSteps
    let proof = Proof(
      subject: subject, agreement: agreement,
      tolerance: tolerance(share, storage).map { $0 * agreement.magnitude },
      error: isLossy ? LogitError(expected, found) : nil,
      promise: effects.allSatisfy(\.isPromise) ? quantization?.goal : nil,
      assumptions: assumptions, doubt: Proof.Doubt(expected, magnitude: agreement.magnitude))
    guard agreement.largest.isFinite, proof.holds else { throw proof.failure }
    return proof
  }

  /// What share of the largest logit the difference may be; absent where it is only measured.
  private func tolerance(_ share: Double?, _ storage: Storage) -> Double? {
    if quantization != nil || !effects.allSatisfy(\.isPromise) { return nil }
    if let share { return share }
    // Nobody knows what somebody else's steps should do.
    if storage.hasGivenSteps { return nil }
    return integers == nil ? Proof.relativeTolerance(for: storage.weights ?? .float32) : Proof.integerTolerance
  }

  private func subject(_ before: Pass, _ after: Pass) -> Proof.Subject {
    let relatesLogits = effects.allSatisfy(\.relatesLogits)
    return before.computesLogits && after.computesLogits && relatesLogits ? .logits : .features
  }

  /// What the proof of this model will compare, and the probes that it will give the network after its surgeries.
  func probesAfter() throws(ResectError) -> (Proof.Subject, Batch) {
    var assumptions: [String] = []
    let before = try Pass(original, assuming: &assumptions)
    let after = try Pass(content, nil, assuming: &assumptions)
    return (subject(before, after), try probes(for: before.session).after)
  }

  /// The probes for the network before and for the one after, which are the same unless it came to normalise its input.
  private func probes(for session: Session) throws(ResectError) -> (before: Batch, after: Batch) {
    var probes = try Probes.batch(for: session)
    guard let preprocessing = normalizedBy else {
      // 8-bit integers reach no further than images do.
      if let range = integers?.ranges[Program.inputName], session.graph.inputNormalization == nil {
        probes = try probes.clamped(to: range)
      }
      return (probes, probes)
    }
    let bare = try Preprocessing(
      name: nil, resize: .none, filter: preprocessing.filter, crop: nil, scale: preprocessing.scale,
      channelOrder: preprocessing.channelOrder, mean: preprocessing.mean, std: preprocessing.std)
    let images = try probes.asImages()
    var values: (before: [Float], after: [Float]) = ([], [])
    for image in images {
      values.before += try image.input(for: bare).values
      values.after += try image.input(for: bare.withoutNormalization).values
    }
    return (
      try Batch(count: probes.count, shape: probes.shape, values: values.before),
      try Batch(count: probes.count, shape: probes.shape, values: values.after)
    )
  }

  /// What the input was normalised by, where the network does that now.
  private var normalizedBy: Preprocessing? { effects.lazy.compactMap(\.normalizedBy).first }

  /// Whether the written model computes something else than the one that was read.
  private func changesArithmetic(_ storage: Storage) -> Bool {
    guard surgeries.isEmpty, !storage.hasGivenSteps else { return true }
    guard let dtype = storage.weights else { return false }
    return content.tensors.contains { $0.dtype != dtype && storage.dtype(of: $0) == dtype }
  }

  /// What the surgeries promise, given what the network computed before them.
  private func expected(_ rows: Rows, _ subject: Proof.Subject) throws(ResectError) -> Rows {
    guard subject == .logits else { return rows }
    var (logits, width) = (rows.values, rows.width)
    for effect in effects { (logits, width) = try effect.expected(of: logits, width: width) }
    return Rows(width: width, values: logits)
  }
}

extension Batch {
  /// The numbers, which are finite, as pixels about grey, channels interleaved.
  func asImages() throws(ResectError) -> [PixelImage] {
    guard case .image(let channels, let height, let width) = shape else { return [] }
    var images: [PixelImage] = []
    for index in 0..<count {
      let numbers = self[index]
      let pixels = (0..<height * width * channels).map { position -> UInt8 in
        let number = numbers[position % channels * height * width + position / channels]
        return UInt8(max(0, min(255, 128 + 64 * number)))
      }
      images.append(try PixelImage(width: width, height: height, channels: channels, pixels: pixels))
    }
    return images
  }
}

/// The results of two passes that run at the same time.
private final class Results: Sendable {
  private let rows = Mutex<[Int: Rows]>([:])
  func set(_ index: Int, _ value: Rows) { rows.withLock { $0[index] = value } }
  subscript(index: Int) -> Rows? { rows.withLock { $0[index] } }
}

/// A model that is run once: a network, an embedding of classes, or both halves of a classifier.
struct Pass {
  let session: Session
  let classes: Session?

  init(_ original: Model.Original, assuming assumptions: inout [String]) throws(ResectError) {
    switch original {
    case .content(let content): try self.init(content, nil, assuming: &assumptions)
    case .halves(let backbone, let classes):
      try self.init(Model.Content(backbone), .classes(classes), assuming: &assumptions)
    }
  }

  /// With `integers`, the ranges of its activations, a network runs in 8-bit integers; else every module runs as it stands.
  init(
    _ content: Model.Content, _ classes: Model.Content?, integers: ActivationRanges? = nil,
    assuming assumptions: inout [String]
  ) throws(ResectError) {
    var options = SessionOptions()
    options.isExact = integers == nil
    if let integers {
      options.precision = .int8
      options.calibration = .ranges(integers)
    }
    switch content {
    case .network(var network):
      network.assumeWhatIsUnknown(&assumptions)
      session = try Session(network, options: options)
    case .graph(let graph): session = try Session(graph: graph, options: options)
    case .classes(let embedding): session = try Session(graph: embedding.graph(), options: options)
    }
    if integers != nil, session.precision != .int8 {
      assumptions.append("activations of 8 bits are like those of float32")
    }
    guard case .classes(let embedding)? = classes else {
      self.classes = nil
      return
    }
    self.classes = try Session(graph: embedding.graph(), options: options)
  }

  var computesLogits: Bool { classes != nil || session.graph.computesLogits }

  func run(_ batch: Batch, _ subject: Proof.Subject) throws(ResectError) -> Rows {
    guard subject == .logits else { return try session.runOnce(batch, output: .features) }
    guard let classes else { return try session.runOnce(batch) }
    return try classes.logits(ofFeatures: session.runOnce(batch, output: .features))
  }
}

extension ResNet {
  /// Fills in what is unknown. Networks before and after a surgery are run by the same assumption.
  mutating func assumeWhatIsUnknown(_ assumptions: inout [String]) {
    func note(_ text: String) {
      if !assumptions.contains(text) { assumptions.append(text) }
    }
    if block == .bottleneck, stridePlacement.value == .unknown {
      placeStrides(.v15, from: stridePlacement.source)
      note("strides as in v1.5")
    }
    if normalization != .none, epsilon.value == nil {
      updateNorms { $1.epsilon = $1.epsilon ?? 1e-5 }
      note("epsilon 1e-05")
    }
    if head.count > 1 {
      head = []
      note("the head's layers are as they were")
    }
  }
}

extension Proof {
  fileprivate var failure: ResectError {
    let what = subject == .logits ? "logits" : "features"
    if let error, promise != nil {
      return ResectError(
        .notProved,
        "not proved: the \(what)' relative error is \(error.relative.scientific(digits: 2)), more than was promised",
        advice: .skipProof)
    }
    return ResectError(
      .notProved,
      agreement.largest.isFinite
        ? "not proved: the \(what) differ by \(agreement.largest.scientific(digits: 2)), allowed are \((tolerance ?? 0).scientific(digits: 2))"
        : "not proved: the \(what) are not finite",
      advice: agreement.largest.isFinite ? .storeWider : .skipProof)
  }
}

extension Double {
  /// As a percentage with two significant digits: `0.04 %`, `12 %`, `1.2e-05 %`.
  var asPercentage: String { "\((self * 100).text(digits: 2)) %" }
}
