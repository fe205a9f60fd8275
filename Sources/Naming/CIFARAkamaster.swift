internal import ResectResNets

extension Convention {
  /// CIFAR ResNets of akamaster/pytorch_resnet_cifar10: three stages, zero-padded shortcuts (option A), `linear`.
  public static let akamaster = Convention(
    name: "cifar-akamaster",
    tables: [.akamaster],
    epsilon: 1e-5,
    stridePlacement: .v15,
    trainingPreprocessing: { _ in .cifarWithImageNetStatistics },
    isNatural: { $0.stem == .three && $0.shortcut == .zeroPadded && !$0.isPreactivated }
  )
}

extension NameTable {
  /// The names of the CIFAR repositories that call a projection `shortcut`.
  static let akamaster = NameTable(.torchStem + .torchBlocks + .shortcut + .linear + .finalNorm)
}
