internal import ResectResNets

extension Convention {
  /// CIFAR-100 ResNets of weiaicunzai/pytorch-cifar100: stages called `conv2_x` to `conv5_x`, layers by their positions.
  public static let weiaicunzai = Convention(
    name: "cifar-weiaicunzai",
    tables: [
      NameTable([
        .stemConvolution: "conv1.0",
        .stemNorm: "conv1.1",
        .convolution: "conv{stage+1}_x.{block}.residual_function.{3*index-3}",
        .norm: "conv{stage+1}_x.{block}.residual_function.{3*index-2}",
        .shortcutConvolution: "conv{stage+1}_x.{block}.shortcut.0",
        .shortcutNorm: "conv{stage+1}_x.{block}.shortcut.1",
        .classifier: "fc",
      ])
    ],
    epsilon: 1e-5,
    stridePlacement: .v15,
    isNatural: { $0.stem == .three }
  )
}
