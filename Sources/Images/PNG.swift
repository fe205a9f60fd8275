internal import ResectBytes
internal import CResectSpng

/// PNG, decoded by libspng.
enum PNG {
  static func decode(_ bytes: [UInt8]) throws(ResectError) -> PixelImage {
    try unsafe bytes.withUnsafeBufferPointer { buffer throws(ResectError) in
      let decoder = try PNGDecoder()
      let (width, height) = try unsafe decoder.begin(buffer)
      let pixels = try decoder.pixels(count: width * height * 3)
      return PixelImage(width, height, 3, pixels)
        .upright(from: Orientation(exif: decoder.exif[...]))
    }
  }
}

/// The owner of a context of libspng. The bytes that it decodes have to outlive it.
@safe private struct PNGDecoder: ~Copyable {
  private let context: OpaquePointer

  init() throws(ResectError) {
    guard let context = unsafe spng_ctx_new(0) else {
      throw ResectError(.system, "libspng cannot begin to decode")
    }
    unsafe self.context = context
  }

  deinit { unsafe spng_ctx_free(context) }

  /// Begins to decode `bytes`: the image's size, checked against the limits.
  borrowing func begin(
    _ bytes: UnsafeBufferPointer<UInt8>
  ) throws(ResectError) -> (width: Int, height: Int) {
    try check(unsafe spng_set_chunk_limits(context, Limits.metadataBytes, Limits.metadataBytes))
    // Also where a chunk need not be understood: a damaged EXIF block could turn the image.
    let refuse = Int32(SPNG_CRC_ERROR.rawValue)
    try check(unsafe spng_set_crc_action(context, refuse, refuse))
    try check(unsafe spng_set_png_buffer(context, bytes.baseAddress, bytes.count))
    var header = spng_ihdr()
    try check(unsafe spng_get_ihdr(context, &header))
    let (width, height) = (Int(header.width), Int(header.height))
    try PixelImage.checkSize(width: width, height: height, fileBytes: bytes.count)
    return (width, height)
  }

  /// The pixels in RGB.
  borrowing func pixels(count: Int) throws(ResectError) -> [UInt8] {
    var result: Int32 = 0
    let pixels = unsafe [UInt8](unsafeUninitializedCapacity: count) { target, filled in
      result = unsafe spng_decode_image(
        context, target.baseAddress, count, Int32(SPNG_FMT_RGB8.rawValue), 0)
      // After a failure nobody sees the array, but it must not hold what was never set.
      if result != 0 { unsafe target.initialize(repeating: 0) }
      filled = count
    }
    try check(result)
    // The rest of the file, where an EXIF block may stand, too.
    try check(unsafe spng_decode_chunks(context))
    return pixels
  }

  /// The EXIF block; empty where there is none that can be read.
  var exif: [UInt8] {
    var exif = unsafe spng_exif()
    guard unsafe spng_get_exif(context, &exif) == 0 else { return [] }
    return unsafe Array(UnsafeRawBufferPointer(start: exif.data, count: exif.length))
  }

  private borrowing func check(_ result: Int32) throws(ResectError) {
    guard result != 0 else { return }
    let isShort = result == SPNG_IO_EOF.rawValue
    let reason = unsafe String(cString: spng_strerror(result))
    throw ResectError(
      isShort ? .truncated : .malformed, "the PNG cannot be decoded: \(reason)",
      advice: "the file is damaged: fetch it again")
  }
}
