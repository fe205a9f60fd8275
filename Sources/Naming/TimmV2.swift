internal import ResectResNets

extension Convention {
  /// timm's `models/resnetv2.py`: pre-activated bottlenecks, whose classifier is a 1×1 convolution.
  ///
  /// Its deep stems come with average-pooled shortcuts, which names do not show. Of its networks with group norms (BiT), weights are
  /// standardised before they are used.
  public static let timmV2 = Convention(
    name: "timm-v2",
    tables: [
      NameTable([.stemConvolution: "stem.conv"] + .blocks),
      NameTable(
        [
          .innerStemConvolution: "stem.conv1{index:=1}", .innerStemNorm: "stem.norm1{index:=1}",
          .innerStemConvolution: "stem.conv2{index:=2}", .innerStemNorm: "stem.norm2{index:=2}",
          .stemConvolution: "stem.conv3",
        ] + .blocks, shortcut: .averagePooledProjection),
    ],
    epsilon: 1e-5,
    stridePlacement: .v15,
    convolvesClassifier: true,
    withoutStatistics: "norms of another kind (timm's BiT: group norms, and convolutions that are standardised)",
    isNatural: {
      $0.isPreactivated && $0.block == .bottleneck && $0.stem.isDeep == ($0.shortcut == .averagePooledProjection)
    }
  )
}

extension NameRows {
  fileprivate static let blocks: NameRows = [
    .convolution: "stages.{stage-1}.blocks.{block}.conv{index}",
    .norm: "stages.{stage-1}.blocks.{block}.norm{index}",
    .shortcutConvolution: "stages.{stage-1}.blocks.{block}.downsample.conv",
    .finalNorm: "norm", .classifier: "head.fc",
  ]
}
