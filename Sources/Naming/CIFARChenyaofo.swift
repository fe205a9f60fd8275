internal import ResNets

extension Convention {
  /// CIFAR ResNets of chenyaofo/pytorch-cifar-models: torchvision's names on three stages behind a 3×3 stem.
  public static let chenyaofo = Convention(
    name: "cifar-chenyaofo",
    modules: [
      .stemConvolution: "conv1",
      .stemNorm: "bn1",
      .convolution: "layer{stage}.{block}.conv{index}",
      .norm: "layer{stage}.{block}.bn{index}",
      .shortcutConvolution: "layer{stage}.{block}.downsample.0",
      .shortcutNorm: "layer{stage}.{block}.downsample.1",
      .classifier: "fc",
      .classifierLayer: "fc.{layer}",
    ],
    epsilon: 1e-5,
    stridePlacement: .v15,
    isNatural: { $0.stem == .three }
  )
}
