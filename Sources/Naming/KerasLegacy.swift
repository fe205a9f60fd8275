internal import ResectResNets

extension Convention {
  /// Keras' `ResNet50` before 2019, after the names of the original Caffe model.
  ///
  /// Blocks are letters. Deeper networks of the same kind, which others made, number them: `res4b22_branch2a`.
  public static let kerasLegacy = Convention(
    name: "keras-legacy",
    tables: [
      NameTable([
        .stemConvolution: "conv1", .stemNorm: "bn_conv1",
        .convolution: "res{stage+1}{block+1:a}_branch2{index:a}",
        .norm: "bn{stage+1}{block+1:a}_branch2{index:a}",
        .shortcutConvolution: "res{stage+1}{block+1:a}_branch1",
        .shortcutNorm: "bn{stage+1}{block+1:a}_branch1",
        .convolution: "res{stage+1}b{block}_branch2{index:a}",
        .norm: "bn{stage+1}b{block}_branch2{index:a}",
        .classifier: "fc1000",
      ])
    ],
    epsilon: 1e-3,
    stridePlacement: .v1,
    trainingPreprocessing: { _ in .kerasCaffe },
    loadsStateDicts: false,
    caution:
      "by its names, Keras wrote this network before 2019; before 2018, its stem's pooling was not padded, which only a whole model tells: compare the results",
    isNatural: {
      $0.stem == .sevenWithMaxPool && $0.shortcut == .projection && !$0.isPreactivated && $0.block == .bottleneck
    }
  )
}
