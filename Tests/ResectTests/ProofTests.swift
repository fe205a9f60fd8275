import ResectTestSupport
import Testing

@testable import Resect

/// What a proof is made against when a model went through more than one surgery.
@Suite struct ProofTests {
  private let folder: TemporaryFolder
  private let digits = Fixtures.sample("digits/digits-resnet20.pth")

  init() throws { folder = try TemporaryFolder() }

  @Test(arguments: BiasTreatment.allCases)
  func `halves that were split and joined in one go are proved as halves`(_ bias: BiasTreatment) throws {
    let (backbone, classes) = try Model(contentsOf: digits).split(bias: bias)
    let report = try backbone.joined(with: classes).write(to: folder.file("joined.resect"))
    #expect(try #require(report.proof).agreement.largest == 0)
  }

  @Test func `what was done to a half before joining is part of the proof`() throws {
    let (backbone, classes) = try Model(contentsOf: digits).split()
    let joined = try backbone.foldingBatchNorm().joined(with: classes.keepingClasses([7, 2, 4]))
    let proof = try #require(joined.write(to: folder.file("joined.resect")).proof)
    #expect(
      proof.agreement.largest > 0,
      "folding rounds: equal logits would mean that the folded network was compared with itself")
    #expect(proof.agreement.largest < 1e-3)
  }

  // MARK: What a person reads

  @Test func `the line says how far logits moved, how far they may, and what stays on top`() throws {
    let report = try Model(contentsOf: digits).write(to: folder.file("a.resect"), options: .init(dtype: .float16))
    let summary = try #require(report.proof).summary
    #expect(
      summary.contains(
        /^proved: 0\.\d+ % of the largest logit \(allowed 1 %\), top-1 the same on 4 of 4 probes$/), "\(summary)")
  }

  @Test(arguments: [
    (0, "0 %"), (0.0004, "0.04 %"), (0.01, "1 %"), (0.000_1, "0.01 %"), (0.25, "25 %"), (0.0123, "1.2 %"),
    (0.0996, "10 %"), (0.995, "100 %"), (0.000_099_6, "0.01 %"), (1.2345e-7, "1.2e-05 %"), (-0.5, "-50 %"),
    (0.001, "0.1 %"), (0.010_4, "1 %"), (0.09, "9 %"), (12, "1200 %"), (.infinity, "inf %"),
  ])
  func `a share is a percentage of two digits`(_ share: Double, _ text: String) {
    #expect(share.asPercentage == text)
  }

  // MARK: What proves nothing

  private func model(_ change: (inout ResNet) throws -> Void) throws -> Model {
    var network = try ResNet.random(.small())
    try change(&network)
    return try Model(network)
  }

  private func zeros(_ tensor: LazyTensor) throws -> LazyTensor {
    try LazyTensor(
      values: [Double](repeating: 0, count: tensor.shape.elementCount), shape: tensor.shape, dtype: tensor.dtype)
  }

  @Test func `logits that are zero, or do not depend on the input, prove nothing, and the line says so`() throws {
    let constant = try model { $0.head[0].weight = try zeros($0.head[0].weight) }
    let proof = try #require(constant.foldingBatchNorm().write(to: folder.file("a.resect")).proof)
    #expect(proof.doubt == .constant)
    #expect(proof.summary.hasPrefix("not proved: the logits do not vary with the input"))
    #expect(proof.json["doubt"]?.string == "constant")
    let zero = try model {
      $0.head[0].weight = try zeros($0.head[0].weight)
      $0.head[0].bias = try zeros(#require($0.head[0].bias))
    }
    let other = try #require(zero.foldingBatchNorm().write(to: folder.file("b.resect")).proof)
    #expect(other.doubt == .zeros)
    #expect(other.summary.hasPrefix("not proved: every one of the logits is 0"))
    let sound = try #require(model { _ in }.foldingBatchNorm().write(to: folder.file("c.resect")).proof)
    #expect(sound.doubt == nil)
  }

  @Test func `weights of zeros prove nothing`() throws {
    let model = try model { network in
      try network.updateUnits { _, unit in unit.convolution.weight = try zeros(unit.convolution.weight) }
    }
    #expect(try #require(model.foldingBatchNorm().write(to: folder.file("a.resect")).proof).doubt == .constant)
  }

  @Test(arguments: [Double.nan, .infinity])
  func `a logit that is not finite is an error, and there is no file`(_ number: Double) throws {
    let model = try model { network in
      let bias = try #require(network.head[0].bias)
      var values = try bias.doubles()
      values[2] = number
      network.head[0].bias = LazyTensor(values: values, dtype: .float32)
    }
    #expect(throws: ResectError.self) { try model.foldingBatchNorm().write(to: folder.file("a.resect")) }
    #expect(try folder.names == [])
  }
}
