extension Preprocessing {
  private static let imageNetMean = [0.485, 0.456, 0.406]
  private static let imageNetStd = [0.229, 0.224, 0.225]
  private static let cropped224 = Size(width: 224, height: 224)
  private static let cropped32 = Size(width: 32, height: 32)

  /// torchvision's for its ResNets of 2016, and what nearly everybody trains on ImageNet with: the shorter side 256, the middle
  /// 224 × 224, ImageNet's mean and standard deviation.
  public static let torchvision = Preprocessing(
    unchecked: "torchvision", .shorterSide(256), .bilinear, cropped224, 1 / 255, .rgb, mean: imageNetMean,
    std: imageNetStd)

  /// 32 × 32 and the statistics of CIFAR-10, as kuangliu/pytorch-cifar and chenyaofo/pytorch-cifar-models have them.
  public static let cifar10 = Preprocessing(
    unchecked: "cifar10", .shorterSide(32), .bilinear, cropped32, 1 / 255, .rgb,
    mean: [0.4914, 0.4822, 0.4465], std: [0.2023, 0.1994, 0.2010])

  /// 32 × 32 and the statistics of CIFAR-100, as chenyaofo/pytorch-cifar-models has them.
  public static let cifar100 = Preprocessing(
    unchecked: "cifar100", .shorterSide(32), .bilinear, cropped32, 1 / 255, .rgb,
    mean: [0.5070, 0.4865, 0.4409], std: [0.2673, 0.2564, 0.2761])

  /// 32 × 32 with ImageNet's statistics, as akamaster/pytorch_resnet_cifar10 trains on CIFAR-10.
  public static let cifarWithImageNetStatistics = Preprocessing(
    unchecked: "cifar-imagenet-statistics", .shorterSide(32), .bilinear, cropped32, 1 / 255, .rgb,
    mean: imageNetMean, std: imageNetStd)

  /// Keras' `preprocess_input` in the mode `caffe`, for its ResNets of version 1: blue first, 0 to 255, ImageNet's mean.
  ///
  /// Keras does not say how the image gets its size: its examples stretch it to 224 × 224 with the nearest pixel. Here it is
  /// resized and cropped as for torchvision, which loses no proportion.
  public static let kerasCaffe = Preprocessing(
    unchecked: "keras-caffe", .shorterSide(256), .bilinear, cropped224, 1, .bgr,
    mean: [103.939, 116.779, 123.68], std: [1, 1, 1])

  /// Keras' `preprocess_input` in the mode `tf`, for its ResNets of version 2: −1 to 1. The size as for ``kerasCaffe``.
  public static let kerasTF = Preprocessing(
    unchecked: "keras-tf", .shorterSide(256), .bilinear, cropped224, 1 / 127.5, .rgb, mean: [1, 1, 1],
    std: [1, 1, 1])

  /// The pixels as they are, 0 to 255, red first.
  public static let none = Preprocessing(
    unchecked: "none", .none, .bilinear, nil, 1, .rgb, mean: [0, 0, 0], std: [1, 1, 1])

  /// Every preset.
  public static let presets = [
    torchvision, cifar10, cifar100, cifarWithImageNetStatistics, kerasCaffe, kerasTF, none,
  ]

  /// The presets' names.
  public static var presetNames: [String] { presets.compactMap(\.name) }

  /// The preset called `name`.
  public static func named(_ name: String) -> Preprocessing? { presets.first { $0.name == name } }
}
