public import ResectBytes

extension PixelImage {
  /// The middle of the image, `width` × `height` pixels, as torchvision's `CenterCrop` cuts it: half pixels are rounded to even,
  /// and where the image is smaller it is surrounded by black.
  public func centerCropped(width newWidth: Int, height newHeight: Int) throws(ResectError) -> PixelImage {
    try PixelImage.checkSize(width: newWidth, height: newHeight)
    let left = PixelImage.cropStart(of: width, to: newWidth)
    let top = PixelImage.cropStart(of: height, to: newHeight)
    let columns = max(left, 0)..<min(left + newWidth, width)
    var cropped: [UInt8] = []
    cropped.reserveCapacity(newWidth * newHeight * channels)
    func appendBlack(_ count: Int) { cropped.append(contentsOf: repeatElement(0, count: count * channels)) }
    for row in top..<top + newHeight {
      guard 0..<height ~= row else {
        appendBlack(newWidth)
        continue
      }
      appendBlack(columns.lowerBound - left)
      let start = row * width
      cropped += pixels[(start + columns.lowerBound) * channels..<(start + columns.upperBound) * channels]
      appendBlack(left + newWidth - columns.upperBound)
    }
    return PixelImage(newWidth, newHeight, channels, cropped)
  }

  /// Where the cut begins along an axis; negative where that much black comes first.
  private static func cropStart(of count: Int, to newCount: Int) -> Int {
    // torchvision pads by whole pixels, the smaller half in front, and then cuts what it padded.
    guard newCount <= count else { return -((newCount - count) / 2) }
    return Int((Double(count - newCount) / 2).rounded(.toNearestOrEven))
  }
}
