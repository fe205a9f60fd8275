internal import ResNets

extension Convention {
  /// CIFAR ResNets of akamaster/pytorch_resnet_cifar10: three stages, zero-padded shortcuts (option A), `linear`.
  public static let akamaster = Convention(
    name: "cifar-akamaster",
    table: .akamaster,
    epsilon: 1e-5,
    stridePlacement: .v15,
    trainingPreprocessing: { _ in .cifarWithImageNetStatistics },
    isNatural: { $0.stem == .three && $0.shortcut == .zeroPadded }
  )
}

extension NameTable {
  /// The names of the CIFAR repositories that call a projection `shortcut`.
  static let akamaster: NameTable = [
    .stemConvolution: "conv1",
    .stemNorm: "bn1",
    .convolution: "layer{stage}.{block}.conv{index}",
    .norm: "layer{stage}.{block}.bn{index}",
    .shortcutConvolution: "layer{stage}.{block}.shortcut.0",
    .shortcutNorm: "layer{stage}.{block}.shortcut.1",
    .classifier: "linear",
    .classifierLayer: "linear.{layer}",
  ]
}
