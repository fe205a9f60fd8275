internal import ResectResNets

extension Convention {
  /// Hugging Face's `transformers`: `ResNetForImageClassification`, and `ResNetModel`, which has no classifier and whose names lack
  /// `resnet.`.
  public static let huggingFace = Convention(
    name: "huggingface",
    tables: [
      NameTable([
        .stemConvolution: "embedder.embedder.convolution",
        .stemNorm: "embedder.embedder.normalization",
        .convolution: "encoder.stages.{stage-1}.layers.{block}.layer.{index-1}.convolution",
        .norm: "encoder.stages.{stage-1}.layers.{block}.layer.{index-1}.normalization",
        .shortcutConvolution: "encoder.stages.{stage-1}.layers.{block}.shortcut.convolution",
        .shortcutNorm: "encoder.stages.{stage-1}.layers.{block}.shortcut.normalization",
      ]),
      NameTable([
        .stemConvolution: "resnet.embedder.embedder.convolution",
        .stemNorm: "resnet.embedder.embedder.normalization",
        .convolution: "resnet.encoder.stages.{stage-1}.layers.{block}.layer.{index-1}.convolution",
        .norm: "resnet.encoder.stages.{stage-1}.layers.{block}.layer.{index-1}.normalization",
        .shortcutConvolution: "resnet.encoder.stages.{stage-1}.layers.{block}.shortcut.convolution",
        .shortcutNorm: "resnet.encoder.stages.{stage-1}.layers.{block}.shortcut.normalization",
        .classifier: "classifier.1",
      ]),
    ],
    epsilon: 1e-5,
    stridePlacement: .v15,
    isNatural: {
      $0.stem == .sevenWithMaxPool && $0.shortcut == .projection && !$0.isPreactivated && $0.groups == 1
    }
  )
}
