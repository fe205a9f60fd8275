public import ResectBytes

/// An image of 8-bit pixels, row by row from the top, the channels of a pixel side by side.
public struct PixelImage: Sendable, Hashable {
  /// Pixels of a row.
  public let width: Int
  /// Rows.
  public let height: Int
  /// Values of a pixel: 1 (grey) or 3 (red, green, blue).
  public let channels: Int
  /// `height` × `width` × `channels` values.
  public let pixels: [UInt8]

  /// An image of these pixels. Throws where it has no pixels, more than `Limits.imagePixels`, another number of channels than
  /// 1 or 3, or another number of values than its size asks for.
  public init(width: Int, height: Int, channels: Int, pixels: [UInt8]) throws(ResectError) {
    try PixelImage.checkSize(width: width, height: height)
    guard channels == 1 || channels == 3 else {
      throw ResectError(.badArgument, "an image has 1 or 3 channels, not \(channels)")
    }
    guard pixels.count == width * height * channels else {
      throw ResectError(
        .badArgument,
        "\(width) × \(height) pixels of \(channels) channels are \(width * height * channels) values, not \(pixels.count)"
      )
    }
    self.init(width, height, channels, pixels)
  }

  init(_ width: Int, _ height: Int, _ channels: Int, _ pixels: [UInt8]) {
    self.width = width
    self.height = height
    self.channels = channels
    self.pixels = pixels
  }

  /// Refuses a size that no image may have, before anything is allocated for it.
  static func checkSize(width: Int, height: Int) throws(ResectError) {
    guard width > 0, height > 0 else {
      throw ResectError(.badArgument, "an image of \(width) × \(height) has no pixels")
    }
    let (count, overflow) = width.multipliedReportingOverflow(by: height)
    guard !overflow, count <= Limits.imagePixels else {
      throw ResectError(
        .limit, "an image of \(width) × \(height) has more than \(Limits.imagePixels) pixels",
        advice: "make it smaller")
    }
  }

  /// Refuses the size that a file of `fileBytes` claims, where it is more than the file can hold.
  static func checkSize(width: Int, height: Int, fileBytes: Int) throws(ResectError) {
    try checkSize(width: width, height: height)
    guard width * height / Limits.imagePixelsPerByte <= fileBytes else {
      throw ResectError(
        .truncated, "\(fileBytes) bytes cannot hold the \(width) × \(height) pixels that the file claims",
        advice: "the file is damaged: fetch it again")
    }
  }

  /// The image in shades of grey, as Pillow's mode `L`: (19595 R + 38470 G + 7471 B + 32768) / 65536.
  public var grey: PixelImage {
    guard channels == 3 else { return self }
    let shades = stride(from: 0, to: pixels.count, by: 3).map { index -> UInt8 in
      let red = 19595 * UInt32(pixels[index])
      let green = 38470 * UInt32(pixels[index + 1])
      let blue = 7471 * UInt32(pixels[index + 2])
      return UInt8((red + green + blue + 0x8000) >> 16)
    }
    return PixelImage(width, height, 1, shades)
  }
}
