import ResectBytes
@testable import ResectNaming
import ResectResNets
import ResectTensors
import ResectTestSupport
import Testing

@Suite struct ArchitectureFactsTests {
  // MARK: Whole modules

  /// What torchvision's own module says of its layers, derived from its documented constructor: v1.5, or v1 on request.
  private func facts(
    _ network: String, strides: Architecture.StridePlacement = .v15, epsilon: Double = 1e-5
  ) throws -> [String: LayerFacts] {
    var facts = ["maxpool": LayerFacts(className: "MaxPool2d", stride: [2], padding: [1])]
    for entry in try StateDict("torchvision", network).entries where entry.name.hasSuffix(".weight") {
      let name = String(entry.name.dropLast(".weight".count))
      let axes = entry.axes
      guard axes.count == 4 else {
        facts[name] =
          axes.count == 1
          ? LayerFacts(className: "BatchNorm2d", epsilon: epsilon) : LayerFacts(className: "Linear")
        continue
      }
      let isBottleneck = network != "resnet18" && network != "resnet34"
      let strided = isBottleneck && strides == .v15 ? "conv2" : "conv1"
      let beginsStage = name.wholeMatch(of: /layer[2-9]\.0\.(.*)/)?.output.1
      let isStrided =
        name == "conv1" || beginsStage.map { $0 == strided || $0 == "downsample.0" } ?? false
      facts[name] = LayerFacts(
        className: "Conv2d", stride: isStrided ? [2, 2] : [1, 1],
        padding: [axes[2] / 2, axes[3] / 2], paddingMode: "zeros", dilation: [1, 1])
    }
    return facts
  }

  private func tensors(_ network: String) throws -> [NamedTensor] {
    try StateDict("torchvision", network).entries.map {
      NamedTensor(name: $0.name, tensor: try UnreadableStorage.tensor($0.axes))
    }
  }

  private func architecture(
    _ network: String, _ facts: [String: LayerFacts], _ options: LoadOptions = LoadOptions()
  ) throws -> Architecture {
    try loadNetwork(tensors(network), facts: facts, options: options).network.architecture
  }

  /// The error that a module of `network` whose layer `name` is changed gives.
  private func fault(
    _ network: String, _ name: String, _ change: (inout LayerFacts) -> Void
  ) throws -> ResectError? {
    var facts = try facts(network)
    var layer = try #require(facts[name])
    change(&layer)
    facts[name] = layer
    do {
      _ = try architecture(network, facts)
      return nil
    } catch let error as ResectError {
      return error
    }
  }

  // MARK: What is taken over

  @Test(arguments: [Architecture.StridePlacement.v1, .v15])
  func `a bottleneck's strides are where the module has them`(
    placement: Architecture.StridePlacement
  ) throws {
    let found = try architecture("resnet50", facts("resnet50", strides: placement))
    #expect(found.stridePlacement == .init(placement, from: .module))
  }

  @Test func `basic blocks stride at one place only, so the convention's word stays`() throws {
    let found = try architecture("resnet18", facts("resnet18"))
    #expect(found.stridePlacement == .init(.v15, from: .convention("torchvision")))
  }

  @Test(arguments: [0, 1e-5, 1.001e-5, 1e-3])
  func `epsilon is the module's`(epsilon: Double) throws {
    let found = try architecture("resnet18", facts("resnet18", epsilon: epsilon))
    #expect(found.epsilon == .init(epsilon, from: .module))
  }

  @Test func `the caller's word stands over the module's`() throws {
    var options = LoadOptions()
    options.epsilon = 1e-3
    options.stridePlacement = .v15
    let found = try architecture("resnet50", facts("resnet50", strides: .v1), options)
    #expect(found.epsilon == .init(1e-3, from: .option))
    #expect(found.stridePlacement == .init(.v15, from: .option))
  }

  @Test func `a module that says nothing of its numbers leaves them to the convention`() throws {
    let silent = try facts("resnet50").mapValues { LayerFacts(className: $0.className) }
    let found = try architecture("resnet50", silent)
    #expect(found.epsilon == .init(1e-5, from: .convention("torchvision")))
    #expect(found.stridePlacement == .init(.v15, from: .convention("torchvision")))
  }

  @Test(arguments: ["BatchNorm2d", "SyncBatchNorm", "FrozenBatchNorm2d"])
  func `every kind of batch-norm is one`(className: String) throws {
    let error = try fault("resnet18", "bn1") { $0.className = className }
    #expect(error == nil)
  }

  // MARK: What is refused

  @Test(arguments: [
    ("conv1", [1, 1]), ("conv1", [2, 1]), ("layer1.0.conv1", [2, 2]), ("layer1.0.conv2", [2, 2]),
    ("layer2.0.conv1", [1, 1]), ("layer2.0.conv2", [2, 2]), ("layer2.1.conv1", [2, 2]),
    ("layer2.0.downsample.0", [1, 1]), ("layer4.0.conv1", [3, 3]), ("layer4.0.conv1", []),
  ])
  func `a stride elsewhere than a ResNet's is refused by name`(name: String, stride: [Int]) throws {
    let error = try fault("resnet18", name) { $0.stride = stride }
    #expect(error?.code == .unsupported)
    #expect(error?.tensor == name)
    #expect(error?.message.contains("stride") == true)
  }

  @Test func `stages that stride at different convolutions are refused`() throws {
    var facts = try facts("resnet50")
    facts["layer3.0.conv1"]?.stride = [2, 2]
    facts["layer3.0.conv2"]?.stride = [1, 1]
    let error = #expect(throws: ResectError.self) { try architecture("resnet50", facts) }
    #expect(error?.code == .unsupported)
    #expect(error?.tensor == "layer3.0.conv1")
  }

  @Test(arguments: ["conv1", "layer1.0.conv1", "layer3.1.conv2", "layer4.0.downsample.0"])
  func `a dilation, another padding and another padding mode are refused by name`(
    name: String
  ) throws {
    for change in [
      { $0.dilation = [2, 2] }, { $0.dilation = [1, 2] }, { $0.padding = [5, 5] }, { $0.padding = [] },
      { $0.paddingMode = "reflect" }, { $0.className = "DeformConv2d" },
    ] as [(inout LayerFacts) -> Void] {
      let error = try fault("resnet18", name, change)
      #expect(error?.code == .unsupported)
      #expect(error?.tensor == name)
    }
  }

  @Test(arguments: ["conv1", "layer1.0.conv1", "layer1.0.conv2", "layer2.0.downsample.0"])
  func `groups that are not the architecture's are refused by name`(name: String) throws {
    let error = try fault("resnext50_32x4d", name) { $0.groups = 2 }
    #expect(error?.code == .unsupported)
    #expect(error?.tensor == name)
    #expect(error?.message.contains("groups") == true)
  }

  @Test func `the groups of a ResNeXt's second convolutions are its own`() throws {
    var facts = try facts("resnext50_32x4d")
    for name in facts.keys where name.contains("conv") {
      facts[name]?.groups = name.hasSuffix("conv2") ? 32 : 1
    }
    #expect(try architecture("resnext50_32x4d", facts).groups == 32)
  }

  @Test(arguments: ["relu", "layer3.1.relu"])
  func `another activation than ReLU is refused by name`(name: String) throws {
    var facts = try facts("resnet18")
    facts[name] = LayerFacts(className: "SiLU")
    let error = #expect(throws: ResectError.self) { try architecture("resnet18", facts) }
    #expect(error?.code == .unsupported)
    #expect(error?.tensor == name)
    facts[name] = LayerFacts(className: "ReLU")
    #expect(throws: Never.self) { try architecture("resnet18", facts) }
  }

  @Test(arguments: ["GroupNorm", "InstanceNorm2d", "LayerNorm"])
  func `a norm that is no batch-norm is refused by name`(className: String) throws {
    let error = try fault("resnet18", "layer2.0.bn1") { $0.className = className }
    #expect(error?.code == .unsupported)
    #expect(error?.tensor == "layer2.0.bn1")
    #expect(error?.message.contains(className) == true)
  }

  @Test func `epsilons that differ are kept, each at its place`() throws {
    var facts = try facts("resnet18")
    facts["layer2.0.bn1"]?.epsilon = 1e-3
    facts["layer2.0.downsample.1"]?.epsilon = 2e-3
    let found = try architecture("resnet18", facts)
    #expect(found.epsilon == .init(1e-5, from: .module))
    #expect(
      found.epsilonExceptions == [
        .norm(stage: 2, block: 0, index: 1): 1e-3, .shortcutNorm(stage: 2, block: 0): 2e-3,
      ])
    #expect(found.epsilon(at: .norm(stage: 2, block: 0, index: 1)) == 1e-3)
    #expect(found.epsilon(at: .stemNorm) == 1e-5)
  }

  @Test(arguments: [-1e-5, .nan, .infinity] as [Double])
  func `an epsilon that cannot be is refused by name`(epsilon: Double) throws {
    let error = try fault("resnet18", "bn1") { $0.epsilon = epsilon }
    #expect(error?.code == .badValue)
    #expect(error?.tensor == "bn1")
  }

  @Test(arguments: ["Identity", "AvgPool2d", "Conv2d"])
  func `a 7×7 stem without max-pooling is refused`(className: String) throws {
    let error = try fault("resnet18", "maxpool") { $0.className = className }
    #expect(error?.code == .unsupported)
    #expect(error?.message.contains(className) == true)
  }

  @Test func `a 3×3 stem has an identity for max-pooling, or nothing`() throws {
    let tensors = try tensors("resnet18").map {
      $0.name == "conv1.weight"
        ? NamedTensor(name: $0.name, tensor: try UnreadableStorage.tensor([64, 3, 3, 3])) : $0
    }
    var facts = try facts("resnet18")
    facts["conv1"]?.stride = [1, 1]
    facts["conv1"]?.padding = [1, 1]
    facts["maxpool"] = LayerFacts(className: "Identity")
    #expect(try loadNetwork(tensors, facts: facts).network.architecture.stem == .three)
    facts["maxpool"] = nil
    #expect(try loadNetwork(tensors, facts: facts).network.architecture.stem == .three)
    facts["maxpool"] = LayerFacts(className: "MaxPool2d")
    #expect(
      refusal { () throws(ResectError) in try loadNetwork(tensors, facts: facts) } == .unsupported)
    facts["maxpool"] = nil
    facts["conv1"]?.stride = [2, 2]
    #expect(
      refusal { () throws(ResectError) in try loadNetwork(tensors, facts: facts) } == .unsupported)
  }

  @Test func `layers that the convention does not name say nothing`() throws {
    var facts = try facts("resnet18")
    facts["relu"] = LayerFacts(className: "ReLU")
    facts["aux.conv"] = LayerFacts(className: "Conv2d", stride: [9, 9], dilation: [4, 4])
    facts["aux.norm"] = LayerFacts(className: "GroupNorm", epsilon: 7)
    #expect(try architecture("resnet18", facts).name == "resnet18")
  }

  // MARK: timm's modules

  @Test(arguments: [
    ("layer2.0.aa", "BlurPool2d"), ("layer2.0.aa", "AvgPool2d"), ("maxpool.1", "BlurPool2d"),
    ("layer1.0.act2", "SiLU"), ("act1", "LeakyReLU"), ("embedder.activation", "GELU"),
  ])
  func `a layer that weights do not show and a ResNet does not have is refused by its name`(
    name: String, className: String
  ) throws {
    var facts = try facts("resnet18")
    facts[name] = LayerFacts(className: className)
    let facts2 = facts
    let tensors = try tensors("resnet18")
    let error = refusal { () throws(ResectError) in try loadNetwork(tensors, facts: facts2) }
    #expect(error == .unsupported)
  }

  @Test func `layers that do nothing are passed over`() throws {
    var facts = try facts("resnet18")
    facts["layer2.0.aa"] = LayerFacts(className: "Identity")
    facts["layer2.0.act1"] = LayerFacts(className: "ReLU")
    facts["embedder.activation"] = LayerFacts(className: "Identity")
    #expect(try architecture("resnet18", facts).name == "resnet18")
  }

  @Test func `the strides of a deep stem and of pooled shortcuts are as timm has them, or refused`() throws {
    let state = try StateDict("frameworks", "timm/resnet10t")
    let tensors = try state.entries.map {
      NamedTensor(name: $0.name, tensor: try UnreadableStorage.tensor($0.axes))
    }
    var facts: [String: LayerFacts] = [:]
    for entry in state.entries where entry.axes.count == 4 {
      let name = String(entry.name.dropLast(".weight".count))
      let isStrided = name == "conv1.0" || name.wholeMatch(of: /layer[234]\.0\.conv1/) != nil
      facts[name] = LayerFacts(
        className: "Conv2d", stride: isStrided ? [2, 2] : [1, 1], padding: [entry.axes[2] / 2, entry.axes[2] / 2])
    }
    _ = try loadNetwork(tensors, facts: facts)
    for name in ["conv1.3", "layer2.0.downsample.1"] {
      var changed = facts
      changed[name]?.stride = [2, 2]
      let facts = changed
      #expect(refusal { () throws(ResectError) in try loadNetwork(tensors, facts: facts) } == .unsupported)
    }
  }
}
