internal import ResectResNets

extension Convention {
  /// timm's `models/resnet.py`: torchvision's names, deep stems, average-pooled shortcuts, squeeze-and-excitation and ECA.
  ///
  /// A pooled shortcut's convolution is `downsample.1` in every stage: before it stands the pooling, or an identity where the
  /// block does not stride.
  public static let timm = Convention(
    name: "timm",
    tables: [
      NameTable(.torchStem + .timmBlocks + .downsample + .fc),
      NameTable(.timmDeepStem + .timmBlocks + .pooledDownsample + .fc, shortcut: .averagePooledProjection),
      NameTable(.timmDeepStem + .timmBlocks + .downsample + .fc),
      NameTable(.torchStem + .timmBlocks + .pooledDownsample + .fc, shortcut: .averagePooledProjection),
    ],
    epsilon: 1e-5,
    stridePlacement: .v15,
    isNatural: { $0.stem != .three && $0.shortcut.isProjection && !$0.isPreactivated }
  )
}

extension NameRows {
  fileprivate static let timmDeepStem: NameRows = [
    .innerStemConvolution: "conv1.0{index:=1}", .innerStemNorm: "conv1.1{index:=1}",
    .innerStemConvolution: "conv1.3{index:=2}", .innerStemNorm: "conv1.4{index:=2}",
    .stemConvolution: "conv1.6", .stemNorm: "bn1",
    // ResNet-RS: what replaces the pooling keeps its name.
    .stemPoolConvolution: "maxpool.0", .stemPoolNorm: "maxpool.1",
  ]

  fileprivate static let timmBlocks: NameRows =
    .torchBlocks + [
      .squeezeExcitation: "layer{stage}.{block}.se.fc{index}",
      .channelAttention: "layer{stage}.{block}.se.conv",
    ]

  fileprivate static let pooledDownsample: NameRows = [
    .shortcutConvolution: "layer{stage}.{block}.downsample.1",
    .shortcutNorm: "layer{stage}.{block}.downsample.2",
  ]
}
