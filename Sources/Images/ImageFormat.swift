internal import ResectBytes

/// A format of image files, told by the first bytes.
enum ImageFormat: String, CaseIterable {
  case jpeg = "JPEG"
  case png = "PNG"
  case gif = "GIF"
  case webP = "WebP"
  case bmp = "BMP"
  case tiff = "TIFF"
  case heif = "HEIF or AVIF"
  case jpeg2000 = "JPEG 2000"

  /// The format of `bytes`, if it is one that is known by name.
  init?(of bytes: [UInt8]) {
    let format = ImageFormat.allCases.first { format in
      format.signatures.contains { signature in
        bytes.dropFirst(signature.offset).starts(with: signature.bytes)
      }
    }
    guard let format else { return nil }
    self = format
  }

  /// What a file of the format has at an offset: one of these.
  private var signatures: [(offset: Int, bytes: [UInt8])] {
    switch self {
    case .jpeg: [(0, [0xFF, 0xD8, 0xFF])]
    case .png: [(0, [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A])]
    case .gif: [(0, Array("GIF8".utf8))]
    case .webP: [(8, Array("WEBP".utf8))]
    case .bmp: [(0, Array("BM".utf8))]
    case .tiff: [(0, [0x49, 0x49, 0x2A, 0x00]), (0, [0x4D, 0x4D, 0x00, 0x2A])]
    case .heif: [(4, Array("ftyp".utf8))]
    case .jpeg2000: [(4, Array("jP  ".utf8)), (0, [0xFF, 0x4F, 0xFF, 0x51])]
    }
  }
}
