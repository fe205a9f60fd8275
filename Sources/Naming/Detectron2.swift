internal import ResectResNets

extension Convention {
  /// detectron2's `modeling/backbone/resnet.py`: batch-norms within their convolutions, stages called `res2` to `res5`.
  ///
  /// Its networks stride at the first 1×1 (weights of MSRA) or at the 3×3 (weights of torchvision), and the names are the same.
  public static let detectron2 = Convention(
    name: "detectron2",
    tables: [
      NameTable(.detectronStem + .detectronBlocks + [.classifier: "linear"]),
      // What its script makes of torchvision's weights.
      NameTable(.detectronStem + .detectronBlocks + [.classifier: "stem.fc"]),
      // The stem of its DeepLab.
      NameTable(
        [
          .innerStemConvolution: "stem.conv1{index:=1}", .innerStemNorm: "stem.conv1.norm{index:=1}",
          .innerStemConvolution: "stem.conv2{index:=2}", .innerStemNorm: "stem.conv2.norm{index:=2}",
          .stemConvolution: "stem.conv3", .stemNorm: "stem.conv3.norm",
        ] + .detectronBlocks + [.classifier: "linear"]),
    ],
    epsilon: 1e-5,
    stridePlacement: .unknown,
    freezesNorms: true,
    isNatural: { $0.stem != .three && $0.shortcut == .projection && !$0.isPreactivated }
  )
}

extension NameRows {
  fileprivate static let detectronStem: NameRows = [
    .stemConvolution: "stem.conv1", .stemNorm: "stem.conv1.norm",
  ]

  fileprivate static let detectronBlocks: NameRows = [
    .convolution: "res{stage+1}.{block}.conv{index}",
    .norm: "res{stage+1}.{block}.conv{index}.norm",
    .shortcutConvolution: "res{stage+1}.{block}.shortcut",
    .shortcutNorm: "res{stage+1}.{block}.shortcut.norm",
  ]
}
