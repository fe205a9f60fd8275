internal import ResNets

extension Convention {
  /// The names of the module tree itself, which `.resect` files use. Not tried on other files.
  public static let tree = Convention(
    name: "tree",
    table: .tree,
    epsilon: 1e-5,
    stridePlacement: .unknown,
    trainingPreprocessing: { _ in nil },
    isNatural: { _ in true }
  )
}

extension NameTable {
  /// The names of the module tree.
  static let tree: NameTable = [
    .stemConvolution: "stem.conv",
    .stemNorm: "stem.norm",
    .convolution: "stage{stage}.{block}.conv{index}",
    .norm: "stage{stage}.{block}.norm{index}",
    .shortcutConvolution: "stage{stage}.{block}.shortcut.conv",
    .shortcutNorm: "stage{stage}.{block}.shortcut.norm",
    .classifier: "classifier",
    .classifierLayer: "classifier.{layer}",
  ]
}
