import ResectResNets
import Testing

@Suite struct ArchitectureTests {
  @Test(
    arguments: [
      (.basic, 64, 1, 64, [[64, 64], [128, 128]]),
      (.bottleneck, 64, 1, 64, [[64, 64, 256], [128, 128, 512]]),
      // ResNeXt 32×4d and wide ResNet-2, tables 1 of Xie et al. (2017) and Zagoruyko and Komodakis (2016).
      (.bottleneck, 64, 32, 4, [[128, 128, 256], [256, 256, 512]]),
      (.bottleneck, 64, 1, 128, [[128, 128, 256], [256, 256, 512]]),
      // torchvision: int(planes * (base_width / 64)) * groups.
      (.bottleneck, 24, 2, 40, [[30, 30, 96], [60, 60, 192]]),
    ] as [(Architecture.Block, Int, Int, Int, [[Int]])])
  func `a regular stage has torchvision's channels`(
    block: Architecture.Block, width: Int, groups: Int, widthPerGroup: Int, expected: [[Int]]
  ) {
    let channels = Architecture.regularChannels(
      block: block, depths: [2, 1], widths: [width, 2 * width], groups: groups,
      widthPerGroup: widthPerGroup)
    #expect(channels == [[expected[0], expected[0]], [expected[1]]])
  }

  @Test func `a stage begins with a projection where channels or strides change`() {
    func projections(_ stem: Int, _ shortcut: Architecture.Shortcut = .projection) -> [[Bool]] {
      Architecture.regularProjections(
        channels: [[[8, 16], [8, 16]], [[8, 16]]], stemWidth: stem, shortcut: shortcut)
    }
    #expect(projections(16) == [[false, false], [true]])
    #expect(projections(8) == [[true, false], [true]])
    #expect(projections(8, .zeroPadded) == [[false, false], [false]])
  }
}
