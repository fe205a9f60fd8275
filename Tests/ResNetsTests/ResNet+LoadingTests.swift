import ResectBytes
import ResectResNets
import ResectTensors
import ResectTestSupport
import Testing

@Suite struct ResNetLoadingTests {
  /// A network's architecture and tensors that nobody can read.
  private func parts(
    _ family: String, _ network: String
  ) throws -> (architecture: Architecture, tensors: [ParameterPath: LazyTensor]) {
    let shapes = try StateDict(family, network).shapes
    return (
      try Architecture(inferredFrom: shapes), try shapes.mapValues { try UnreadableStorage.tensor($0) }
    )
  }

  private func network(_ family: String, _ network: String) throws -> ResNet {
    let (architecture, tensors) = try parts(family, network)
    return try ResNet(architecture: architecture, tensors: tensors)
  }

  private func fault(
    _ architecture: Architecture, _ tensors: [ParameterPath: LazyTensor]
  ) -> ResectError? {
    do throws(ResectError) {
      _ = try ResNet(architecture: architecture, tensors: tensors)
      return nil
    } catch {
      return error
    }
  }

  // MARK: Counts

  /// As torchvision publishes them, and as the CIFAR repositories' networks have them.
  @Test(arguments: [
    ("torchvision", "resnet18", 11_689_512), ("torchvision", "resnet34", 21_797_672),
    ("torchvision", "resnet50", 25_557_032), ("torchvision", "resnet101", 44_549_160),
    ("torchvision", "resnet152", 60_192_808), ("torchvision", "resnext50_32x4d", 25_028_904),
    ("torchvision", "resnext101_32x8d", 88_791_336), ("torchvision", "resnext101_64x4d", 83_455_272),
    ("torchvision", "wide_resnet50_2", 68_883_240), ("torchvision", "wide_resnet101_2", 126_886_696),
    ("cifar", "akamaster-20", 269_722), ("cifar", "akamaster-44", 658_586),
    ("cifar", "akamaster-56", 853_018), ("cifar", "akamaster-110", 1_727_962),
    ("cifar", "akamaster-1202", 19_421_274), ("cifar", "chenyaofo-20", 272_474),
    ("cifar", "kuangliu-18", 11_173_962),
  ])
  func `a network has as many parameters as published`(
    family: String, name: String, parameters: Int
  ) throws {
    #expect(try network(family, name).parameterCount == parameters)
  }

  @Test(arguments: ["torchvision", "cifar", "variants"])
  func `parameters and buffers are counted as torch counts them, and nothing is read`(
    family: String
  ) throws {
    for name in try StateDict.names(of: family) {
      let state = try StateDict(family, name)
      let network = try network(family, name)
      #expect(network.parameterCount == state.parameters, "\(name)")
      #expect(network.bufferCount == state.buffers, "\(name)")
      #expect(network.parameters.map(\.path) == state.entries.map(\.place), "\(name)")
    }
  }

  // MARK: The tree

  @Test func `the tree has the form of the architecture`() throws {
    let network = try network("torchvision", "resnet50")
    #expect(network.stages.map(\.count) == [3, 4, 6, 3])
    #expect(network.stages.joined().allSatisfy { $0.units.count == 3 })
    #expect(network.stages.map { $0.map { $0.shortcut != nil } } == network.architecture.projections)
    #expect(network.stem.norm?.runningVariance?.shape.axes == [64])
    #expect(network.stages[3][0].shortcut?.convolution.weight.shape.axes == [2048, 1024, 1, 1])
    #expect(network.head.count == 1)
    #expect(network.head[0].layer == nil)
    #expect(network.head[0].weight.shape.axes == [1000, 2048])
  }

  @Test func `what a network does not have is absent`() throws {
    let folded = try network("variants", "folded")
    #expect(folded.units.allSatisfy { $0.unit.norm == nil && $0.unit.convolution.bias != nil })
    let plain = try network("variants", "norm-without-affine")
    #expect(
      plain.units.allSatisfy {
        $0.unit.norm?.runningMean != nil && $0.unit.norm?.weight == nil && $0.unit.norm?.bias == nil
      })
    let headless = try network("variants", "no-head")
    #expect(headless.head.isEmpty)
    let long = try network("variants", "mlp-head")
    #expect(long.head.map(\.layer) == [0, 2])
  }

  // MARK: Faults

  @Test func `a tensor that is missing is refused by its place`() throws {
    var (architecture, tensors) = try parts("torchvision", "resnet18")
    tensors[.init(.norm(stage: 2, block: 1, index: 2), .runningVariance)] = nil
    let error = fault(architecture, tensors)
    #expect(error?.code == .mismatch)
    #expect(error?.details == ["missing stage2.1.norm2.running_var"])
  }

  @Test func `a tensor of a wrong shape is refused with both shapes`() throws {
    var (architecture, tensors) = try parts("torchvision", "resnet18")
    tensors[.init(.shortcutConvolution(stage: 2, block: 0), .weight)] =
      try UnreadableStorage.tensor([128, 64, 3, 3])
    let error = fault(architecture, tensors)
    #expect(error?.code == .mismatch)
    #expect(
      error?.details == [
        "wrong shape stage2.0.shortcut.conv.weight: expected [128, 64, 1, 1], found [128, 64, 3, 3]"
      ])
  }

  @Test func `all faults are listed, in the order of the state dict`() throws {
    let (architecture, tensors) = try parts("torchvision", "resnet18")
    #expect(fault(architecture, [:])?.details.count == architecture.parameters.count { !$0.isOptional })
    var damaged = tensors
    damaged[.init(.classifier(layer: nil), .bias)] = nil
    damaged[.init(.stemNorm, .weight)] = try UnreadableStorage.tensor([63])
    damaged[.init(.stemNorm, .batchesTracked)] = try UnreadableStorage.tensor([1])
    #expect(
      fault(architecture, damaged)?.details == [
        "wrong shape stem.norm.weight: expected [64], found [63]",
        "wrong shape stem.norm.num_batches_tracked: expected [], found [1]",
        "missing classifier.bias",
      ])
  }

  @Test func `counts of batches may be missing`() throws {
    let (architecture, tensors) = try parts("torchvision", "resnet18")
    let old = tensors.filter { $0.key.kind != .batchesTracked }
    let network = try ResNet(architecture: architecture, tensors: old)
    #expect(network.parameterCount == 11_689_512)
    // Means and variances of 4,800 channels; torch counts one number of batches a batch-norm besides.
    #expect(network.bufferCount == 9600)
    #expect(try self.network("torchvision", "resnet18").bufferCount == 9620)
  }

  @Test func `every required tensor of a small network is missed`() throws {
    let (architecture, tensors) = try parts("variants", "mlp-head")
    for parameter in architecture.parameters {
      var damaged = tensors
      damaged[parameter.path] = nil
      let error = fault(architecture, damaged)
      #expect(error?.code == (parameter.isOptional ? nil : .mismatch))
      #expect(error?.details ?? [] == (parameter.isOptional ? [] : ["missing \(parameter.path)"]))
    }
  }
}
