public import ResectBytes
public import ResectResNets

extension PixelImage {
  /// The image in grey where `preprocessing` asks for it, resized and cropped as it says.
  public func prepared(by preprocessing: Preprocessing) throws(ResectError) -> PixelImage {
    var image = preprocessing.channelOrder == .grey ? grey : self
    let filter = ResampleFilter(preprocessing.filter)
    switch preprocessing.resize {
    case .none: break
    case .shorterSide(let side): image = try image.shorterSideResized(to: side, filter: filter)
    case .exact(let size):
      image = try image.resized(width: size.width, height: size.height, filter: filter)
    }
    guard let crop = preprocessing.crop else { return image }
    return try image.centerCropped(width: crop.width, height: crop.height)
  }

  /// The input of a network: the image resized, cropped and normalised, channel by channel, each row by row from the top
  /// (C × H × W).
  ///
  /// Every step is in float32, as torchvision's `ToTensor` and `Normalize` and Keras' `preprocess_input` compute it, and gives
  /// the same bits: the pixel is divided by `Preprocessing.divisor` (where there is none: multiplied by the scale), the mean
  /// is subtracted, the result is divided by the deviation.
  public func input(
    for preprocessing: Preprocessing
  ) throws(ResectError) -> (values: [Float], width: Int, height: Int) {
    let image = try prepared(by: preprocessing)
    let sources =
      switch preprocessing.channelOrder {
      // A grey image has its only channel three times.
      case .rgb: image.channels == 3 ? [0, 1, 2] : [0, 0, 0]
      case .bgr: image.channels == 3 ? [2, 1, 0] : [0, 0, 0]
      case .grey: [0]
      }
    var values: [Float] = []
    values.reserveCapacity(sources.count * image.width * image.height)
    for (channel, source) in sources.enumerated() {
      // There are only 256 pixels.
      let table = (0...255).map { preprocessing.value(of: Float($0), channel: channel) }
      let step = image.channels
      for index in stride(from: source, to: image.pixels.count, by: step) {
        values.append(table[Int(image.pixels[index])])
      }
    }
    return (values, image.width, image.height)
  }
}

extension Preprocessing {
  /// What a pixel becomes in a channel.
  fileprivate func value(of pixel: Float, channel: Int) -> Float {
    let scaled = divisor.map { pixel / $0 } ?? pixel * Float(scale)
    return (scaled - Float(mean[channel])) / Float(std[channel])
  }
}

extension ResampleFilter {
  fileprivate init(_ filter: Preprocessing.Filter) {
    switch filter {
    case .bilinear: self = .bilinear
    case .bicubic: self = .bicubic
    case .lanczos: self = .lanczos
    }
  }
}
