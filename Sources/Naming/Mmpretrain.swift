internal import ResectResNets

extension Convention {
  /// OpenMMLab's mmpretrain (mmcls before): torchvision's names within `backbone`, `head.fc`.
  ///
  /// A pooled shortcut's convolution is `downsample.1` where the block strides, which the first stage's does not.
  public static let mmpretrain = Convention(
    name: "mmpretrain",
    tables: [
      NameTable(.mmStem + .mmBlocks + .mmDownsample + .mmHead),
      NameTable(.mmDeepStem + .mmBlocks + .mmPooledDownsample + .mmHead, shortcut: .averagePooledProjection),
      NameTable(.mmDeepStem + .mmBlocks + .mmDownsample + .mmHead),
      NameTable(.mmStem + .mmBlocks + .mmPooledDownsample + .mmHead, shortcut: .averagePooledProjection),
    ],
    epsilon: 1e-5,
    stridePlacement: .v15,
    isNatural: { $0.shortcut.isProjection && !$0.isPreactivated }
  )
}

extension NameRows {
  fileprivate static let mmStem: NameRows = [
    .stemConvolution: "backbone.conv1", .stemNorm: "backbone.bn1",
  ]

  fileprivate static let mmDeepStem: NameRows = [
    .innerStemConvolution: "backbone.stem.0.conv{index:=1}",
    .innerStemNorm: "backbone.stem.0.bn{index:=1}",
    .innerStemConvolution: "backbone.stem.1.conv{index:=2}",
    .innerStemNorm: "backbone.stem.1.bn{index:=2}",
    .stemConvolution: "backbone.stem.2.conv", .stemNorm: "backbone.stem.2.bn",
  ]

  fileprivate static let mmBlocks: NameRows = [
    .convolution: "backbone.layer{stage}.{block}.conv{index}",
    .norm: "backbone.layer{stage}.{block}.bn{index}",
    .squeezeExcitation: "backbone.layer{stage}.{block}.se_layer.conv{index}.conv",
  ]

  fileprivate static let mmDownsample: NameRows = [
    .shortcutConvolution: "backbone.layer{stage}.{block}.downsample.0",
    .shortcutNorm: "backbone.layer{stage}.{block}.downsample.1",
  ]

  fileprivate static let mmPooledDownsample: NameRows = [
    .shortcutConvolution: "backbone.layer{stage=1}.{block}.downsample.0",
    .shortcutNorm: "backbone.layer{stage=1}.{block}.downsample.1",
    .shortcutConvolution: "backbone.layer{stage}.{block}.downsample.1",
    .shortcutNorm: "backbone.layer{stage}.{block}.downsample.2",
  ]

  fileprivate static let mmHead: NameRows = [.classifier: "head.fc"]
}
