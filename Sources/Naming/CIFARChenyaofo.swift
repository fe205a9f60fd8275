internal import ResNets

extension Convention {
  /// CIFAR ResNets of chenyaofo/pytorch-cifar-models: torchvision's names on three stages behind a 3×3 stem.
  public static let chenyaofo = Convention(
    name: "cifar-chenyaofo",
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
    isNatural: { $0.stem == .three }
  )
}
