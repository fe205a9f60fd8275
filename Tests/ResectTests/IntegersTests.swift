import Resect
import ResectTestSupport
import Testing

/// Models that are stored as what the 8-bit engine computes with.
@Suite struct IntegersTests {
  private let folder: TemporaryFolder
  private let digits = Fixtures.sample("digits/digits-resnet20.pth")

  init() throws { folder = try TemporaryFolder() }

  /// The sample, folded and stored, read again.
  private func stored(
    _ calibration: Calibration = .automatic, as name: String = "digits.resect"
  ) throws -> (model: Model, report: WriteReport) {
    let model = try Model(contentsOf: digits).foldingBatchNorm().storingIntegers(calibration)
    let report = try model.write(to: folder.file(name), options: WriteOptions(overwrites: true))
    return (try Model(contentsOf: folder.file(name)), report)
  }

  private func session(_ model: Model, _ change: (inout SessionOptions) -> Void = { _ in }) throws -> Session {
    var options = SessionOptions()
    change(&options)
    return try Session(model, options: options)
  }

  @Test func `the file computes what the network computed in 8-bit integers`() throws {
    let (model, _) = try stored()
    #expect(model.calibration?.source == .batchNorms)
    let batch = try Probes.batch(for: model.network.graph())
    let read = try session(model)
    // The weights of the classifier are bfloat16 in the file, as which they are computed with.
    let computed = try session(Model(contentsOf: digits)) { $0.precision = .int8 }
    #expect(read.precision == computed.precision)
    guard read.precision == .int8 else { return }
    #expect(try read.run(batch) == computed.run(batch))
    let floats = try session(model) { $0.precision = .float32 }
    #expect(floats.precision == .float32)
    let agreement = Agreement(try floats.run(batch), try read.run(batch))
    #expect(agreement.largest > 0 && agreement.largest < 0.25 * agreement.magnitude)
    #expect(try session(model) { $0.isExact = true }.precision == .float32)
  }

  @Test func `convolutions are integers, the classifier bfloat16, vectors float32`() throws {
    _ = try stored()
    let file = try NativeFile(InputFile(path: folder.file("digits.resect")))
    for ((name, tensor), payload) in zip(file.tensors, file.payloads) {
      let isConvolution = tensor.shape.rank == 4
      #expect((payload.encoding.name == "int8") == isConvolution, "\(name)")
      #expect(tensor.dtype == (name == "classifier.weight" ? .bfloat16 : .float32), "\(name)")
    }
    #expect(file.header.calibration?.names.count == 22)
  }

  @Test(arguments: [Calibration.probes, .batchNorms])
  func `a file that is stored again has the same weights and ranges`(_ calibration: Calibration) throws {
    let (model, _) = try stored(calibration)
    let again = folder.file("again.resect")
    try model.storingIntegers().write(to: again)
    let (first, second) = (
      try NativeFile(InputFile(path: folder.file("digits.resect"))), try NativeFile(InputFile(path: again))
    )
    #expect(first.header.calibration == second.header.calibration)
    for (one, other) in zip(first.tensors, second.tensors) {
      #expect(try one.tensor.bytes() == other.tensor.bytes(), "\(one.name)")
    }
    #expect(first.payloads.map(\.byteCount) == second.payloads.map(\.byteCount))
  }

  @Test func `the same model gives the same bytes`() throws {
    _ = try stored(as: "one.resect")
    _ = try stored(as: "two.resect")
    #expect(try contents(of: folder.file("one.resect")) == contents(of: folder.file("two.resect")))
  }

  @Test func `the proof runs integers, and the file keeps what they cost`() throws {
    let (model, report) = try stored()
    let proof = try #require(report.proof)
    #expect(proof.tolerance == Proof.integerTolerance * proof.agreement.magnitude)
    let error = try #require(proof.error)
    #expect(error.relative > 1e-4 && error.relative < 0.1)
    let record = try #require(model.pastProvenance.surgeries.last)
    #expect(record["surgery"]?.string == "int8")
    #expect(record["parameters"]?["calibration"]?.string == "batch-norms")
    #expect(record["proof"]?["error"]?["relativeError"]?.number == error.relative)
    let strict = WriteOptions(overwrites: true, verification: .prove(relativeTolerance: 1e-9))
    let refused = #expect(throws: ResectError.self) {
      try Model(contentsOf: digits).foldingBatchNorm().storingIntegers().write(
        to: folder.file("digits.resect"), options: strict)
    }
    #expect(refused?.code == .notProved)
  }

  @Test func `batch-norms have to be folded`() throws {
    let error = #expect(throws: ResectError.self) { try Model(contentsOf: digits).storingIntegers() }
    #expect(error?.code == .notApplicable)
    #expect(error?.advice?.code.rawValue == "foldBatchNorm")
  }

  @Test func `a surgery takes the weights as they read, and the ranges are void`() throws {
    let (model, _) = try stored()
    let dropped = try model.droppingClassifierBias()
    #expect(dropped.calibration == nil)
    let path = folder.file("dropped.resect")
    let report = try dropped.write(to: path)
    #expect(try #require(report.proof).agreement.largest < 1e-3)
    #expect(
      report.warnings == ["the 8-bit integers of the file that was read are written as the floats that they stand for"])
    let before = try model.network.parameters
    let after = try Model(contentsOf: path).network.parameters
    for (one, other) in zip(before, after) where one.path == other.path {
      #expect(try one.tensor.bytes() == other.tensor.bytes(), "\(one.path)")
    }
    #expect(try Model(contentsOf: path).calibration == nil)
    let again = #expect(throws: ResectError.self) {
      try Model(contentsOf: digits).foldingBatchNorm().storingIntegers().droppingClassifierBias()
    }
    #expect(again?.code == .notApplicable)
  }

  @Test func `integers are for files of Resect, in no other dtype`() throws {
    let model = try Model(contentsOf: digits).foldingBatchNorm().storingIntegers()
    for (name, options) in [
      ("a.safetensors", WriteOptions()), ("a.resect", WriteOptions(dtype: .float16)),
      ("a.resect", WriteOptions(encoding: .quantized(steps: ["stem.conv.weight": 0.1]))),
    ] {
      let error = #expect(throws: ResectError.self) { try model.write(to: folder.file(name), options: options) }
      #expect(error?.code == .badArgument)
    }
  }

  /// The sample's file with another calibration in its header.
  private func rewritten(_ change: (inout ActivationRanges?) -> Void) throws -> String {
    _ = try stored()
    let native = try NativeFile(InputFile(path: folder.file("digits.resect")))
    let isInteger = Dictionary(
      uniqueKeysWithValues: zip(native.tensors, native.payloads).map { ($0.name, $1.encoding.name == "int8") })
    var header = native.header
    change(&header.calibration)
    let changed = header
    let file = try OutputFile(path: folder.file("changed.resect"), overwrite: true)
    try writeNative(
      native.tensors.map { OutputTensor(name: $0.name, tensor: $0.tensor, dtype: $0.tensor.dtype) }, to: file,
      encoding: { isInteger[$0.name] == true ? .int8 : .store }, header: { () throws(ResectError) in changed })
    _ = try file.committed()
    return folder.file("changed.resect")
  }

  @Test func `a calibration has the range of each value and of no other`() throws {
    #expect(try Model(contentsOf: rewritten { _ in }).calibration?.names.count == 22)
    let changes: [(String, (inout ActivationRanges?) -> Void)] = [
      ("input has no range", { $0?["input"] = nil }),
      ("stage2.1.conv2 has no range", { $0?["stage2.1.conv2"] = nil }),
      ("the network computes no stage9.1.conv2", { $0?["stage9.1.conv2"] = .init(low: 0, high: 1) }),
      ("there are 8-bit weights and no ranges", { $0 = nil }),
    ]
    for (message, change) in changes {
      let path = try rewritten(change)
      let error = #expect(throws: ResectError.self) { try Model(contentsOf: path) }
      #expect(error?.code == .malformed)
      #expect(error?.message == "the calibration is damaged: \(message)")
    }
  }

  // MARK: Steps that the caller gives

  @Test func `given steps are proved as far as somebody says, and recorded`() throws {
    let model = try Model(contentsOf: digits).foldingBatchNorm()
    let steps = WeightEncoding.quantized(steps: ["stage1.0.conv1.weight": 0.05, "classifier.weight": 0.02])
    let report = try model.write(to: folder.file("steps.resect"), options: WriteOptions(encoding: steps))
    let proof = try #require(report.proof)
    #expect(proof.tolerance == nil)
    let error = try #require(proof.error)
    #expect(error.relative > 1e-4, "the proof ran the weights that are stored")
    let read = try Model(contentsOf: folder.file("steps.resect"))
    #expect(read.pastProvenance.surgeries.map { $0["surgery"]?.string } == ["fold-bn", "quantize"])
    let record = try #require(read.pastProvenance.surgeries.last)
    #expect(record["proof"]?["error"]?["relativeError"]?.number == error.relative)
    #expect(record["report"]?["tensors"]?.integer == 2)
    let strict = WriteOptions(encoding: steps, verification: .prove(relativeTolerance: 1e-6))
    let refused = #expect(throws: ResectError.self) { try model.write(to: folder.file("no.resect"), options: strict) }
    #expect(refused?.code == .notProved)
    #expect(try !filesInFolder(folder.path).contains("no.resect"))
  }
}
