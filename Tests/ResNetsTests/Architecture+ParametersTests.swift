import ResectResNets
import ResectTestSupport
import Testing

@Suite struct ArchitectureParametersTests {
  private static let families = ["torchvision", "cifar", "variants"]

  @Test(arguments: families)
  func `the parameters are those of torch's state dict, in its order`(family: String) throws {
    for name in try StateDict.names(of: family) {
      let state = try StateDict(family, name)
      let parameters = try Architecture(inferredFrom: state.shapes).parameters
      #expect(parameters.map(\.path) == state.entries.map(\.place), "\(name)")
      #expect(parameters.map(\.axes) == state.entries.map(\.axes), "\(name)")
    }
  }

  @Test func `only the counts of batches may be missing`() throws {
    let parameters = try Architecture(inferredFrom: StateDict("torchvision", "resnet50").shapes)
      .parameters
    #expect(parameters.count { $0.isOptional } == 53)
    #expect(parameters.allSatisfy { $0.isOptional == ($0.path.kind == .batchesTracked) })
  }

  @Test func `a head is as long as its layers, each as wide as the one before puts out`() throws {
    var architecture = try Architecture(inferredFrom: StateDict("variants", "mlp-head").shapes)
    architecture.head = .layers([1, 4, 7])
    architecture.headWidths = [20, 30, 7]
    architecture.hasHeadBias = false
    let head = architecture.parameters.suffix(3)
    #expect(head.map(\.path.description) == [1, 4, 7].map { "classifier.\($0).weight" })
    #expect(head.map(\.axes) == [[20, 32], [30, 20], [7, 30]])
  }

  @Test func `a constant feature is one more input of the classifier`() throws {
    var architecture = try Architecture(inferredFrom: StateDict("torchvision", "resnet18").shapes)
    architecture.appendsConstantFeature = true
    #expect(architecture.featureCount == 513)
    #expect(architecture.parameters.suffix(2).map(\.axes) == [[1000, 513], [1000]])
  }
}
