internal import ResectResNets

extension Convention {
  /// The names of the module tree itself, which `.resect` files use. Not tried on other files.
  public static let tree = Convention(
    name: "tree",
    tables: [.tree],
    epsilon: nil,
    stridePlacement: .unknown,
    trainingPreprocessing: { _ in nil },
    loadsStateDicts: false,
    isNatural: { _ in true }
  )
}

extension NameTable {
  /// The names of the module tree.
  static let tree = NameTable([
    .stemConvolution: "stem.conv",
    .stemNorm: "stem.norm",
    .innerStemConvolution: "stem.conv{index}",
    .innerStemNorm: "stem.norm{index}",
    .stemPoolConvolution: "stem.pool.conv",
    .stemPoolNorm: "stem.pool.norm",
    .convolution: "stage{stage}.{block}.conv{index}",
    .norm: "stage{stage}.{block}.norm{index}",
    .squeezeExcitation: "stage{stage}.{block}.excitation{index}",
    .channelAttention: "stage{stage}.{block}.attention",
    .shortcutConvolution: "stage{stage}.{block}.shortcut.conv",
    .shortcutNorm: "stage{stage}.{block}.shortcut.norm",
    .finalNorm: "final.norm",
    .classifier: "classifier",
    .classifierLayer: "classifier.{layer}",
  ])
}
