internal import ResNets

extension Convention {
  /// torchvision's `models/resnet.py`: ResNet, ResNeXt and wide ResNet, v1.5. Also the original downloads of 2016.
  public static let torchvision = Convention(
    name: "torchvision",
    table: .torchvision,
    epsilon: 1e-5,
    stridePlacement: .v15,
    trainingPreprocessing: { _ in .torchvision },
    isNatural: { $0.stem == .sevenWithMaxPool && $0.shortcut == .projection }
  )
}

extension NameTable {
  /// torchvision's names.
  static let torchvision: NameTable = [
    .stemConvolution: "conv1",
    .stemNorm: "bn1",
    .convolution: "layer{stage}.{block}.conv{index}",
    .norm: "layer{stage}.{block}.bn{index}",
    .shortcutConvolution: "layer{stage}.{block}.downsample.0",
    .shortcutNorm: "layer{stage}.{block}.downsample.1",
    .classifier: "fc",
    .classifierLayer: "fc.{layer}",
  ]
}
