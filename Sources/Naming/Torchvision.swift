internal import ResectResNets

extension Convention {
  /// torchvision's `models/resnet.py`: ResNet, ResNeXt and wide ResNet, v1.5. Also the original downloads of 2016.
  public static let torchvision = Convention(
    name: "torchvision",
    tables: [.torchvision],
    epsilon: 1e-5,
    stridePlacement: .v15,
    trainingPreprocessing: { _ in .torchvision },
    isNatural: {
      $0.stem == .sevenWithMaxPool && $0.shortcut == .projection && !$0.isPreactivated && $0.attention == nil
    }
  )
}

extension NameTable {
  /// torchvision's names.
  static let torchvision = NameTable(.torchStem + .torchBlocks + .downsample + .fc)
}

/// Parts of tables that many repositories share, since they began as copies of torchvision's code.
extension NameRows {
  static let torchStem: NameRows = [.stemConvolution: "conv1", .stemNorm: "bn1"]

  static let torchBlocks: NameRows = [
    .convolution: "layer{stage}.{block}.conv{index}", .norm: "layer{stage}.{block}.bn{index}",
  ]

  static let downsample: NameRows = [
    .shortcutConvolution: "layer{stage}.{block}.downsample.0",
    .shortcutNorm: "layer{stage}.{block}.downsample.1",
  ]

  static let shortcut: NameRows = [
    .shortcutConvolution: "layer{stage}.{block}.shortcut.0",
    .shortcutNorm: "layer{stage}.{block}.shortcut.1",
  ]

  static let fc: NameRows = [.classifier: "fc", .classifierLayer: "fc.{layer}"]

  static let linear: NameRows = [.classifier: "linear", .classifierLayer: "linear.{layer}"]

  /// The batch-norm after the last stage of pre-activated networks.
  static let finalNorm: NameRows = [.finalNorm: "bn"]
}
