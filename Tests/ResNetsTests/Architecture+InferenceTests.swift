import ResectBytes
import ResectResNets
import ResectTestSupport
import Testing

@Suite struct ArchitectureInferenceTests {
  private typealias Shapes = [ParameterPath: [Int]]

  private func inferred(_ family: String, _ network: String) throws -> Architecture {
    try Architecture(inferredFrom: StateDict(family, network).shapes)
  }

  // MARK: Networks of the literature

  struct Known: Sendable, CustomTestStringConvertible {
    let name: String
    let block: Architecture.Block
    let depths: [Int]
    var groups = 1
    var widthPerGroup = 64

    var testDescription: String { name }
  }

  @Test(arguments: [
    Known(name: "resnet18", block: .basic, depths: [2, 2, 2, 2]),
    Known(name: "resnet34", block: .basic, depths: [3, 4, 6, 3]),
    Known(name: "resnet50", block: .bottleneck, depths: [3, 4, 6, 3]),
    Known(name: "resnet101", block: .bottleneck, depths: [3, 4, 23, 3]),
    Known(name: "resnet152", block: .bottleneck, depths: [3, 8, 36, 3]),
    Known(
      name: "resnext50_32x4d", block: .bottleneck, depths: [3, 4, 6, 3], groups: 32,
      widthPerGroup: 4),
    Known(
      name: "resnext101_32x8d", block: .bottleneck, depths: [3, 4, 23, 3], groups: 32,
      widthPerGroup: 8),
    Known(
      name: "resnext101_64x4d", block: .bottleneck, depths: [3, 4, 23, 3], groups: 64,
      widthPerGroup: 4),
    Known(
      name: "wide_resnet50_2", block: .bottleneck, depths: [3, 4, 6, 3], widthPerGroup: 128),
    Known(
      name: "wide_resnet101_2", block: .bottleneck, depths: [3, 4, 23, 3], widthPerGroup: 128),
  ])
  func `every torchvision network is recognised`(_ known: Known) throws {
    let network = try inferred("torchvision", known.name)
    #expect(network.name == known.name)
    #expect(network.block == known.block)
    #expect(network.depths == known.depths)
    #expect(network.widths == [64, 128, 256, 512])
    #expect(network.groups == known.groups)
    #expect(network.widthPerGroup == known.widthPerGroup)
    #expect(network.stem == .sevenWithMaxPool)
    #expect(network.stemWidth == 64)
    #expect(network.inputChannels == 3)
    #expect(network.shortcut == .projection)
    // The first block of a stage, except where its input has the right shape already.
    let first = known.block == .bottleneck
    #expect(network.projections.map(\.first) == [first, true, true, true])
    #expect(network.projections.allSatisfy { !$0.dropFirst().contains(true) })
    #expect(network.normalization == .batchNorm(affine: true, statistics: true))
    #expect(!network.hasConvolutionBias)
    #expect(network.head == .linear)
    #expect(network.classes == 1000)
    #expect(network.hasHeadBias)
    #expect(network.featureCount == (first ? 2048 : 512))
    #expect(!network.appendsConstantFeature)
  }

  @Test(arguments: [
    ("akamaster", 20), ("akamaster", 32), ("akamaster", 44), ("akamaster", 56), ("akamaster", 110),
    ("akamaster", 1202), ("chenyaofo", 20), ("chenyaofo", 32), ("chenyaofo", 44), ("chenyaofo", 56),
  ])
  func `every CIFAR network of three stages is recognised`(_ author: String, _ layers: Int) throws {
    let network = try inferred("cifar", "\(author)-\(layers)")
    #expect(network.name == "cifar-resnet\(layers)")
    #expect(network.block == .basic)
    // Two layers a block in three stages, the stem and the classifier.
    #expect(network.depths == [Int](repeating: (layers - 2) / 6, count: 3))
    #expect(network.widths == [16, 32, 64])
    #expect(network.stem == .three)
    #expect(network.stemWidth == 16)
    #expect(network.shortcut == (author == "akamaster" ? .zeroPadded : .projection))
    #expect(network.projections.joined().count { $0 } == (author == "akamaster" ? 0 : 2))
    #expect(network.classes == 10)
    #expect(network.featureCount == 64)
  }

  @Test(arguments: [("kuangliu-18", "resnet18-3x3stem"), ("kuangliu-50", "resnet50-3x3stem")])
  func `a network of ImageNet's widths behind a 3×3 stem is named after it`(_ network: String, _ name: String) throws {
    let architecture = try inferred("cifar", network)
    #expect(architecture.name == name)
    #expect(architecture.stem == .three)
    #expect(architecture.shortcut == .projection)
  }

  @Test(arguments: [("torchvision", "resnet50"), ("cifar", "akamaster-20"), ("variants", "folded")])
  func `what weights cannot tell is left open`(_ family: String, _ network: String) throws {
    let architecture = try inferred(family, network)
    #expect(architecture.stridePlacement == .init(.unknown, from: .none))
    #expect(architecture.epsilon == .init(nil, from: .none))
  }

  // MARK: What people make of them

  @Test func `pruned basic blocks keep the channels of each convolution`() throws {
    let network = try inferred("variants", "pruned-basic")
    #expect(network.channels == [[[37, 64], [61, 64]], [[128, 128], [5, 128]]])
    #expect(network.widths == [64, 128])
    #expect(network.widthPerGroup == nil)
    #expect(network.name == nil)
  }

  @Test func `pruned bottlenecks keep the channels of each convolution`() throws {
    let network = try inferred("variants", "pruned-bottleneck")
    #expect(
      network.channels == [[[33, 47, 256], [64, 64, 256]], [[128, 128, 512], [100, 7, 512]]])
    #expect(network.groups == 1)
    #expect(network.widthPerGroup == nil)
    #expect(network.name == nil)
  }

  @Test func `any depth and width is a ResNet`() throws {
    let network = try inferred("variants", "deep-narrow")
    #expect(network.block == .bottleneck)
    #expect(network.depths == [2, 3, 5, 2, 1])
    #expect(network.widths == [4, 8, 12, 20, 36])
    #expect(network.stemWidth == 4)
    #expect(network.classes == 3)
    #expect(network.featureCount == 144)
    #expect(network.widthPerGroup == 64)
    #expect(network.name == nil)
  }

  @Test func `groups are read off the 3×3 convolutions`() throws {
    let network = try inferred("variants", "grouped")
    #expect(network.groups == 8)
    #expect(network.widthPerGroup == 4)
    #expect(network.channels == [[[32, 32, 256], [32, 32, 256]], [[64, 64, 512]]])
  }

  @Test func `a network without a head is a backbone`() throws {
    let network = try inferred("variants", "no-head")
    #expect(network.head == .none)
    #expect(network.headWidths == [])
    #expect(network.classes == nil)
    #expect(!network.hasHeadBias)
    #expect(network.featureCount == 32)
  }

  @Test func `a head of several layers keeps their positions`() throws {
    let network = try inferred("variants", "mlp-head")
    #expect(network.head == .layers([0, 2]))
    #expect(network.headLayers == [0, 2])
    #expect(network.headWidths == [20, 7])
    #expect(network.classes == 7)
  }

  @Test func `a head of one layer behind a dropout keeps its position`() throws {
    let network = try inferred("variants", "head-at-1")
    #expect(network.head == .layers([1]))
    #expect(network.headWidths == [7])
    #expect(network.hasHeadBias)
  }

  @Test func `a head without a bias is read`() throws {
    let network = try inferred("variants", "head-without-bias")
    #expect(network.head == .linear)
    #expect(!network.hasHeadBias)
  }

  @Test(
    arguments: [
      ("norm-without-affine", .batchNorm(affine: false, statistics: true), false),
      ("norm-without-statistics", .batchNorm(affine: true, statistics: false), false),
      ("convolution-bias", .batchNorm(affine: true, statistics: true), true),
      ("folded", .none, true),
      ("no-norm", .none, false),
    ] as [(String, Architecture.Normalization, Bool)])
  func `what follows the convolutions is read off the tensors`(
    _ network: String, _ normalization: Architecture.Normalization, _ hasBias: Bool
  ) throws {
    let architecture = try inferred("variants", network)
    #expect(architecture.normalization == normalization)
    #expect(architecture.hasConvolutionBias == hasBias)
  }

  @Test func `the channels of the image are the stem's inputs`() throws {
    #expect(try inferred("variants", "grey").inputChannels == 1)
  }

  @Test func `a projection where the rule has none is kept`() throws {
    let network = try inferred("variants", "extra-projection")
    #expect(network.projections == [[true], [true], [true], [true]])
    #expect(network.name == nil)
  }

  @Test func `missing projections everywhere mean zero-padded shortcuts`() throws {
    let network = try inferred("variants", "zero-padded")
    #expect(network.shortcut == .zeroPadded)
    #expect(network.stem == .sevenWithMaxPool)
    #expect(!network.projections.joined().contains(true))
  }

  @Test func `a network whose blocks all keep their shape has projections by name only`() throws {
    var shapes = try StateDict("variants", "no-norm").shapes
    for path in shapes.keys {
      switch path.module {
      case .convolution(2, _, _), .shortcutConvolution: shapes[path] = nil
      default: break
      }
    }
    // The stem is as wide as the stage puts out.
    shapes[.init(.stemConvolution, .weight)] = [32, 3, 7, 7]
    let network = try Architecture(inferredFrom: shapes)
    #expect(network.shortcut == .projection)
    #expect(network.projections == [[false, false]])
  }

  // MARK: Incomplete networks

  @Test(arguments: [("torchvision", "resnet18"), ("variants", "mlp-head"), ("variants", "grouped")])
  func `no single missing tensor changes what is inferred`(_ family: String, _ network: String) throws {
    let shapes = try StateDict(family, network).shapes
    let whole = try Architecture(inferredFrom: shapes)
    for path in shapes.keys where path != .init(.stemConvolution, .weight) {
      // Where the only layer of the head loses its bias, it has none.
      if path == .init(.classifier(layer: nil), .bias) { continue }
      var damaged = shapes
      damaged[path] = nil
      #expect(try Architecture(inferredFrom: damaged) == whole, "without \(path)")
    }
  }

  @Test func `blocks count up to the first gap`() throws {
    var shapes = try StateDict("torchvision", "resnet34").shapes
    for path in shapes.keys {
      if case .convolution(3, 2, _) = path.module { shapes[path] = nil }
    }
    #expect(try Architecture(inferredFrom: shapes).depths == [3, 4, 2, 3])
  }

  @Test func `a layer without a number beside numbered ones is no part of the head`() throws {
    var shapes = try StateDict("variants", "mlp-head").shapes
    shapes[.init(.classifier(layer: nil), .weight)] = [7, 32]
    let network = try Architecture(inferredFrom: shapes)
    #expect(network.head == .layers([0, 2]))
    #expect(network.headWidths == [20, 7])
  }

  // MARK: Refusals

  @Test(
    arguments: [
      nil, [64, 3, 5, 5], [64, 3, 7, 3], [64, 3, 1, 1], [64, 3, 7], [64], [], [64, 3, 7, 7, 7],
      [0, 3, 7, 7], [64, 0, 7, 7],
    ] as [[Int]?])
  func `a stem of another kind is refused`(_ axes: [Int]?) throws {
    var shapes = try StateDict("torchvision", "resnet18").shapes
    shapes[.init(.stemConvolution, .weight)] = axes
    let error = #expect(throws: ResectError.self) { try Architecture(inferredFrom: shapes) }
    #expect(error?.code == .notAResNet)
  }

  @Test func `tensors without stages are no ResNet`() throws {
    let shapes = try StateDict("torchvision", "resnet18").shapes.filter {
      switch $0.key.module {
      case .stemConvolution, .stemNorm, .classifier: true
      default: false
      }
    }
    let error = #expect(throws: ResectError.self) { try Architecture(inferredFrom: shapes) }
    #expect(error?.code == .notAResNet)
  }

  @Test func `nothing is no ResNet`() {
    let error = #expect(throws: ResectError.self) { try Architecture(inferredFrom: [:]) }
    #expect(error?.code == .notAResNet)
  }

  @Test func `groups that differ between blocks are refused, both named`() throws {
    var shapes = try StateDict("variants", "grouped").shapes
    shapes[.init(.convolution(stage: 2, block: 0, index: 2), .weight)] = [64, 16, 3, 3]
    let error = #expect(throws: ResectError.self) { try Architecture(inferredFrom: shapes) }
    #expect(error?.code == .notAResNet)
    #expect(error?.message.contains("stage1.1.conv2 has 8 groups") == true)
    #expect(error?.message.contains("stage2.0.conv2 has 4") == true)
  }

  // MARK: Hostile shapes

  @Test(arguments: 0..<40 as Range<UInt64>)
  func `no shape stops the inference from answering`(_ seed: UInt64) throws {
    var random = SeededRandom(seed: seed)
    let numbers = [0, 1, -1, 2, 3, 64, 1 << 20, 1 << 24, 1 << 59, 1 << 62, .max, .min]
    let original = try StateDict("variants", seed.isMultiple(of: 2) ? "grouped" : "mlp-head").shapes
    let paths = original.keys.sorted { "\($0)" < "\($1)" }
    var answers = 0
    for _ in 0..<50 {
      var shapes = original
      for path in paths where Int.random(in: 0..<8, using: &random) == 0 {
        let rank = Bool.random(using: &random) ? original[path]?.count ?? 0 : Int.random(in: 0...5, using: &random)
        shapes[path] = (0..<rank).map { _ in numbers.randomElement(using: &random) ?? 0 }
      }
      shapes[.init(.stemConvolution, .weight)] = original[.init(.stemConvolution, .weight)]
      do throws(ResectError) {
        let architecture = try Architecture(inferredFrom: shapes)
        answers += 1
        #expect(architecture.headLayers.count == architecture.headWidths.count)
        #expect(architecture.parameters.count > architecture.depths.reduce(0, +))
        let read = try Architecture(json: architecture.json)
        #expect(read == architecture)
      } catch {
        // Groups that differ; or a head so wide that no file may declare it.
        #expect([.notAResNet, .malformed].contains(error.code), "\(error)")
      }
    }
    #expect(answers > 0)
  }

  @Test func `an empty batch-norm does not make a network of zero groups`() throws {
    var shapes = try StateDict("variants", "grouped").shapes
    shapes[.init(.convolution(stage: 1, block: 0, index: 1), .weight)] = [1]
    shapes[.init(.norm(stage: 1, block: 0, index: 1), .weight)] = [0]
    let network = try Architecture(inferredFrom: shapes)
    #expect(network.groups == 8)
    #expect(network.channels[0][0][0] == 32)
  }
}
