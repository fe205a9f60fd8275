extension Architecture {
  /// The name that the literature, torchvision or timm has for this architecture, if it has one.
  public var name: String? {
    let isPlain =
      projections
      == Architecture.regularProjections(
        channels: channels, stemWidth: stemWidth, shortcut: shortcut)
    guard isPlain, projectionKernels.isEmpty, let widthPerGroup, padding == .symmetric || stem == .three
    else { return nil }
    if widths == [16, 32, 64], stemWidth == 16, block == .basic, stem == .three, Set(depths).count == 1,
      attention == nil
    {
      return "\(isPreactivated ? "cifar-preact-resnet" : "cifar-resnet")\(6 * depths[0] + 2)"
    }
    guard widths == [64, 128, 256, 512], let variant else { return nil }
    let known = Architecture.known.first {
      $0.block == block && $0.depths == depths && $0.groups == groups
        && $0.widthPerGroup == widthPerGroup
    }
    guard let known else { return nil }
    let attention =
      switch attention?.kind {
      // ResNet-RS has it always, and says so by its name.
      case .squeezeExcitation where stem == .deepWithConvolution: ""
      case .squeezeExcitation, .linearSqueezeExcitation: "se"
      case .efficientChannel: "eca"
      case nil: ""
      }
    return isPreactivated ? preactivatedName(known.name) : attention + known.name.varied(by: variant)
  }

  /// What stem and shortcuts add to the name; nothing where no name is known for them.
  private var variant: Variant? {
    let isAveraged = shortcut == .averagePooledProjection
    switch (stem, innerStemWidths + [stemWidth]) {
    case (.sevenWithMaxPool, [64]) where shortcut == .projection: return .letter("")
    case (.three, [64]) where shortcut == .projection: return .suffix("-3x3stem")
    case (.deepWithMaxPool, [32, 32, 64]) where shortcut.isProjection:
      return .letter(isAveraged ? "d" : "c")
    case (.deepWithMaxPool, [24, 32, 64]) where isAveraged: return .letter("t")
    case (.deepWithMaxPool, [64, 64, 128]) where shortcut.isProjection:
      return .letter(isAveraged ? "e" : "s")
    case (.deepWithConvolution, [32, 32, 64]) where isAveraged: return .letter("rs")
    default: return nil
    }
  }

  private func preactivatedName(_ name: String) -> String? {
    guard attention == nil, shortcut == .projection else { return nil }
    switch (stem, stridedBlocks) {
    case (.sevenWithMaxPool, .last): return "\(name)v2"
    case (.sevenWithMaxPool, .first): return "preact-\(name)"
    case (.three, .first): return "preact-\(name)-3x3stem"
    default: return nil
    }
  }

  private static let known: [(name: String, block: Block, depths: [Int], groups: Int, widthPerGroup: Int)] = [
    ("resnet10", .basic, [1, 1, 1, 1], 1, 64),
    ("resnet14", .bottleneck, [1, 1, 1, 1], 1, 64),
    ("resnet18", .basic, [2, 2, 2, 2], 1, 64),
    ("resnet34", .basic, [3, 4, 6, 3], 1, 64),
    ("resnet26", .bottleneck, [2, 2, 2, 2], 1, 64),
    ("resnet50", .bottleneck, [3, 4, 6, 3], 1, 64),
    ("resnet101", .bottleneck, [3, 4, 23, 3], 1, 64),
    ("resnet152", .bottleneck, [3, 8, 36, 3], 1, 64),
    ("resnet200", .bottleneck, [3, 24, 36, 3], 1, 64),
    ("resnet269", .bottleneck, [3, 30, 48, 8], 1, 64),
    ("resnet270", .bottleneck, [4, 29, 53, 4], 1, 64),
    ("resnet350", .bottleneck, [4, 36, 72, 4], 1, 64),
    ("resnet420", .bottleneck, [4, 44, 87, 4], 1, 64),
    ("resnext26_32x4d", .bottleneck, [2, 2, 2, 2], 32, 4),
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

/// What stem and shortcuts add to a name.
private enum Variant {
  /// A letter after the number of layers, as in `resnext50d_32x4d`.
  case letter(String)
  case suffix(String)
}

extension String {
  fileprivate func varied(by variant: Variant) -> String {
    switch variant {
    case .suffix(let suffix): return self + suffix
    case .letter("rs"): return replacing("resnet", with: "resnetrs")
    case .letter(let letter):
      // What follows the number of layers begins with an underscore; a wide ResNet's name does, too.
      let digits = firstIndex { $0.isNumber } ?? endIndex
      let end = self[digits...].firstIndex { !$0.isNumber } ?? endIndex
      return String(self[..<end]) + letter + String(self[end...])
    }
  }
}
