internal import ResNets

extension Convention {
  /// The names of the module tree itself, which `.resect` files use. Not tried on other files.
  public static let tree = Convention(
    name: "tree",
    modules: [
      .init("stem.conv", "stem.conv"),
      .init("stem.norm", "stem.norm"),
      .init("stage{stage}.{block}.conv{index}", "stage{stage}.{block}.conv{index}"),
      .init("stage{stage}.{block}.norm{index}", "stage{stage}.{block}.norm{index}"),
      .init("stage{stage}.{block}.shortcut.conv", "stage{stage}.{block}.shortcut.conv"),
      .init("stage{stage}.{block}.shortcut.norm", "stage{stage}.{block}.shortcut.norm"),
      .init("classifier", "classifier"),
      .init("classifier.{layer}", "classifier.{layer}"),
    ],
    epsilon: 1e-5,
    stridePlacement: .unknown,
    isNatural: { _ in true }
  )
}
