import ResectBytes
@testable import ResectNaming
import ResectResNets
import ResectTensors
import ResectTestSupport
import Testing

/// Networks as other frameworks and repositories build and name them.
@Suite struct FrameworkTests {
  private func load(_ family: String, _ network: String) throws -> LoadedNetwork {
    try loadNetwork(
      StateDict(family, network).entries.map {
        NamedTensor(name: $0.name, tensor: try UnreadableStorage.tensor($0.axes))
      })
  }

  /// timm's `test_resnet` mixes basic blocks with bottlenecks.
  private static func networks() throws -> [String] {
    try StateDict.names(of: "frameworks").filter { $0 != "timm/test_resnet" }
  }

  @Test func `every network is loaded whole, and its names are written back`() throws {
    for name in try FrameworkTests.networks() {
      let state = try StateDict("frameworks", name)
      let loaded = try load("frameworks", name)
      #expect(name.hasPrefix(loaded.convention.name + "/"), "\(name) by \(loaded.convention.name)")
      #expect(loaded.network.parameterCount == state.parameters, "\(name)")
      #expect(loaded.network.bufferCount == state.buffers, "\(name)")
      #expect(loaded.leftOut == [] && loaded.unexpected == [] && loaded.prefix.isEmpty)
      let names = loaded.network.parameters.map { loaded.convention.name(of: $0.path) }
      #expect(Set(names) == Set(state.entries.map(\.name)), "\(name)")
      #expect(names.count == state.entries.count, "\(name)")
    }
  }

  @Test func `an architecture is the same after it was JSON`() throws {
    for name in try FrameworkTests.networks() {
      let architecture = try load("frameworks", name).network.architecture
      let text = architecture.json.compact
      #expect(try Architecture(json: JSON(parsing: Array(text))) == architecture, "\(name)")
    }
  }

  @Test(arguments: [
    ("timm/resnet10t", "resnet10t"), ("timm/resnet14t", "resnet14t"), ("timm/resnet26d", "resnet26d"),
    ("timm/resnet50c", "resnet50c"), ("timm/resnet50s", "resnet50s"), ("timm/ecaresnet26t", "ecaresnet26t"),
    ("timm/seresnet18", "seresnet18"), ("timm/seresnext26t_32x4d", "seresnext26t_32x4d"),
    ("timm/resnetrs50", "resnetrs50"), ("timm-v2/resnetv2_50", "preact-resnet50"), ("mmpretrain/v1", "resnet18"),
    ("mmpretrain/v1c", "resnet18c"),
    ("mmpretrain/v1d", "resnet50d"), ("mmpretrain/se", "seresnet50"), ("mmpretrain/cifar", "resnet18-3x3stem"),
    ("cifar-kuangliu/preact-18", "preact-resnet18-3x3stem"),
    ("cifar-kuangliu/preact-50", "preact-resnet50-3x3stem"), ("cifar-kuangliu/resnet8", "cifar-resnet8"),
  ])
  func `a network has its author's name`(network: String, name: String) throws {
    #expect(try load("frameworks", network).network.architecture.name == name)
  }

  @Test func `a deep stem has three convolutions, the last of which is the stem's`() throws {
    let network = try load("frameworks", "timm/resnet10t").network
    #expect(network.architecture.stem == .deepWithMaxPool)
    #expect(network.architecture.innerStemWidths == [24, 32])
    #expect(network.innerStem.map(\.convolution.weight.shape.axes) == [[24, 3, 3, 3], [32, 24, 3, 3]])
    #expect(network.stem.convolution.weight.shape.axes == [64, 32, 3, 3])
    #expect(network.stemPool == nil)
    #expect(
      try load("frameworks", "timm/resnetrs50").network.stemPool?.convolution.weight.shape.axes == [64, 64, 3, 3])
  }

  @Test func `a pooled shortcut is told by the position of its convolution`() throws {
    #expect(try load("frameworks", "timm/resnet26d").network.architecture.shortcut == .averagePooledProjection)
    #expect(try load("frameworks", "timm/resnet50s").network.architecture.shortcut == .projection)
    #expect(try load("frameworks", "mmpretrain/v1d").network.architecture.shortcut == .averagePooledProjection)
    #expect(try load("frameworks", "mmpretrain/v1c").network.architecture.shortcut == .projection)
  }

  @Test func `a block's attention has the channels that its layers have`() throws {
    let squeezed = try load("frameworks", "timm/seresnet18").network
    #expect(squeezed.architecture.attention?.kind == .squeezeExcitation)
    #expect(squeezed.architecture.attention?.hasBias == true)
    #expect(squeezed.architecture.attention?.sizes == [[8, 8], [8, 8], [16, 16], [32, 32]])
    #expect(squeezed.stages[3][1].attention?.layers.map(\.weight.shape.axes) == [[32, 512, 1, 1], [512, 32, 1, 1]])
    let channel = try load("frameworks", "timm/ecaresnet26t").network
    #expect(channel.architecture.attention?.kind == .efficientChannel)
    #expect(channel.architecture.attention?.sizes == [[5, 5], [5, 5], [5, 5], [7, 7]])
    #expect(channel.stages[0][0].attention?.layers.first?.weight.shape.axes == [1, 1, 5])
  }

  @Test func `SENet-154 has 3×3 shortcuts behind its first stage`() throws {
    let architecture = try load("frameworks", "timm/senet154").network.architecture
    #expect(architecture.projectionKernels.map(\.first) == [1, 3, 3, 3])
    #expect(architecture.groups == 64)
    #expect(architecture.channels[0][0] == [128, 256, 256])
  }

  @Test func `a pre-activated network has its batch-norms before the convolutions`() throws {
    let network = try load("frameworks", "cifar-kuangliu/preact-50").network
    let architecture = network.architecture
    #expect(architecture.isPreactivated && !architecture.hasFinalNorm)
    #expect(network.stem.norm == nil)
    #expect(network.stages[1][0].units[0].norm?.weight?.shape.axes == [256])
    #expect(network.stages[1][0].shortcut?.norm == nil)
    #expect(try load("frameworks", "cifar-kuangliu/preact-final-norm").network.finalNorm?.weight?.shape.axes == [256])
    #expect(try load("frameworks", "cifar-wide-resnet/16-2").network.architecture.hasFinalNorm)
  }

  @Test func `a classifier that is a 1×1 convolution is a matrix, and timm's deep stem pools its shortcuts`() throws {
    let plain = try load("frameworks", "timm-v2/resnetv2_50").network
    #expect(plain.head.map(\.weight.shape.axes) == [[9, 2048]])
    #expect(plain.architecture.shortcut == .projection && plain.architecture.isPreactivated)
    let deep = try load("frameworks", "timm-v2/resnetv2_50t").network.architecture
    #expect(deep.innerStemWidths == [24, 32] && deep.shortcut == .averagePooledProjection)
    #expect(deep.absentNorms.contains(.stemNorm) && !deep.absentNorms.contains(.innerStemNorm(index: 1)))
  }

  @Test func `norms without statistics under timm's names are no batch-norms`() throws {
    let tensors = try StateDict("frameworks", "timm-v2/resnetv2_50").entries.filter {
      !["running_mean", "running_var", "num_batches_tracked"].contains($0.name.split(separator: ".").last ?? "")
    }
    let named = try tensors.map { NamedTensor(name: $0.name, tensor: try UnreadableStorage.tensor($0.axes)) }
    let error = #expect(throws: ResectError.self) { try loadNetwork(named) }
    #expect(error?.code == .unsupported && error?.message.contains("group norms") == true)
  }

  @Test func `a network that mixes basic blocks with bottlenecks is none`() {
    let error = refusal { () throws(ResectError) in
      do {
        return try load("frameworks", "timm/test_resnet")
      } catch let error as ResectError {
        #expect(error.message.contains("stage 3 has bottlenecks and stage 1 basic blocks"))
        throw error
      } catch {
        throw ResectError(.system, "the fixture is unreadable: \(error)")
      }
    }
    #expect(error == .notAResNet)
  }

  @Test func `ResNet-8 has biases, and no batch-norm after its projections`() throws {
    let architecture = try load("frameworks", "cifar-kuangliu/resnet8").network.architecture
    #expect(architecture.hasConvolutionBias && architecture.biasExceptions.isEmpty)
    #expect(
      architecture.absentNorms == [.shortcutNorm(stage: 2, block: 0), .shortcutNorm(stage: 3, block: 0)])
    #expect(!architecture.isPreactivated)
  }

  @Test func `frozen batch-norms without statistics are a scale and a shift`() throws {
    let frozen = try load("frameworks", "caffe2/bottleneck")
    #expect(frozen.network.architecture.normalization == .scaleAndShift)
    #expect(frozen.network.architecture.stridePlacement == .init(.v1, from: .convention("caffe2")))
    let whole = try load("frameworks", "detectron2/bottleneck")
    #expect(whole.network.architecture.normalization == .batchNorm(affine: true, statistics: true))
    #expect(whole.network.architecture.stridePlacement.value == .unknown)
    #expect(whole.warnings.contains { $0.contains("--stride") })
    #expect(try load("frameworks", "detectron2/basic").warnings == [])
  }

  // MARK: Networks within more

  @Test func `of MoCo the query encoder is read, all else is listed`() throws {
    let loaded = try load("wrapped", "moco")
    #expect(loaded.prefix == "module.encoder_q.")
    #expect(loaded.network.head.isEmpty)
    let reasons = Dictionary(loaded.leftOut.map { ($0.name, $0.reason) }) { first, _ in first }
    #expect(reasons["module.encoder_q.fc.0.weight"]?.contains("head") == true)
    #expect(reasons["module.encoder_k.conv1.weight"]?.contains("beside") == true)
    #expect(reasons["module.queue"] != nil)
    let count = try StateDict("wrapped", "moco").entries.count
    #expect(loaded.leftOut.count + loaded.network.parameters.count == count)
    #expect(loaded.warnings.contains { $0.contains("encoder_q") })
  }

  @Test(arguments: [("swav", "module.", 10), ("dino", "module.backbone.", 6), ("detector", "backbone.bottom_up.", 2)])
  func `a backbone is read from what it was trained or used in`(
    name: String, prefix: String, leftOut: Int
  ) throws {
    let loaded = try load("wrapped", name)
    #expect(loaded.prefix == prefix)
    #expect(loaded.network.head.isEmpty)
    #expect(loaded.leftOut.count == leftOut, "\(loaded.leftOut)")
  }
}
