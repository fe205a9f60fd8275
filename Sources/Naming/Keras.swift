internal import ResectResNets

extension Convention {
  /// Keras' `applications.ResNet50`, `ResNet101` and `ResNet152`, since 2019: convolutions have biases, and blocks stride at their
  /// first convolution.
  public static let keras = Convention(
    name: "keras",
    tables: [
      NameTable([
        .stemConvolution: "conv1_conv", .stemNorm: "conv1_bn",
        .shortcutConvolution: "conv{stage+1}_block{block+1}_0_conv",
        .shortcutNorm: "conv{stage+1}_block{block+1}_0_bn",
        .convolution: "conv{stage+1}_block{block+1}_{index=1}_conv",
        .convolution: "conv{stage+1}_block{block+1}_{index=2}_conv",
        .convolution: "conv{stage+1}_block{block+1}_{index=3}_conv",
        .norm: "conv{stage+1}_block{block+1}_{index=1}_bn",
        .norm: "conv{stage+1}_block{block+1}_{index=2}_bn",
        .norm: "conv{stage+1}_block{block+1}_{index=3}_bn",
        .classifier: "predictions", .classifier: "probs",
      ])
    ],
    epsilon: 1.001e-5,
    stridePlacement: .v1,
    trainingPreprocessing: { _ in .kerasCaffe },
    loadsStateDicts: false,
    isNatural: {
      $0.stem == .sevenWithMaxPool && $0.shortcut == .projection && !$0.isPreactivated && $0.block == .bottleneck
    }
  )
}
