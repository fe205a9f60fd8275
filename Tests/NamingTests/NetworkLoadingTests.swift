import ResectBytes
@testable import ResectNaming
import ResectResNets
import ResectTensors
import ResectTestSupport
import Testing

@Suite struct NetworkLoadingTests {
  // MARK: Networks

  /// The named tensors of a network, in the order of the file.
  private func tensors(_ family: String, _ network: String) throws -> [NamedTensor] {
    try StateDict(family, network).entries.map {
      NamedTensor(name: $0.name, tensor: try UnreadableStorage.tensor($0.axes))
    }
  }

  private func options(_ change: (inout LoadOptions) -> Void) -> LoadOptions {
    var options = LoadOptions()
    change(&options)
    return options
  }

  private func fault(
    _ tensors: [NamedTensor], _ options: LoadOptions = LoadOptions()
  ) -> ResectError? {
    do throws(ResectError) {
      _ = try loadNetwork(tensors, options: options)
      return nil
    } catch {
      return error
    }
  }

  @Test(arguments: ["torchvision", "cifar", "variants"])
  func `every network that torch wrote is loaded whole`(family: String) throws {
    for name in try StateDict.names(of: family) {
      let state = try StateDict(family, name)
      let loaded = try loadNetwork(tensors(family, name))
      #expect(loaded.network.parameterCount == state.parameters, "\(name)")
      #expect(loaded.network.bufferCount == state.buffers, "\(name)")
      #expect(loaded.unexpected == [])
      #expect(loaded.names.count == state.entries.count)
      #expect(
        loaded.network.parameters.map { loaded.names[$0.path] } == state.entries.map(\.name),
        "\(name)")
    }
  }

  @Test func `the order of the tensors does not matter`() throws {
    var random = SeededRandom(seed: 3)
    let ordered = try tensors("variants", "mlp-head")
    let whole = try loadNetwork(ordered).network
    for _ in 0..<10 {
      let loaded = try loadNetwork(ordered.shuffled(using: &random)).network
      #expect(loaded.architecture == whole.architecture)
      #expect(loaded.parameters.map(\.path) == whole.parameters.map(\.path))
    }
  }

  // MARK: Which convention

  @Test(arguments: [
    ("torchvision", "resnet18", "torchvision"), ("torchvision", "resnext50_32x4d", "torchvision"),
    ("torchvision", "wide_resnet101_2", "torchvision"), ("variants", "folded", "torchvision"),
    ("variants", "zero-padded", "torchvision"), ("cifar", "akamaster-20", "cifar-akamaster"),
    ("cifar", "akamaster-1202", "cifar-akamaster"), ("cifar", "chenyaofo-20", "cifar-chenyaofo"),
    ("cifar", "kuangliu-18", "cifar-kuangliu"), ("cifar", "kuangliu-50", "cifar-kuangliu"),
  ])
  func `a network is read by the convention of its author`(
    family: String, network: String, convention: String
  ) throws {
    let loaded = try loadNetwork(tensors(family, network))
    #expect(loaded.convention.name == convention)
    #expect(loaded.network.architecture.epsilon == .init(1e-5, from: .convention(convention)))
    #expect(
      loaded.network.architecture.stridePlacement == .init(.v15, from: .convention(convention)))
  }

  @Test func `names that fit several conventions are read by the first whose code builds the network`()
    throws
  {
    // Without a classifier, nothing but the stem and the shortcuts tells the conventions apart.
    let headless = try tensors("cifar", "akamaster-20").filter { !$0.name.hasPrefix("linear") }
    #expect(try loadNetwork(headless).convention.name == "cifar-akamaster")
    let projected = try tensors("cifar", "kuangliu-18").filter { !$0.name.hasPrefix("linear") }
    #expect(try loadNetwork(projected).convention.name == "cifar-kuangliu")
    let large = try tensors("variants", "no-head")
    #expect(try loadNetwork(large).convention.name == "torchvision")
  }

  @Test func `a network that no code of its convention builds is a warning`() throws {
    #expect(try loadNetwork(tensors("torchvision", "resnet18")).warnings.isEmpty)
    #expect(try loadNetwork(tensors("cifar", "akamaster-20")).warnings.isEmpty)
    // A damaged ResNet without any projection looks like one with zero-padded shortcuts.
    let warnings = try loadNetwork(tensors("variants", "zero-padded")).warnings
    #expect(warnings.count == 1)
    #expect(warnings.first?.contains("zero-padded") == true)
  }

  @Test func `names whose conventions build no such network are read by the first of them`() throws {
    let large = try tensors("cifar", "kuangliu-18").map {
      $0.name == "conv1.weight"
        ? NamedTensor(name: $0.name, tensor: try UnreadableStorage.tensor([64, 3, 7, 7])) : $0
    }
    let loaded = try loadNetwork(large)
    #expect(loaded.convention.name == "cifar-akamaster")
    #expect(loaded.network.architecture.name == "resnet18")
  }

  @Test func `a convention that is asked for is used alone`() throws {
    let akamaster = try tensors("cifar", "akamaster-20")
    let asked = options { $0.convention = .kuangliu }
    #expect(try loadNetwork(akamaster, options: asked).convention.name == "cifar-kuangliu")
    let error = fault(akamaster, options { $0.convention = .torchvision })
    #expect(error?.code == .mismatch)
    #expect(error?.details == ["unexpected: linear.weight", "unexpected: linear.bias"])
    #expect(fault(akamaster, options { $0.convention = .tree })?.code == .notAResNet)
  }

  // MARK: Accounting

  @Test func `nothing, and names that nobody knows, are no ResNet`() throws {
    #expect(fault([])?.code == .notAResNet)
    let tensor = try UnreadableStorage.tensor([2, 2])
    let error = fault([NamedTensor(name: "transformer.wte.weight", tensor: tensor)])
    #expect(error?.code == .notAResNet)
    #expect(error?.advice?.text.contains("cifar-kuangliu") == true)
  }

  @Test func `tensors in place that form no ResNet are refused with the reason`() throws {
    let vgg = try [NamedTensor(name: "conv1.weight", tensor: UnreadableStorage.tensor([64, 3, 11, 11]))]
    let error = fault(vgg)
    #expect(error?.code == .notAResNet)
    #expect(error?.message.contains("11×11") == true)
  }

  @Test func `a missing tensor is listed by the file's name`() throws {
    let damaged = try tensors("torchvision", "resnet18").filter {
      $0.name != "layer2.0.downsample.1.running_var" && $0.name != "layer4.1.conv2.weight"
    }
    let error = fault(damaged)
    #expect(error?.code == .mismatch)
    #expect(
      error?.details == [
        "missing: layer2.0.downsample.1.running_var", "missing: layer4.1.conv2.weight",
      ])
    #expect(error?.message.contains("2 missing") == true)
    #expect(error?.advice == nil)
  }

  @Test func `a misspelled name is listed on both sides, with the closest beside each`() throws {
    let damaged = try tensors("torchvision", "resnet18").map {
      $0.name == "layer3.1.bn2.weight"
        ? NamedTensor(name: "layer3.1.bn2.wieght", tensor: $0.tensor) : $0
    }
    #expect(
      fault(damaged)?.details == [
        "missing: layer3.1.bn2.weight (closest: layer3.1.bn2.wieght)",
        "unexpected: layer3.1.bn2.wieght (closest: layer3.1.bn2.weight)",
      ])
  }

  @Test func `a wrong shape is listed with both shapes`() throws {
    let damaged = try tensors("torchvision", "resnet18").map {
      $0.name == "layer1.0.bn1.bias"
        ? NamedTensor(name: $0.name, tensor: try UnreadableStorage.tensor([65])) : $0
    }
    #expect(fault(damaged)?.details == ["wrong shape: layer1.0.bn1.bias is [65], expected [64]"])
  }

  @Test func `every fault is listed, missing first, then unexpected, then wrong shapes`() throws {
    var damaged = try tensors("variants", "mlp-head").filter { $0.name != "fc.0.weight" }
    damaged = try damaged.map {
      $0.name == "fc.2.bias" ? NamedTensor(name: $0.name, tensor: try UnreadableStorage.tensor([8])) : $0
    }
    for name in ["ema.decay", "layer2.7.conv1.weight", "aux.weight"] {
      damaged.append(NamedTensor(name: name, tensor: try UnreadableStorage.tensor([1])))
    }
    let error = fault(damaged)
    #expect(error?.code == .mismatch)
    let details = error?.details.map { $0.split(separator: " (").first.map(String.init) ?? $0 }
    // Names without any place come first, then those whose place the network does not have.
    #expect(
      details == [
        "missing: fc.0.weight", "unexpected: ema.decay", "unexpected: aux.weight",
        "unexpected: layer2.7.conv1.weight", "wrong shape: fc.2.bias is [8], expected [7]",
      ])
    #expect(error?.message.contains("1 missing, 3 unexpected, 1 of a wrong shape") == true)
  }

  @Test func `a bias without its weight is a missing weight`() throws {
    let damaged = try tensors("torchvision", "resnet18").filter { $0.name != "fc.weight" }
    #expect(fault(damaged)?.details == ["missing: fc.weight"])
  }

  @Test func `unexpected tensors alone are advised upon, and ignored on request`() throws {
    var more = try tensors("torchvision", "resnet18")
    more.append(NamedTensor(name: "queue", tensor: try UnreadableStorage.tensor([128, 8])))
    more.append(
      NamedTensor(name: "layer1.5.conv1.weight", tensor: try UnreadableStorage.tensor([64, 64, 3, 3])))
    let error = fault(more)
    #expect(error?.code == .mismatch)
    #expect(error?.advice?.code.rawValue == "allowUnexpected")
    let loaded = try loadNetwork(more, options: options { $0.allowsUnexpected = true })
    #expect(loaded.unexpected == ["queue", "layer1.5.conv1.weight"])
    #expect(loaded.network.parameterCount == 11_689_512)
  }

  @Test func `what is missing or misshapen is refused even where the unexpected is ignored`() throws {
    var damaged = try tensors("torchvision", "resnet18").filter { $0.name != "fc.weight" }
    damaged.append(NamedTensor(name: "queue", tensor: try UnreadableStorage.tensor([128, 8])))
    let error = fault(damaged, options { $0.allowsUnexpected = true })
    #expect(error?.code == .mismatch)
    #expect(error?.details == ["missing: fc.weight"])
  }

  @Test func `a file without counts of batches is whole`() throws {
    let old = try tensors("torchvision", "resnet50").filter {
      !$0.name.hasSuffix("num_batches_tracked")
    }
    #expect(try loadNetwork(old).network.parameterCount == 25_557_032)
  }

  @Test func `ten thousand strangers are all listed`() throws {
    var many = try tensors("torchvision", "resnet18")
    let tensor = try UnreadableStorage.tensor([1])
    many += (0..<10_000).map { NamedTensor(name: "extra.\($0).weight", tensor: tensor) }
    #expect(fault(many)?.details.count == 10_000)
  }

  // MARK: What the caller and the file say

  @Test func `the caller's stride and epsilon are taken, and recorded as the caller's`() throws {
    let said = options {
      $0.stridePlacement = .v1
      $0.epsilon = 1e-3
    }
    let architecture = try loadNetwork(tensors("torchvision", "resnet50"), options: said).network
      .architecture
    #expect(architecture.stridePlacement == .init(.v1, from: .option))
    #expect(architecture.epsilon == .init(1e-3, from: .option))
  }

  @Test(arguments: [-1e-5, .nan, .infinity, -.infinity] as [Double])
  func `an epsilon that cannot be is the caller's fault`(epsilon: Double) throws {
    let tensors = try tensors("torchvision", "resnet18")
    #expect(fault(tensors, options { $0.epsilon = epsilon })?.code == .badArgument)
  }

  @Test func `an epsilon of zero is taken`() throws {
    let loaded = try loadNetwork(
      tensors("torchvision", "resnet18"), options: options { $0.epsilon = 0 })
    #expect(loaded.network.architecture.epsilon == .init(0, from: .option))
  }

  @Test func `the file's declaration stands over the convention, the caller over both`() throws {
    let tensors = try tensors("torchvision", "resnet50")
    var declared = try loadNetwork(tensors).network.architecture
    declared.stridePlacement = .init(.v1, from: .module)
    declared.epsilon = .init(2e-5, from: .option)
    let loaded = try loadNetwork(tensors, declared: declared).network.architecture
    #expect(loaded.stridePlacement == .init(.v1, from: .module))
    #expect(loaded.epsilon == .init(2e-5, from: .option))
    let said = try loadNetwork(
      tensors, declared: declared, options: options { $0.epsilon = 3e-5 }
    ).network.architecture
    #expect(said.stridePlacement == .init(.v1, from: .module))
    #expect(said.epsilon == .init(3e-5, from: .option))
  }

  @Test func `a declared constant feature is kept, and widens no network that has a head`() throws {
    let headless = try tensors("variants", "no-head")
    var declared = try loadNetwork(headless).network.architecture
    declared.appendsConstantFeature = true
    #expect(try loadNetwork(headless, declared: declared).network.architecture.featureCount == 33)
    let error = refusal { () throws(ResectError) in
      try loadNetwork(withHead(), declared: declared)
    }
    #expect(error == .mismatch)
  }

  private func withHead() throws(ResectError) -> [NamedTensor] {
    do {
      return try tensors("variants", "head-without-bias")
    } catch {
      throw ResectError(.system, "the fixture is unreadable: \(error)")
    }
  }
}
