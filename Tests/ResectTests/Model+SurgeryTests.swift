internal import Resect
internal import ResectTestSupport
import Testing

/// What a program does with surgeries of its own, and with models that it made itself.
@Suite struct ModelSurgeryTests {
  private let folder: TemporaryFolder
  private let digits = Fixtures.sample("digits/digits-resnet20.pth")

  init() throws { folder = try TemporaryFolder() }

  /// Turns the sign of the classifier around, and says that of the outputs which a test wants said.
  private struct TurnAround: Surgery {
    var effect = SurgeryEffect.changesOutputs

    func operate(
      on network: Network, knowing facts: SurgeryFacts
    ) throws(ResectError) -> SurgeryOutcome<Network> {
      guard case .resNet(var network) = network else { throw ResectError(.notApplicable, "no ResNet") }
      let weight = network.head[0].weight
      network.head[0].weight = try weight.scalingFirstAxis(
        by: [Double](repeating: -1, count: weight.shape.axes[0]))
      let record = SurgeryRecord(
        name: "turn-around", parameters: .object(["labels": .integer(facts.labels?.count ?? 0)]), report: .null,
        warnings: ["everything is the other way round"], summary: "turned the classifier around")
      return SurgeryOutcome(.resNet(network), record, effect: effect)
    }
  }

  private func error(_ body: () throws -> Void) -> ResectError? {
    do { try body() } catch { return error as? ResectError }
    return nil
  }

  @Test func `a program's own surgery is recorded, measured, written and read back`() throws {
    let labels = try Labels(contentsOf: Fixtures.sample("digits/labels.txt")).names
    let turned = try Model(contentsOf: digits).labelled(labels).applying(TurnAround())
    #expect(turned.surgeries.map(\.name) == ["turn-around"])
    #expect(turned.loading.warnings.last == "everything is the other way round")
    #expect(turned.labels == labels)
    let report = try turned.write(to: folder.file("turned.resect"))
    let proof = try #require(report.proof)
    #expect(proof.tolerance == nil && proof.agreement.largest > 1)
    let read = try Model(contentsOf: folder.file("turned.resect"))
    let record = try #require(read.pastProvenance.surgeries.first)
    #expect(record["surgery"]?.string == "turn-around")
    #expect(record["parameters"] == .object(["labels": .integer(10)]))
    #expect(record["proof"]?["largestDifference"]?.number == proof.agreement.largest)
  }

  @Test func `one that does not keep what it promises is not written`() throws {
    let turned = try Model(contentsOf: digits).applying(TurnAround(effect: .keepsOutputs))
    let error = error { _ = try turned.write(to: folder.file("turned.resect")) }
    #expect(error?.code == .notProved)
    #expect(self.error { _ = try Model(contentsOf: folder.file("turned.resect")) }?.code == .system)
    // The features do stay.
    let kept = try Model(contentsOf: digits).applying(TurnAround(effect: .keepsFeatures))
    let proof = try kept.write(to: folder.file("kept.resect")).proof
    #expect(proof?.subject == .features && proof?.agreement.largest == 0)
    #expect(kept.labels == nil)
  }

  @Test func `surgeries are for networks unless they say otherwise`() throws {
    let classes = try Model(contentsOf: digits).split().classes
    let error = error { _ = try classes.applying(TurnAround()) }
    #expect(error?.code == .notApplicable && error?.file == digits)
    #expect(try classes.applying(KeepClasses([3, 1])).classCount == 2)
  }

  @Test func `no surgery follows quantisation`() throws {
    let quantized = try Model(contentsOf: digits).foldingBatchNorm().quantizing(to: .error(0.1))
    #expect(error { _ = try quantized.applying(TurnAround()) }?.code == .notApplicable)
  }

  @Test func `a model of a program's own network is written and read as any other`() throws {
    let network = try ResNet.random(.small())
    let made = try Model(network, labels: ["a", "b", "c", "d", "e"], preprocessing: .torchvision)
    try made.foldingBatchNorm().write(to: folder.file("made.resect"))
    let read = try Model(contentsOf: folder.file("made.resect"))
    #expect(read.labels == made.labels && read.preprocessing.value == .torchvision)
    #expect(try read.network.architecture == network.foldingBatchNorm().network.architecture)
    #expect(error { _ = try Model(network, labels: ["a"]) }?.code == .badArgument)
    let grey = try Preprocessing(scale: 1, channelOrder: .grey, mean: [1], std: [2])
    #expect(error { _ = try Model(network, preprocessing: grey) }?.code == .badArgument)
  }

  // MARK: drop-block

  @Test(arguments: ["layer2.1", "stage2.1"])
  func `a block is named as in the file or by its place`(name: String) throws {
    let dropped = try Model(contentsOf: digits).droppingBlock(name)
    #expect(try dropped.network.stages.map(\.count) == [3, 2, 3])
    #expect(dropped.surgeries.last?.parameters["block"]?.string == "stage2.1")
  }

  @Test func `names of several blocks are ambiguous`() throws {
    let error = error { _ = try Model(contentsOf: digits).droppingBlock("layer2") }
    #expect(error?.code == .ambiguous && error?.tensor == "layer2")
  }

  @Test func `a block that adds nothing can go without a change of the logits`() throws {
    var network = try Model(contentsOf: digits).network
    for index in [0, 1] {
      let norm = try #require(network.stages[1][2].units[index].norm)
      let zeros = LazyTensor(values: [Double](repeating: 0, count: 32), dtype: .float32)
      network.stages[1][2].units[index].norm = ResNet.BatchNorm(
        weight: zeros, bias: zeros, runningMean: norm.runningMean, runningVariance: norm.runningVariance,
        batchesTracked: norm.batchesTracked, epsilon: norm.epsilon)
    }
    let dropped = try Model(network).droppingBlock("stage2.2")
    let proof = try #require(try dropped.write(to: folder.file("dropped.resect")).proof)
    #expect(proof.subject == .logits && proof.agreement.largest == 0)
  }
}
