internal import ResectResNets

extension Convention {
  /// CIFAR ResNets of kuangliu/pytorch-cifar, v1 and pre-activated: projections called `shortcut`, `linear`.
  public static let kuangliu = Convention(
    name: "cifar-kuangliu",
    tables: [.akamaster],
    epsilon: 1e-5,
    stridePlacement: .v15,
    trainingPreprocessing: { $0.classes == 10 ? .cifar10 : nil },
    isNatural: { $0.stem == .three && $0.shortcut == .projection }
  )
}
