public import ResectBytes

extension PixelImage {
  /// Reads the JPEG or PNG file at `path`. See ``init(decoding:)``.
  public init(contentsOf path: String) throws(ResectError) {
    do throws(ResectError) {
      let file = try InputFile(path: path)
      guard file.size <= Limits.imageFileBytes else {
        throw ResectError(
          .limit, "the image has \(file.size) bytes, at most \(Limits.imageFileBytes) are read")
      }
      try self.init(decoding: file.read(at: 0, count: Int(file.size)))
    } catch {
      var located = error.located(file: path)
      if error.code == .unknownFormat { located.advice = "give the path of a JPEG or PNG image" }
      throw located
    }
  }

  /// Decodes a JPEG or PNG, told by its first bytes, to RGB, upright as its EXIF orientation says.
  ///
  /// The pixels are those of Pillow's `ImageOps.exif_transpose(image).convert("RGB")`: colour profiles and gamma are not
  /// applied, transparency is dropped, and of 16 bits the upper 8 are taken. (There is one difference: Pillow clips grey of
  /// 16 bits, so that nearly all of it becomes white; here it is treated as the other 16-bit images.) An EXIF block that
  /// makes no sense turns nothing.
  ///
  /// Refused: other formats, JPEGs in CMYK, images over `Limits.imagePixels`, and files that are cut short or damaged, also
  /// where a viewer would show what there is.
  public init(decoding bytes: [UInt8]) throws(ResectError) {
    guard !bytes.isEmpty else { throw ResectError(.truncated, "the file is empty") }
    let advice: ResectError.Advice = "convert it to PNG or JPEG"
    guard let format = ImageFormat(of: bytes) else {
      throw ResectError(.unknownFormat, "this is neither a JPEG nor a PNG image", advice: advice)
    }
    switch format {
    case .jpeg: self = try JPEG.decode(bytes)
    case .png: self = try PNG.decode(bytes)
    case .gif, .webP, .bmp, .tiff, .heif, .jpeg2000:
      throw ResectError(
        .unsupported, "this is a \(format.rawValue) image, which is not read", advice: advice)
    }
  }
}
