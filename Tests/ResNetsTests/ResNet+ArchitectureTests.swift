import ResectGraphs
import ResectResNets
import ResectTensors
import ResectTestSupport
import Testing

@Suite struct ResNetArchitectureTests {
  /// A network by the plan `architecture`.
  private func network(_ architecture: Architecture) throws -> ResNet {
    var tensors: [ParameterPath: LazyTensor] = [:]
    for parameter in architecture.parameters { tensors[parameter.path] = try UnreadableStorage.tensor(parameter.axes) }
    return try ResNet(architecture: architecture, tensors: tensors)
  }

  private func changed(_ architecture: Architecture, _ change: (inout Architecture) -> Void) -> Architecture {
    var changed = architecture
    change(&changed)
    return changed
  }

  private static let stem = ModulePath.stemConvolution
  private static let striding = ModulePath.convolution(stage: 2, block: 0, index: 2)

  @Test(arguments: ["torchvision", "cifar", "variants"])
  func `the architecture of a real network is the plan that its tree was made by`(family: String) throws {
    for name in try StateDict.names(of: family) {
      let plan = try Architecture(inferredFrom: StateDict(family, name).shapes)
      #expect(try network(plan).architecture == plan, "\(name)")
    }
  }

  @Test func `every kind of network gives back the plan that it was made by`() throws {
    var plans: [Architecture] = []
    for block in Architecture.Block.allCases {
      for stem in Architecture.Stem.allCases {
        for shortcut in Architecture.Shortcut.allCases {
          for placement in Architecture.StridePlacement.allCases {
            var plan = Architecture.small(
              block, widths: [16, 32, 64], depths: [2, 1, 2], stem: stem, shortcut: shortcut,
              groups: block == .basic ? 1 : 4, placement: placement)
            if stem.isDeep { plan.innerStemWidths = [8, 12] }
            plans.append(plan)
            plan.stridedBlocks = .last
            plan.isPreactivated = true
            plan.hasFinalNorm = true
            plan.absentNorms = [.stemNorm]
            plans.append(plan)
          }
        }
      }
    }
    let small = Architecture.small(.bottleneck, stem: .sevenWithMaxPool)
    for normalization in [
      Architecture.Normalization.none, .scaleAndShift, .batchNorm(affine: false, statistics: true),
      .batchNorm(affine: true, statistics: false),
    ] {
      plans.append(changed(small) { $0.normalization = normalization })
    }
    for pooling in Architecture.StemPooling.allCases { plans.append(changed(small) { $0.stemPooling = pooling }) }
    for kind in Architecture.Attention.Kind.allCases {
      for hasBias in [false, true] {
        plans.append(changed(small) { $0.attention = .init(kind, sizes: [[3, 5], [7]], hasBias: hasBias) })
      }
    }
    plans.append(changed(small) { $0.padding = .same })
    plans.append(changed(small) { ($0.padding, $0.paddingExceptions) = (.same, [Self.stem]) })
    plans.append(changed(small) { $0.paddingExceptions = [Self.stem, Self.striding] })
    plans.append(changed(small) { $0.hasConvolutionBias = true })
    plans.append(changed(small) { $0.biasExceptions = [Self.stem, Self.striding] })
    plans.append(changed(small) { $0.epsilonExceptions = [.stemNorm: 0, .shortcutNorm(stage: 2, block: 0): 1e-5] })
    plans.append(changed(small) { $0.epsilon = .init(nil, from: .none) })
    plans.append(
      changed(small) { $0.absentNorms = [.shortcutNorm(stage: 1, block: 0), .shortcutNorm(stage: 2, block: 0)] })
    plans.append(changed(small) { $0.projectionKernels = [[3, 1], [3]] })
    plans.append(changed(small) { ($0.head, $0.headWidths) = (.layers([1, 4]), [9, 5]) })
    plans.append(changed(small) { $0.hasHeadBias = false })
    plans.append(changed(small) { ($0.head, $0.headWidths, $0.hasHeadBias) = (.none, [], false) })
    plans.append(changed(small) { $0.appendsConstantFeature = true })
    plans.append(changed(small) { $0.inputNormalization = InputNormalization(.torchvision) })
    plans.append(Architecture.small(depths: [3, 2], placement: .v1))
    for plan in plans { #expect(try network(plan).architecture == plan) }
  }

  @Test func `what is edited on a layer is what the architecture says`() throws {
    var network = try network(.small(.bottleneck, stem: .sevenWithMaxPool))
    network.stem.convolution.padding = .same
    #expect(network.architecture.paddingExceptions == [.stemConvolution])
    network.updateNorms { if $0 == .stemNorm { $1.epsilon = 0.5 } }
    #expect(network.architecture.epsilonExceptions == [.stemNorm: 0.5])
    network.updateNorms { $1.epsilon = 0.5 }
    #expect(network.architecture.epsilon.value == 0.5)
    #expect(network.architecture.epsilonExceptions.isEmpty)
    network.stem.norm?.epsilon = nil
    #expect(network.architecture.epsilon.value == nil)
    network.stem.norm = nil
    #expect(network.architecture.absentNorms == [.stemNorm])
    network.stemPooling = .unpadded
    #expect(network.architecture.stemPooling == .unpadded)
    network.head = []
    #expect(network.architecture.classes == nil)
    #expect(!network.architecture.hasHeadBias)
    network.stages[0].removeLast()
    #expect(network.architecture.depths == [1, 1])
  }

  @Test func `strides that are unknown can be placed, and keep the block's`() throws {
    var network = try network(.small(.bottleneck, placement: .unknown))
    let block = network.stages[1][0]
    #expect(block.stride == 2)
    #expect(block.units.map(\.convolution.stride) == [1, 1, 1])
    network.placeStrides(.v15, from: .option)
    #expect(network.stages[1][0].stride == 2)
    #expect(network.stages[1][0].units.map(\.convolution.stride) == [1, 2, 1])
    #expect(network.architecture.stridePlacement == .init(.v15, from: .option))
    network.placeStrides(.v1, from: .option)
    #expect(network.stages[1][0].units.map(\.convolution.stride) == [2, 1, 1])
    #expect(network.stages[0].allSatisfy { $0.stride == 1 })
  }
}
