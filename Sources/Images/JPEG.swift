internal import ResectBytes
internal import CResectTurboJPEG

/// JPEG, decoded by libjpeg-turbo with the settings that Pillow has: the accurate inverse DCT, smooth upsampling of colour.
enum JPEG {
  static func decode(_ bytes: [UInt8]) throws(ResectError) -> PixelImage {
    let markers = JPEGMarkers(bytes)
    let decoder = try JPEGDecoder()
    let header = try decoder.header(of: bytes)
    let pixels = try decoder.pixels(of: bytes, header, isWhole: markers.hasEnd)
    return PixelImage(header.width, header.height, 3, pixels)
      .upright(from: markers.exif.flatMap { Orientation(exif: bytes[$0]) })
  }
}

/// What the segments before the compressed data say that libjpeg-turbo's simple interface does not.
struct JPEGMarkers {
  /// The first EXIF block.
  private(set) var exif: Range<Int>?
  private let bytes: [UInt8]
  private var dataStart = 0

  private static let startOfScan: UInt8 = 0xDA
  private static let endOfImage: UInt8 = 0xD9
  private static let application1: UInt8 = 0xE1

  /// Whether the end-of-image marker follows the compressed data.
  var hasEnd: Bool {
    zip(bytes[dataStart...], bytes[dataStart...].dropFirst())
      .contains { $0 == 0xFF && $1 == JPEGMarkers.endOfImage }
  }

  init(_ bytes: [UInt8]) {
    self.bytes = bytes
    var position = min(2, bytes.count)
    defer { dataStart = position }
    while let marker = JPEGMarkers.marker(in: bytes, from: &position),
      marker != JPEGMarkers.endOfImage, position + 2 <= bytes.count
    {
      // Restart markers and TEM stand alone.
      if 0xD0...0xD7 ~= marker || marker == 0x01 { continue }
      let length = Int(bytes[position]) << 8 | Int(bytes[position + 1])
      let segment = position + 2..<position + max(length, 2)
      guard segment.upperBound <= bytes.count else { return }
      if marker == JPEGMarkers.application1, exif == nil,
        bytes[segment].starts(with: Array("Exif\0".utf8))
      {
        exif = segment
      }
      position = segment.upperBound
      if marker == JPEGMarkers.startOfScan { break }
    }
  }

  /// The next marker at or after `position`, which moves behind it.
  private static func marker(in bytes: [UInt8], from position: inout Int) -> UInt8? {
    while position + 1 < bytes.count {
      defer { position += 1 }
      let next = bytes[position + 1]
      if bytes[position] == 0xFF, next != 0xFF, next != 0 {
        position += 1
        return next
      }
    }
    return nil
  }
}

/// The owner of a decompressor of libjpeg-turbo.
@safe private struct JPEGDecoder: ~Copyable {
  struct Header {
    let width: Int
    let height: Int
  }

  private let handle: tjhandle

  init() throws(ResectError) {
    guard let handle = unsafe tjInitDecompress() else {
      throw ResectError(.system, "libjpeg-turbo cannot begin to decode")
    }
    unsafe self.handle = handle
  }

  deinit { unsafe tjDestroy(handle) }

  /// The image's size, checked against the limits, and its colours, which cannot be CMYK.
  borrowing func header(of bytes: [UInt8]) throws(ResectError) -> Header {
    var (width, height, subsampling, colours): (Int32, Int32, Int32, Int32) = (0, 0, -1, -1)
    let result = unsafe bytes.withUnsafeBufferPointer {
      unsafe tjDecompressHeader3(
        handle, $0.baseAddress, UInt($0.count), &width, &height, &subsampling, &colours)
    }
    // It also fails, after it has set the rest, where the subsampling has no name; the decoder itself needs none.
    guard result == 0 || (width > 0 && height > 0 && colours >= 0) else { throw damage() }
    guard colours != TJCS_CMYK.rawValue, colours != TJCS_YCCK.rawValue else {
      throw ResectError(
        .unsupported, "this is a JPEG for printing, in CMYK: its colours are not read",
        advice: "convert it to RGB")
    }
    try PixelImage.checkSize(width: Int(width), height: Int(height), fileBytes: bytes.count)
    return Header(width: Int(width), height: Int(height))
  }

  /// The pixels in RGB; `isWhole` says whether the data end in an end-of-image marker.
  borrowing func pixels(
    of bytes: [UInt8], _ header: Header, isWhole: @autoclosure () -> Bool
  ) throws(ResectError) -> [UInt8] {
    let count = header.width * header.height * 3
    var result: Int32 = 0
    let pixels = unsafe [UInt8](unsafeUninitializedCapacity: count) { target, filled in
      unsafe target.initialize(repeating: 0)
      result = unsafe bytes.withUnsafeBufferPointer {
        unsafe tjDecompress2(
          handle, $0.baseAddress, UInt($0.count), target.baseAddress, Int32(header.width),
          Int32(header.width) * 3, Int32(header.height), Int32(TJPF_RGB.rawValue),
          TJFLAG_ACCURATEDCT | TJFLAG_LIMITSCANS)
      }
      filled = count
    }
    guard result == 0 || (isHarmless && isWhole()) else { throw damage() }
    return pixels
  }

  /// Whether the decoder's complaint is one of those that many cameras and editors earn, after which every pixel is there.
  /// The decoder keeps only its first complaint.
  private var isHarmless: Bool {
    guard unsafe tjGetErrorCode(handle) == Int32(TJERR_WARNING.rawValue) else { return false }
    let harmless = ["extraneous bytes before marker", "Invalid SOS parameters", "Unknown Adobe color"]
    return harmless.contains { complaint.contains($0) }
  }

  private var complaint: String { unsafe String(cString: tjGetErrorStr2(handle)) }

  private borrowing func damage() -> ResectError {
    let isShort = complaint.contains("Premature end")
    return ResectError(
      isShort ? .truncated : .malformed, "the JPEG cannot be decoded: \(complaint)",
      advice: "the file is damaged: fetch it again")
  }
}
