extension Architecture {
  /// The name that the literature or torchvision has for this architecture, if it has one.
  public var name: String? {
    let isPlain =
      projections
      == Architecture.regularProjections(
        channels: channels, stemWidth: stemWidth, shortcut: shortcut)
    guard isPlain, let widthPerGroup, widths.first == stemWidth else { return nil }
    if widths == [16, 32, 64], block == .basic, stem == .three, Set(depths).count == 1 {
      return "cifar-resnet\(6 * depths[0] + 2)"
    }
    guard widths == [64, 128, 256, 512], shortcut == .projection else { return nil }
    let known = Architecture.known.first {
      $0.block == block && $0.depths == depths && $0.groups == groups
        && $0.widthPerGroup == widthPerGroup
    }
    return known.map { stem == .sevenWithMaxPool ? $0.name : "\($0.name)-3x3stem" }
  }

  private static let known: [(name: String, block: Block, depths: [Int], groups: Int, widthPerGroup: Int)] = [
    ("resnet10", .basic, [1, 1, 1, 1], 1, 64),
    ("resnet18", .basic, [2, 2, 2, 2], 1, 64),
    ("resnet34", .basic, [3, 4, 6, 3], 1, 64),
    ("resnet26", .bottleneck, [2, 2, 2, 2], 1, 64),
    ("resnet50", .bottleneck, [3, 4, 6, 3], 1, 64),
    ("resnet101", .bottleneck, [3, 4, 23, 3], 1, 64),
    ("resnet152", .bottleneck, [3, 8, 36, 3], 1, 64),
    ("resnext50_32x4d", .bottleneck, [3, 4, 6, 3], 32, 4),
    ("resnext101_32x4d", .bottleneck, [3, 4, 23, 3], 32, 4),
    ("resnext101_32x8d", .bottleneck, [3, 4, 23, 3], 32, 8),
    ("resnext101_32x16d", .bottleneck, [3, 4, 23, 3], 32, 16),
    ("resnext101_32x32d", .bottleneck, [3, 4, 23, 3], 32, 32),
    ("resnext101_32x48d", .bottleneck, [3, 4, 23, 3], 32, 48),
    ("resnext101_64x4d", .bottleneck, [3, 4, 23, 3], 64, 4),
    ("wide_resnet50_2", .bottleneck, [3, 4, 6, 3], 1, 128),
    ("wide_resnet101_2", .bottleneck, [3, 4, 23, 3], 1, 128),
  ]
}
