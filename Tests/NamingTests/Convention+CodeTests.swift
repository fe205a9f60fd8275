import ResectGraphs
import ResectNaming
import ResectResNets
import ResectTestSupport
import Testing

/// What a framework's code builds and computes otherwise than a network under its names.
@Suite struct ConventionCodeTests {
  typealias Subject = Convention.CodeDifference.Subject

  private func subjects(_ convention: Convention, _ change: (inout Architecture) -> Void = { _ in }) -> [Subject] {
    var architecture = Architecture.small(
      .bottleneck, widths: [16, 32, 64, 128], depths: [1, 1, 1, 1], stemWidth: 16, stem: .sevenWithMaxPool)
    architecture.epsilon = .init(1e-5, from: .option)
    change(&architecture)
    return convention.differences(of: architecture).map(\.subject)
  }

  @Test func `what the code builds itself differs in nothing`() {
    for convention in [Convention.torchvision, .timm, .huggingFace, .mmpretrain, .detectron2] {
      #expect(subjects(convention) == [], "\(convention.name)")
    }
  }

  @Test func `each thing that the code has otherwise is said`() {
    let torchvision = Convention.torchvision
    #expect(subjects(torchvision) { $0.stridePlacement.value = .v1 } == [.strides])
    #expect(subjects(torchvision) { $0.stridedBlocks = .last } == [.stridedBlocks])
    #expect(subjects(torchvision) { $0.epsilon.value = 1.001e-5 } == [.epsilon])
    #expect(subjects(torchvision) { $0.epsilonExceptions = [.stemNorm: 1e-3] } == [.epsilon])
    #expect(subjects(torchvision) { $0.hasConvolutionBias = true } == [.biases])
    #expect(subjects(torchvision) { $0.biasExceptions = [.stemConvolution] } == [.biases])
    #expect(subjects(torchvision) { $0.padding = .same } == [.padding])
    #expect(subjects(torchvision) { $0.paddingExceptions = [.stemConvolution] } == [.padding])
    #expect(subjects(torchvision) { $0.stemPooling = .unpadded } == [.pooling])
    #expect(subjects(torchvision) { $0.absentNorms = [.stemNorm] } == [.norms])
    #expect(subjects(torchvision) { $0.hasHeadBias = false } == [.head])
    #expect(subjects(torchvision) { $0.head = .layers([0, 2]) } == [.head])
    #expect(subjects(torchvision) { $0.appendsConstantFeature = true } == [.features])
    #expect(subjects(torchvision) { $0.inputNormalization = InputNormalization(.torchvision) } == [.input])
    #expect(subjects(torchvision) { $0.stem = .three } == [.family])
  }

  @Test func `a folded network is told how to get batch-norms again`() throws {
    var architecture = Architecture.small(normalization: .none, bias: true)
    let differences = Convention.chenyaofo.differences(of: architecture)
    #expect(differences.map(\.subject) == [.norms])
    #expect(try #require(differences.first?.remedy).contains("--unfold"))
    architecture.normalization = .scaleAndShift
    #expect(Convention.chenyaofo.differences(of: architecture).map(\.subject) == [.norms])
  }

  @Test func `what is unknown is no difference, and neither is what a person configures`() {
    #expect(subjects(.torchvision) { $0.stridePlacement.value = .unknown } == [])
    #expect(subjects(.torchvision) { $0.epsilon.value = nil } == [])
    #expect(subjects(.detectron2) { $0.stridePlacement.value = .v1 } == [])
    #expect(subjects(.detectron2) { $0.normalization = .scaleAndShift } == [])
    // Behind a ReLU, zeros beyond the border win against nothing.
    #expect(subjects(.torchvision) { $0.stemPooling = .symmetricZeros } == [])
  }

  @Test func `a backbone, and any number of classes, is what code builds when it is told so`() {
    #expect(subjects(.torchvision) { ($0.head, $0.headWidths, $0.hasHeadBias) = (.none, [], false) } == [])
    #expect(subjects(.torchvision) { $0.headWidths = [7] } == [])
  }

  @Test(arguments: [Convention.keras, .kerasV2, .kerasLegacy, .caffe2, .tree])
  func `names under which no code loads a state dict promise nothing`(convention: Convention) {
    #expect(subjects(convention) { $0.hasConvolutionBias = true } == [])
  }
}
