internal import ResectResNets

extension Convention {
  /// What else CIFAR repositories have: a stem called `conv` and `bn`, `shortcut` with `fc`, `downsample` with `linear`.
  public static let cifar = Convention(
    name: "cifar",
    tables: [
      NameTable(.plainStem + .torchBlocks + .downsample + .fc),
      NameTable(.torchStem + .torchBlocks + .shortcut + .fc + .finalNorm),
      NameTable(.torchStem + .torchBlocks + .downsample + .linear + .finalNorm),
      NameTable(.plainStem + .torchBlocks + .shortcut + .linear),
      NameTable(.plainStem + .torchBlocks + .shortcut + .fc),
      NameTable(.plainStem + .torchBlocks + .downsample + .linear),
    ],
    epsilon: 1e-5,
    stridePlacement: .v15,
    isNatural: { $0.stem == .three }
  )
}

extension NameRows {
  fileprivate static let plainStem: NameRows = [.stemConvolution: "conv", .stemNorm: "bn"]
}
