internal import ResNets

extension Convention {
  /// CIFAR ResNets of kuangliu/pytorch-cifar: projections called `shortcut`, `linear`.
  public static let kuangliu = Convention(
    name: "cifar-kuangliu",
    modules: [
      .stemConvolution: "conv1",
      .stemNorm: "bn1",
      .convolution: "layer{stage}.{block}.conv{index}",
      .norm: "layer{stage}.{block}.bn{index}",
      .shortcutConvolution: "layer{stage}.{block}.shortcut.0",
      .shortcutNorm: "layer{stage}.{block}.shortcut.1",
      .classifier: "linear",
      .classifierLayer: "linear.{layer}",
    ],
    epsilon: 1e-5,
    stridePlacement: .v15,
    isNatural: { $0.stem == .three && $0.shortcut == .projection }
  )
}
