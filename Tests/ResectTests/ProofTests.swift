import Resect
import ResectTestSupport
import Testing

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
}
