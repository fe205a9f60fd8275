@testable internal import Resect
internal import ResectTestSupport
import Testing

/// Quantised weights keep what was promised of them.
@Suite struct QualityTests {
  private let folder: TemporaryFolder
  private let folded: Model

  init() throws {
    folder = try TemporaryFolder()
    folded = try Model(contentsOf: Fixtures.sample("digits/digits-resnet20.pth")).foldingBatchNorm()
  }

  /// The logits of the probes, by the network in the file or in memory.
  private func logits(_ model: Model) throws -> Rows {
    let session = try Session(model.network)
    return try session.run(Probes.batch(for: session.graph))
  }

  @Test(arguments: [0.002, 0.05])
  func `the logits of the file are off by no more than was promised`(_ limit: Double) throws {
    let path = folder.file("a.resect")
    let report = try folded.quantizing(to: .error(limit)).write(to: path)
    let error = try LogitError(logits(folded), logits(Model(contentsOf: path)))
    #expect(error.relative <= limit)
    #expect(error.relative > limit / 2)
    #expect(report.proof?.promise == .error(limit))
    #expect(report.proof?.holds == true)
  }

  @Test func `the largest difference is no larger than was promised`() throws {
    let path = folder.file("a.resect")
    try folded.quantizing(to: .largestDifference(0.05)).write(to: path)
    let error = try LogitError(logits(folded), logits(Model(contentsOf: path)))
    #expect(error.largest <= 0.05)
    #expect(error.largest > 0.025)
  }

  @Test(arguments: [120_000, 300_000] as [UInt64])
  func `the file has the size that was asked for, or a little less`(_ size: UInt64) throws {
    let report = try folded.quantizing(to: .size(size)).write(to: folder.file("a.resect"))
    #expect(report.bytes <= size)
    #expect(Double(report.bytes) >= 0.9 * Double(size))
  }

  @Test func `a size that is too small is refused with one that is not`() throws {
    let error = #expect(throws: ResectError.self) { try folded.quantizing(to: .size(10_000)) }
    #expect(error?.code == .notApplicable)
    let words = (error?.advice?.text ?? "").split(separator: " ")
    let smallest = try #require(words.lazy.compactMap { UInt64($0) }.first)
    #expect(throws: Never.self) { try folded.quantizing(to: .size(smallest + smallest / 20)) }
  }

  @Test func `nothing is lost where the file is small enough without`() throws {
    let model = try folded.quantizing(to: .size(2_000_000))
    #expect(model.quantization == nil)
    #expect(model.loading.warnings.contains { $0.contains("without any loss") })
  }

  @Test(arguments: [true, false])
  func `without measuring each layer, the promise is kept in little more room`(_ isFolded: Bool) throws {
    let model = isFolded ? folded : try Model(contentsOf: Fixtures.sample("digits/digits-resnet20.pth"))
    let (measured, estimated) = (folder.file("measured.resect"), folder.file("estimated.resect"))
    let size = try model.quantizing(to: .error(0.01)).write(to: measured).bytes
    let report = try model.quantized(to: .error(0.01), measures: false).write(to: estimated)
    #expect(report.proof?.holds == true)
    #expect(try LogitError(logits(model), logits(Model(contentsOf: estimated))).relative <= 0.0101)
    #expect(try contents(of: measured) != contents(of: estimated))
    #expect(Double(report.bytes) < 1.2 * Double(size))
  }

  @Test func `less error takes more room`() throws {
    let sizes = try [0.1, 0.01, 0.001].map { limit in
      try folded.quantizing(to: .error(limit)).write(to: folder.file("\(limit).resect")).bytes
    }
    #expect(sizes == sizes.sorted())
    #expect(Set(sizes).count == 3)
  }

  @Test func `the same model and goal give the same bytes`() throws {
    let files = try (0..<2).map { round -> [UInt8] in
      let path = folder.file("\(round).resect")
      try folded.quantizing(to: .error(0.02)).write(to: path)
      return try contents(of: path)
    }
    #expect(files[0] == files[1])
  }

  @Test func `a network with batch-norms is quantised, and its norms keep their place`() throws {
    let model = try Model(contentsOf: Fixtures.sample("digits/digits-resnet20.pth"))
    let path = folder.file("a.resect")
    try model.quantizing(to: .error(0.01)).write(to: path)
    let copy = try Model(contentsOf: path)
    #expect(copy.architecture == model.architecture)
    #expect(try LogitError(logits(model), logits(copy)).relative <= 0.0101)
  }

  @Test func `vectors keep every bit but for what corrects the means`() throws {
    let model = try Model(contentsOf: Fixtures.sample("digits/digits-resnet20.pth"))
    let quantized = try model.quantizing(to: .error(0.01)).network
    for (old, new) in zip(try model.network.parameters, quantized.parameters) where old.tensor.shape.rank == 1 {
      guard old.path.kind != .runningMean, old.path.kind != .bias else { continue }
      #expect(try old.tensor.bytes() == new.tensor.bytes(), "\(old.path)")
    }
  }

  @Test func `the file says what was promised and measured`() throws {
    let path = folder.file("a.resect")
    let quantized = try folded.quantizing(to: .error(0.01))
    try quantized.write(to: path)
    let record = try #require(Model(contentsOf: path).pastProvenance.surgeries.last)
    #expect(record["surgery"]?.string == "quantize")
    #expect(record["parameters"].flatMap(QualityGoal.init(json:)) == .error(0.01))
    #expect(record["report"]?["measured"]?["relativeError"]?.number == quantized.quantization?.measured.relative)
    #expect(record["proof"]?["error"]?["relativeError"]?.number.map { $0 <= 0.01 } == true)
  }

  @Test func `quantised weights go into no other format and no other dtype`() throws {
    let quantized = try folded.quantizing(to: .error(0.1))
    #expect(throws: ResectError.self) { try quantized.write(to: folder.file("a.safetensors")) }
    #expect(throws: ResectError.self) {
      try quantized.write(to: folder.file("a.resect"), options: .init(dtype: .float16))
    }
    #expect(try filesInFolder(folder.path).isEmpty)
  }

  @Test func `no surgery follows, and nothing is quantised twice`() throws {
    let quantized = try folded.quantizing(to: .error(0.1))
    #expect(throws: ResectError.self) { try quantized.droppingClassifierBias() }
    #expect(throws: ResectError.self) { try quantized.quantizing(to: .error(0.1)) }
  }

  @Test(arguments: [.error(0), .error(0.9), .error(.nan), .largestDifference(-1), .size(0)] as [QualityGoal])
  func `a goal without sense is refused`(_ goal: QualityGoal) throws {
    let error = #expect(throws: ResectError.self) { try folded.quantizing(to: goal) }
    #expect(error?.code == .badArgument)
  }

  @Test func `an embedding of classes is not quantised`() throws {
    let classes = try folded.split().classes
    #expect(throws: ResectError.self) { try classes.quantizing(to: .error(0.1)) }
  }

  @Test func `a surgery before is part of the proof`() throws {
    let report = try folded.droppingClassifierBias().quantizing(to: .error(0.02)).write(to: folder.file("a.resect"))
    #expect(report.proof?.error.map { $0.relative <= 0.02 } == true)
  }

  @Test(
    arguments: [
      ("10MB", 10_000_000), ("1.5MB", 1_500_000), ("800kB", 800_000), ("12345", 12345), ("7B", 7),
      ("1GB", 1_000_000_000),
    ] as [(String, UInt64)])
  func `sizes have decimal units`(_ text: String, _ bytes: UInt64) {
    #expect(QualityGoal(size: text) == .size(bytes))
  }

  @Test(arguments: ["", "MB", "-1MB", "1MiB", "ten", "nan", "1e30GB"])
  func `what is no size is none`(_ text: String) { #expect(QualityGoal(size: text) == nil) }

  @Test func `levels have names`() {
    #expect(QualityGoal(quality: "high") == .error(0.001))
    #expect(QualityGoal(quality: "good") == .error(0.01))
    #expect(QualityGoal(quality: "small") == .error(0.05))
    #expect(QualityGoal(quality: "0.02") == .error(0.02))
    #expect(QualityGoal(quality: "best") == nil)
  }

  @Test func `a number that all logits of an image share is no error, but a difference`() {
    let error = LogitError(Rows(width: 2, values: [1, -1, 3, 1]), Rows(width: 2, values: [3, 1, 3, 1]))
    #expect(error.relative == 0)
    #expect(error.largest == 2)
  }
}
