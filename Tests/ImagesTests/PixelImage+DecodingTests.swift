import ResectBytes
import Foundation
import ResectImages
import ResectTestSupport
import Testing

@Suite struct PixelImageDecodingTests {
  @Test(arguments: Manifest.shared.images)
  func `an image has Pillow's pixels`(expected: Manifest.Picture) throws {
    let image = try PixelImage(fixture: expected.name)
    #expect((image.width, image.height, image.channels) == (expected.width, expected.height, 3))
    #expect(image.checksum == expected.crc32)
  }

  // MARK: Refusals

  @Test(arguments: [("gif", "GIF"), ("webp", "WebP"), ("bmp", "BMP"), ("tiff", "TIFF")])
  func `a format that is not read is named`(ending: String, name: String) throws {
    let error = #expect(throws: ResectError.self) { try PixelImage(fixture: "refused.\(ending)") }
    #expect(error?.code == .unsupported)
    #expect(error?.message.contains(name) == true)
    #expect(error?.file?.hasSuffix("refused.\(ending)") == true)
  }

  @Test func `a JPEG in CMYK is refused with advice`() throws {
    let error = #expect(throws: ResectError.self) { try PixelImage(fixture: "refused-cmyk.jpg") }
    #expect(error?.code == .unsupported)
    #expect(error?.advice == "convert it to RGB")
  }

  @Test func `a file that is no image is refused`() {
    #expect(refusal { () throws(ResectError) in try PixelImage(decoding: Array("no image".utf8)) } == .unknownFormat)
    #expect(refusal { () throws(ResectError) in try PixelImage(decoding: []) } == .truncated)
    #expect(refusal { () throws(ResectError) in try PixelImage(contentsOf: Manifest.path("none.png")) } == .system)
  }

  @Test func `a folder is refused, and the advice speaks of images`() {
    let error = #expect(throws: ResectError.self) { try PixelImage(contentsOf: Manifest.folder.path) }
    #expect(error?.code == .unknownFormat)
    #expect(error?.advice?.text.contains("image") == true)
  }

  @Test(arguments: [
    "baseline-420.jpg", "progressive-444.jpg", "grey.jpg", "restarts.jpg", "extraneous.jpg", "rgb-8.png",
    "palette-4.png", "grey-16-interlaced.png", "orientation-8-after.png",
  ])
  func `an image that is cut short anywhere is refused`(name: String) throws {
    let bytes = try contents(of: Manifest.path(name))
    // PNG ends in the checksum of an empty chunk, which protects nothing.
    for count in 0..<bytes.count - (name.hasSuffix("png") ? 4 : 0) {
      let code = refusal { () throws(ResectError) in try PixelImage(decoding: Array(bytes[..<count])) }
      #expect(code != nil, "the first \(count) of \(bytes.count) bytes")
    }
  }

  @Test(arguments: ["rgb-8.png", "palette-4-transparent.png", "orientation-5.png"])
  func `a PNG with a flipped bit anywhere behind its first chunk's length is refused`(name: String) throws {
    let bytes = try contents(of: Manifest.path(name))
    for index in 12..<bytes.count - 4 {
      var damaged = bytes
      damaged[index] ^= 0x10
      #expect(refusal { () throws(ResectError) in try PixelImage(decoding: damaged) } != nil, "byte \(index)")
    }
  }

  @Test(arguments: [
    "baseline-420.jpg", "progressive-422.jpg", "orientation-6-MM.jpg", "arithmetic.jpg", "filtered.png",
  ])
  func `any damage is refused or gives an image, never a crash`(name: String) throws {
    let bytes = try contents(of: Manifest.path(name))
    var random = SeededRandom(seed: 11)
    for _ in 0..<2000 {
      var damaged = bytes
      for _ in 0..<Int.random(in: 1...6, using: &random) {
        damaged[Int.random(in: 0..<bytes.count, using: &random)] = UInt8.random(in: 0...255, using: &random)
      }
      do throws(ResectError) {
        let image = try PixelImage(decoding: damaged)
        #expect(image.pixels.count == image.width * image.height * 3)
      } catch {
        #expect(error.code != .system)
      }
    }
  }

  @Test(
    arguments: [
      ([0xFF, 0xDC, 0xFF, 0xDC], .limit), ([0x2E, 0xE0, 0x2E, 0xE0], .limit),
      ([0x2D, 0x00, 0x2D, 0x00], .truncated), ([0x00, 0x00, 0x00, 0x10], .malformed),
    ] as [([UInt8], ResectError.Code)])
  func `a JPEG that claims more than the limit, or than it can hold, is refused by its header`(
    size: [UInt8], code: ResectError.Code
  ) throws {
    var bytes = try contents(of: Manifest.path("baseline-444.jpg"))
    let frame = try #require(bytes.indices.dropLast().first { bytes[$0] == 0xFF && bytes[$0 + 1] == 0xC0 })
    bytes.replaceSubrange(frame + 5..<frame + 9, with: size)
    #expect(refusal { () throws(ResectError) in try PixelImage(decoding: bytes) } == code)
  }

  @Test(
    arguments: [
      ([0, 1, 0, 0, 0, 1, 0, 0], .limit), ([0, 0, 0, 1, 0x7F, 0xFF, 0xFF, 0xFF], .limit),
      ([0, 0, 0x2D, 0, 0, 0, 0x2D, 0], .truncated),
    ] as [([UInt8], ResectError.Code)])
  func `a PNG that claims more than the limit, or than it can hold, is refused by its header`(
    size: [UInt8], code: ResectError.Code
  ) throws {
    var bytes = try contents(of: Manifest.path("rgb-8.png"))
    bytes.replaceSubrange(16..<24, with: size)
    var checksum: [UInt8] = []
    checksum.append(littleEndian: crc32(Array(bytes[12..<29])))
    bytes.replaceSubrange(29..<33, with: checksum.reversed())
    #expect(refusal { () throws(ResectError) in try PixelImage(decoding: bytes) } == code)
  }

  @Test func `an image needs pixels, as many as its size says`() {
    #expect(
      refusal { () throws(ResectError) in try PixelImage(width: 0, height: 1, channels: 3, pixels: []) } == .badArgument
    )
    #expect(
      refusal { () throws(ResectError) in try PixelImage(width: 1, height: 1, channels: 2, pixels: [1, 2]) }
        == .badArgument)
    #expect(
      refusal { () throws(ResectError) in try PixelImage(width: 2, height: 1, channels: 1, pixels: [1]) }
        == .badArgument)
    #expect(
      refusal { () throws(ResectError) in try PixelImage(width: .max, height: 2, channels: 1, pixels: []) } == .limit)
  }

  // MARK: EXIF

  /// The EXIF block of orientation-6-MM.jpg with `bytes` at the offset `at` of its TIFF structure.
  private func sixth(changing at: Int, to bytes: [UInt8]) throws -> PixelImage {
    var file = try contents(of: Manifest.path("orientation-6-MM.jpg"))
    let start = try #require(file.indices.first { file[$0...].starts(with: Array("Exif\0\0".utf8)) }) + 6
    file.replaceSubrange(start + at..<start + at + bytes.count, with: bytes)
    return try PixelImage(decoding: file)
  }

  @Test(
    arguments: [
      (4, [0xFF, 0xFF, 0xFF, 0xFF]),  // the directory far outside
      (4, [0x00, 0x00, 0x00, 0x24]),  // at the end of the block
      (2, [0x00, 0x2B]),  // no TIFF
      (0, [0x58, 0x58]),  // no byte order
      (8, [0x00, 0x00]),  // no entries
      (24, [0x00, 0x02]),  // the orientation is text
      (26, [0x00, 0x00, 0x00, 0x02]),  // two orientations
      (30, [0x00, 0x09]),  // an orientation that does not exist
    ] as [(Int, [UInt8])])
  func `an EXIF block that makes no sense turns nothing`(offset: Int, bytes: [UInt8]) throws {
    let plain = try PixelImage(fixture: "orientation-1-MM.jpg")
    #expect(try sixth(changing: offset, to: bytes) == plain)
    #expect(try sixth(changing: 30, to: [0, 6]) != plain)
  }

  @Test func `more entries than the EXIF block holds are no reason to read past it`() throws {
    let plain = try PixelImage(fixture: "orientation-1-MM.jpg")
    #expect(try sixth(changing: 8, to: [0xFF, 0xFF]) != plain)
    // The same, and no entry with the orientation's tag.
    #expect(try sixth(changing: 8, to: [0xFF, 0xFF] + [UInt8](repeating: 0, count: 12) + [0x01, 0x13]) == plain)
  }
}
