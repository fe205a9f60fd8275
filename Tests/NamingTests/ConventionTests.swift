import ResectBytes
@testable import ResectNaming
import ResectResNets
import ResectTestSupport
import Testing

@Suite struct ConventionTests {
  /// Every convention, that of the tree itself included.
  private static let names = (Convention.all + [.tree]).map(\.name)

  private func convention(_ name: String) throws -> Convention {
    try #require(name == "tree" ? .tree : Convention.named(name))
  }

  // MARK: The tables

  @Test(arguments: names)
  func `a name that a table gives is read back as its place, and no two places share one`(
    name: String
  ) throws {
    for table in try convention(name).tables {
      var random = SeededRandom(seed: 7)
      var places: [String: ParameterPath] = [:]
      for _ in 0..<1000 {
        let path = ParameterPath.random(using: &random)
        guard let name = table.name(of: path) else { continue }
        #expect(table.path(of: name) == path, "\(name)")
        #expect(places.updateValue(path, forKey: name) ?? path == path, "\(name)")
      }
      #expect(places.count > 50)
    }
  }

  @Test(arguments: names)
  func `every table names a stem, blocks and projections`(name: String) throws {
    for table in try convention(name).tables {
      #expect(table.name(of: ModulePath.stemConvolution) != nil)
      for stage in 1...4 {
        #expect(table.name(of: ModulePath.convolution(stage: stage, block: 0, index: 3)) != nil)
        #expect(table.name(of: ModulePath.norm(stage: stage, block: 35, index: 1)) != nil)
        #expect(table.name(of: ModulePath.shortcutConvolution(stage: stage, block: 0)) != nil)
      }
    }
  }

  @Test func `the tree has a name for every place`() {
    for kind in ModuleKind.allCases {
      let place = ModulePath(kind, .init(stage: 1, block: 2, index: 3, layer: 4))
      #expect(Convention.tree.tables[0].name(of: place) == place.description)
    }
  }

  @Test func `the smallest and the largest numbers are read`() {
    for number in [0, 1, 9, 10, 999_999] {
      let module = ModulePath.convolution(stage: number, block: number, index: number)
      #expect(Convention.torchvision.module(of: Convention.torchvision.name(of: module)) == module)
      let layer = ModulePath.classifier(layer: number)
      #expect(Convention.torchvision.module(of: Convention.torchvision.name(of: layer)) == layer)
    }
  }

  @Test func `a place that a convention has no name for keeps the tree's`() {
    let place = ModulePath.channelAttention(stage: 1, block: 0)
    #expect(Convention.huggingFace.name(of: place) == "stage1.0.attention")
  }

  @Test func `conventions are found by their names, the tree's is not offered`() {
    #expect(
      Convention.all.map(\.name) == [
        "torchvision", "cifar-chenyaofo", "cifar-akamaster", "cifar-kuangliu", "timm", "timm-v2",
        "huggingface", "detectron2", "caffe2", "mmpretrain", "cifar", "cifar-weiaicunzai", "cifar-wide-resnet",
        "keras", "keras-v2", "keras-legacy",
      ])
    for convention in Convention.all {
      #expect(Convention.named(convention.name)?.name == convention.name)
    }
    #expect(Convention.named("tree") == nil)
    #expect(Convention.named("Torchvision") == nil)
    #expect(Convention.named("") == nil)
  }

  @Test(arguments: [
    ("torchvision", "downsample", "fc"), ("cifar-chenyaofo", "downsample", "fc"),
    ("cifar-akamaster", "shortcut", "linear"), ("cifar-kuangliu", "shortcut", "linear"),
  ])
  func `a convention writes the names of its own code`(
    name: String, shortcut: String, head: String
  ) throws {
    let convention = try convention(name)
    #expect(convention.name(of: ModulePath.stemConvolution) == "conv1")
    #expect(convention.name(of: ModulePath.stemNorm) == "bn1")
    #expect(
      convention.name(of: ModulePath.convolution(stage: 2, block: 0, index: 1)) == "layer2.0.conv1")
    #expect(convention.name(of: ModulePath.norm(stage: 4, block: 12, index: 3)) == "layer4.12.bn3")
    #expect(
      convention.name(of: ModulePath.shortcutConvolution(stage: 2, block: 0))
        == "layer2.0.\(shortcut).0")
    #expect(
      convention.name(of: ModulePath.shortcutNorm(stage: 2, block: 0)) == "layer2.0.\(shortcut).1")
    #expect(convention.name(of: ModulePath.classifier(layer: nil)) == head)
    #expect(convention.name(of: ModulePath.classifier(layer: 3)) == "\(head).3")
    #expect(
      convention.name(of: ParameterPath(.stemNorm, .batchesTracked)) == "bn1.num_batches_tracked")
  }

  @Test func `the tree's names are its places as they are written`() {
    var random = SeededRandom(seed: 11)
    for _ in 0..<500 {
      let path = ParameterPath.random(using: &random)
      #expect(Convention.tree.name(of: path) == path.description)
    }
  }

  @Test(arguments: ["torchvision", "cifar", "variants"])
  func `every name that torch wrote is read, by its author's convention and back`(
    family: String
  ) throws {
    for network in try StateDict.names(of: family) {
      let author = network.split(separator: "-").first ?? ""
      let convention = Convention.named("cifar-\(author)") ?? .torchvision
      for entry in try StateDict(family, network).entries {
        let path = try #require(convention.path(of: entry.name), "\(entry.name)")
        #expect(path == entry.place)
        #expect(convention.name(of: path) == entry.name)
      }
    }
  }

  // MARK: What is no name

  @Test(arguments: [
    "", ".", "weight", ".weight", "conv1", "conv1.", "conv1.weights", "conv1.Weight", "conv1.weight ",
    " conv1.weight", "conv1..weight", "conv11.weight", "bn1.running_mean.0",
    // Leading zeros and signs.
    "layer01.0.conv1.weight", "layer1.00.conv1.weight", "layer1.0.conv01.weight", "fc.00.weight",
    "layer+1.0.conv1.weight", "layer-1.0.conv1.weight", "layer1.-0.conv1.weight",
    // Numbers that are absent or huge.
    "layer.0.conv1.weight", "layer1..conv1.weight", "layer1.0.conv.weight", "fc..weight",
    "layer1000000.0.conv1.weight", "layer1.9223372036854775808.conv1.weight",
    "layer1.18446744073709551617.conv1.weight", "fc.99999999999999999999999999.weight",
    // Digits of other scripts, and of other kinds.
    "layer١.0.conv1.weight", "layer1.０.conv1.weight", "layer1.0.conv²1.weight", "layer1.0.conv1\u{301}.weight",
    "layer1.0x1.conv1.weight", "layer1.1e0.conv1.weight", "layer1.1_0.conv1.weight",
    // Names within longer ones.
    "module.conv1.weight", "layer1.0.conv1.weight.weight", "layer1.0.0.conv1.weight", "xlayer1.0.conv1.weight",
    "layer1.0.downsample.weight", "layer1.0.downsample.3.weight", "layer1.0.downsample.0.0.weight",
    "fc.1.2.weight", "layer1.0.conv1\u{0}.weight",
  ])
  func `a name that no rule gives is not read`(name: String) {
    for convention in Convention.all {
      #expect(convention.path(of: name) == nil, "\(convention.name)")
    }
  }

  // MARK: Preprocessing

  private func network(
    stem: Architecture.Stem, _ shortcut: Architecture.Shortcut, classes: Int?, inputChannels: Int = 3
  ) -> Architecture {
    Architecture(
      block: .basic, channels: [[[8, 8]]], projections: [[false]], stem: stem, stemWidth: 8,
      inputChannels: inputChannels, shortcut: shortcut, stridePlacement: .init(.v15, from: .none),
      epsilon: .init(1e-5, from: .none), normalization: .batchNorm(affine: true, statistics: true),
      hasConvolutionBias: false, head: classes == nil ? .none : .linear, headWidths: classes.map { [$0] } ?? [],
      hasHeadBias: classes != nil)
  }

  @Test func `the preprocessing is that of the convention's own training code`() {
    let imageNet = network(stem: .sevenWithMaxPool, .projection, classes: 7)
    #expect(Convention.torchvision.preprocessing(of: imageNet) == .torchvision)
    let optionA = network(stem: .three, .zeroPadded, classes: 10)
    #expect(Convention.akamaster.preprocessing(of: optionA) == .cifarWithImageNetStatistics)
    let (ten, hundred) = (
      network(stem: .three, .projection, classes: 10), network(stem: .three, .projection, classes: 100)
    )
    #expect(Convention.chenyaofo.preprocessing(of: ten) == .cifar10)
    #expect(Convention.chenyaofo.preprocessing(of: hundred) == .cifar100)
    #expect(Convention.kuangliu.preprocessing(of: ten) == .cifar10)
  }

  @Test func `where training code cannot be told, there is no preprocessing`() {
    let backbone = network(stem: .three, .projection, classes: nil)
    let hundred = network(stem: .three, .projection, classes: 100)
    #expect(Convention.chenyaofo.preprocessing(of: backbone) == nil)
    #expect(Convention.kuangliu.preprocessing(of: hundred) == nil)
    // Not the convention's own kind of network, or not its images.
    #expect(Convention.torchvision.preprocessing(of: hundred) == nil)
    let grey = network(stem: .sevenWithMaxPool, .projection, classes: 10, inputChannels: 1)
    #expect(Convention.torchvision.preprocessing(of: grey) == nil)
    #expect(Convention.tree.preprocessing(of: hundred) == nil)
  }

  @Test func `conventions do not read the names of others`() throws {
    #expect(Convention.torchvision.path(of: "linear.weight") == nil)
    #expect(Convention.torchvision.path(of: "layer1.0.shortcut.0.weight") == nil)
    #expect(Convention.akamaster.path(of: "fc.weight") == nil)
    #expect(Convention.kuangliu.path(of: "layer1.0.downsample.0.weight") == nil)
    #expect(Convention.tree.path(of: "conv1.weight") == nil)
  }
}

extension ParameterPath {
  /// Any place, with numbers of up to six digits.
  static func random(using random: inout SeededRandom) -> ParameterPath {
    func number() -> Int {
      Int.random(in: 0..<[10, 100, 1_000_000][Int.random(in: 0..<3, using: &random)], using: &random)
    }
    let module: ModulePath =
      switch Int.random(in: 0..<15, using: &random) {
      case 0: .stemConvolution
      case 1: .stemNorm
      case 2: .convolution(stage: number(), block: number(), index: number() + 1)
      case 3: .norm(stage: number(), block: number(), index: number() + 1)
      case 4: .shortcutConvolution(stage: number(), block: number())
      case 5: .shortcutNorm(stage: number(), block: number())
      case 6: .classifier(layer: nil)
      case 7: .innerStemConvolution(index: number())
      case 8: .innerStemNorm(index: number())
      case 9: .stemPoolConvolution
      case 10: .stemPoolNorm
      case 11: .squeezeExcitation(stage: number(), block: number(), index: number())
      case 12: .channelAttention(stage: number(), block: number())
      case 13: .finalNorm
      default: .classifier(layer: number())
      }
    return ParameterPath(module, Kind.allCases.randomElement(using: &random) ?? .weight)
  }
}
