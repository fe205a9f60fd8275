import ResectResNets
import Testing

@Suite struct ArchitectureNameTests {
  /// A regular network.
  private func network(
    _ block: Architecture.Block, _ depths: [Int], widths: [Int] = [64, 128, 256, 512],
    groups: Int = 1, widthPerGroup: Int = 64, stem: Architecture.Stem = .sevenWithMaxPool,
    stemWidth: Int = 64, shortcut: Architecture.Shortcut = .projection
  ) -> Architecture {
    let channels = Architecture.regularChannels(
      block: block, depths: depths, widths: widths, groups: groups, widthPerGroup: widthPerGroup)
    return Architecture(
      block: block, channels: channels,
      projections: Architecture.regularProjections(
        channels: channels, stemWidth: stemWidth, shortcut: shortcut),
      groups: groups, stem: stem, stemWidth: stemWidth, shortcut: shortcut,
      stridePlacement: .init(.unknown, from: .none), epsilon: .init(nil, from: .none),
      normalization: .none, hasConvolutionBias: true, head: .none, headWidths: [],
      hasHeadBias: false)
  }

  @Test(
    arguments: [
      (.basic, [1, 1, 1, 1], 1, 64, "resnet10"), (.bottleneck, [2, 2, 2, 2], 1, 64, "resnet26"),
      (.bottleneck, [3, 4, 23, 3], 32, 4, "resnext101_32x4d"),
      (.bottleneck, [3, 4, 23, 3], 32, 16, "resnext101_32x16d"),
      (.bottleneck, [3, 4, 23, 3], 32, 32, "resnext101_32x32d"),
      (.bottleneck, [3, 4, 23, 3], 32, 48, "resnext101_32x48d"),
    ] as [(Architecture.Block, [Int], Int, Int, String)])
  func `a published depth and width has its published name`(
    _ block: Architecture.Block, _ depths: [Int], _ groups: Int, _ width: Int, _ name: String
  ) {
    #expect(network(block, depths, groups: groups, widthPerGroup: width).name == name)
  }

  @Test(arguments: [1, 3, 5, 18, 200, 7])
  func `a CIFAR network is named after its layers`(_ depth: Int) {
    for shortcut in Architecture.Shortcut.allCases {
      let small = network(
        .basic, [depth, depth, depth], widths: [16, 32, 64], stem: .three, stemWidth: 16,
        shortcut: shortcut)
      #expect(small.name == "cifar-resnet\(6 * depth + 2)")
    }
  }

  @Test func `what departs from a published network has no name`() {
    #expect(network(.basic, [2, 2, 2, 3]).name == nil)
    #expect(network(.basic, [3, 4, 23, 3]).name == nil)
    #expect(network(.bottleneck, [2, 2, 2]).name == nil)
    #expect(network(.basic, [2, 2, 2, 2], stemWidth: 32).name == nil)
    #expect(network(.basic, [2, 2, 2, 2], widths: [64, 128, 256, 640]).name == nil)
    #expect(network(.basic, [2, 2, 2, 2], shortcut: .zeroPadded).name == nil)
    #expect(network(.bottleneck, [3, 4, 6, 3], widthPerGroup: 96).name == nil)
    #expect(network(.bottleneck, [3, 4, 6, 3], groups: 32, widthPerGroup: 8).name == nil)
    #expect(network(.basic, [3, 3, 5], widths: [16, 32, 64], stem: .three, stemWidth: 16).name == nil)
    #expect(network(.basic, [3, 3, 3], widths: [16, 32, 64], stemWidth: 16).name == nil)
  }
}
