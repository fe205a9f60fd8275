import ResectBytes
import ResectResNets
import ResectSurgery
import ResectTensors
import ResectTestSupport
import Testing

@Suite struct SurgeryEffectTests {
  /// Two rows of three logits.
  private let logits: [Float] = [1, 2, 3, 10, 20, 30]

  @Test func `logits are what the surgery says`() throws {
    let bias = try LazyTensor(stored: [0.5, -1, 0], [3])
    let dropped = try SurgeryEffect.dropsBias(bias).expected(of: logits, width: 3)
    #expect(dropped.logits == [0.5, 3, 3, 9.5, 21, 30] && dropped.width == 3)
    let kept = try SurgeryEffect.keepsClasses([2, 0]).expected(of: logits, width: 3)
    #expect(kept.logits == [3, 1, 30, 10] && kept.width == 2)
    for effect in [SurgeryEffect.keepsOutputs, .keepsFeatures, .changesOutputs] {
      let same = try effect.expected(of: logits, width: 3)
      #expect(same.logits == logits && same.width == 3)
    }
    let narrow = try LazyTensor(stored: [1, 2], [2])
    #expect(throws: ResectError.self) { try SurgeryEffect.dropsBias(narrow).expected(of: logits, width: 3) }
  }

  @Test func `labels go with their classes, and a fresh head has none`() {
    let labels = ["a", "b", "c"]
    #expect(SurgeryEffect.keepsClasses([2, 0]).labels(from: labels) == ["c", "a"])
    #expect(SurgeryEffect.keepsFeatures.labels(from: labels) == nil)
    #expect(SurgeryEffect.keepsOutputs.labels(from: labels) == labels)
    #expect(SurgeryEffect.changesOutputs.labels(from: nil) == nil)
  }

  @Test func `only what outputs can be told from is a promise`() throws {
    let preprocessing = try Preprocessing(scale: 0.5, channelOrder: .grey, mean: [1], std: [2])
    #expect(SurgeryEffect.normalizesInput(preprocessing, folds: false).isPromise)
    #expect(!SurgeryEffect.normalizesInput(preprocessing, folds: true).isPromise)
    #expect(!SurgeryEffect.changesOutputs.isPromise)
    #expect(SurgeryEffect.keepsFeatures.isPromise && !SurgeryEffect.keepsFeatures.relatesLogits)
  }
}
