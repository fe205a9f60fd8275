public import ResectGraphs

extension InputNormalization {
  /// The numbers of `preprocessing`, on the channels of an image: red, green and blue, or grey.
  public init(_ preprocessing: Preprocessing) {
    let channels =
      switch preprocessing.channelOrder {
      case .rgb: [0, 1, 2]
      case .bgr: [2, 1, 0]
      case .grey: [0]
      }
    self.init(known: channels, scale: preprocessing.scale, mean: preprocessing.mean, std: preprocessing.std)
  }
}
