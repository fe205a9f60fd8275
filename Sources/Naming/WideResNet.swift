internal import ResectResNets

extension Convention {
  /// Wide ResNets for CIFAR of xternalz/WideResNet-pytorch, pre-activated: `block1.layer.0`, `convShortcut`.
  public static let wideResNet = Convention(
    name: "cifar-wide-resnet",
    tables: [
      NameTable([
        .stemConvolution: "conv1",
        .convolution: "block{stage}.layer.{block}.conv{index}",
        .norm: "block{stage}.layer.{block}.bn{index}",
        .shortcutConvolution: "block{stage}.layer.{block}.convShortcut",
        .finalNorm: "bn1",
        .classifier: "fc",
      ])
    ],
    epsilon: 1e-5,
    stridePlacement: .v15,
    isNatural: { $0.stem == .three && $0.isPreactivated && $0.shortcut != .inputProjection }
  )
}
