internal import ResectResNets

extension Convention {
  /// CIFAR ResNets of chenyaofo/pytorch-cifar-models: torchvision's names on three stages behind a 3×3 stem.
  public static let chenyaofo = Convention(
    name: "cifar-chenyaofo",
    tables: [.torchvision],
    epsilon: 1e-5,
    stridePlacement: .v15,
    trainingPreprocessing: { [10: .cifar10, 100: .cifar100][$0.classes ?? 0] },
    isNatural: { $0.stem == .three && $0.shortcut == .projection && !$0.isPreactivated }
  )
}
