internal import ResNets

extension Convention {
  /// CIFAR ResNets of akamaster/pytorch_resnet_cifar10: three stages, zero-padded shortcuts (option A), `linear`.
  public static let akamaster = Convention(
    name: "cifar-akamaster",
    modules: [
      .init("stem.conv", "conv1"),
      .init("stem.norm", "bn1"),
      .init("stage{stage}.{block}.conv{index}", "layer{stage}.{block}.conv{index}"),
      .init("stage{stage}.{block}.norm{index}", "layer{stage}.{block}.bn{index}"),
      .init("stage{stage}.{block}.shortcut.conv", "layer{stage}.{block}.shortcut.0"),
      .init("stage{stage}.{block}.shortcut.norm", "layer{stage}.{block}.shortcut.1"),
      .init("classifier", "linear"),
      .init("classifier.{layer}", "linear.{layer}"),
    ],
    epsilon: 1e-5,
    stridePlacement: .v15,
    isNatural: { $0.stem == .three && $0.shortcut == .zeroPadded }
  )
}
