internal import ResectResNets

extension Convention {
  /// Caffe2's blobs, as in the weights of MSRA that Detectron and detectron2 begin with: v1, batch-norms frozen to a scale and a
  /// shift.
  public static let caffe2 = Convention(
    name: "caffe2",
    tables: [
      NameTable(.caffe2Body + [.classifier: "fc1000"], tensors: .caffe2),
      NameTable(.caffe2Body + [.classifier: "pred"], tensors: .caffe2),
    ],
    epsilon: 1e-5,
    stridePlacement: .v1,
    loadsStateDicts: false,
    freezesNorms: true,
    isNatural: { $0.stem == .sevenWithMaxPool && $0.shortcut == .projection && !$0.isPreactivated }
  )
}

extension NameRows {
  fileprivate static let caffe2Body: NameRows = [
    .stemConvolution: "conv1",
    .stemNorm: "res_conv1_bn",
    .convolution: "res{stage+1}_{block}_branch2{index:a}",
    .norm: "res{stage+1}_{block}_branch2{index:a}_bn",
    .shortcutConvolution: "res{stage+1}_{block}_branch1",
    .shortcutNorm: "res{stage+1}_{block}_branch1_bn",
  ]
}
