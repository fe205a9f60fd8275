internal import ResectResNets

extension Convention {
  /// Keras' `applications.ResNet50V2`, `ResNet101V2` and `ResNet152V2`: batch-norms come before convolutions, and the last block of
  /// a stage strides, at its 3×3 convolution.
  ///
  /// The numbers of batch-norms are one less than those of the convolutions behind them.
  public static let kerasV2 = Convention(
    name: "keras-v2",
    tables: [
      NameTable([
        .stemConvolution: "conv1_conv",
        .shortcutConvolution: "conv{stage+1}_block{block+1}_0_conv",
        .convolution: "conv{stage+1}_block{block+1}_{index=1}_conv",
        .convolution: "conv{stage+1}_block{block+1}_{index=2}_conv",
        .convolution: "conv{stage+1}_block{block+1}_{index=3}_conv",
        .norm: "conv{stage+1}_block{block+1}_preact_bn{index:=1}",
        .norm: "conv{stage+1}_block{block+1}_1_bn{index:=2}",
        .norm: "conv{stage+1}_block{block+1}_2_bn{index:=3}",
        .finalNorm: "post_bn",
        .classifier: "predictions", .classifier: "probs",
      ])
    ],
    epsilon: 1.001e-5,
    stridePlacement: .v15,
    trainingPreprocessing: { _ in .kerasTF },
    stridedBlocks: .last,
    stemPooling: .symmetricZeros,
    loadsStateDicts: false,
    isNatural: {
      $0.stem == .sevenWithMaxPool && $0.shortcut == .projection && $0.isPreactivated && $0.block == .bottleneck
    }
  )
}
