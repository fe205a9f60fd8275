internal import ResNets

extension Convention {
  /// torchvision's `models/resnet.py`: ResNet, ResNeXt and wide ResNet, v1.5. Also the original downloads of 2016.
  public static let torchvision = Convention(
    name: "torchvision",
    modules: [
      .init("stem.conv", "conv1"),
      .init("stem.norm", "bn1"),
      .init("stage{stage}.{block}.conv{index}", "layer{stage}.{block}.conv{index}"),
      .init("stage{stage}.{block}.norm{index}", "layer{stage}.{block}.bn{index}"),
      .init("stage{stage}.{block}.shortcut.conv", "layer{stage}.{block}.downsample.0"),
      .init("stage{stage}.{block}.shortcut.norm", "layer{stage}.{block}.downsample.1"),
      .init("classifier", "fc"),
      .init("classifier.{layer}", "fc.{layer}"),
    ],
    epsilon: 1e-5,
    stridePlacement: .v15,
    isNatural: { $0.stem == .sevenWithMaxPool }
  )
}
