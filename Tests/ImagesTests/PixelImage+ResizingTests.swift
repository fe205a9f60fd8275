import ResectBytes
import ResectImages
import ResectTestSupport
import Testing

@Suite struct PixelImageResizingTests {
  private static let filters = ["bilinear": ResampleFilter.bilinear, "bicubic": .bicubic, "lanczos": .lanczos]

  @Test(arguments: Manifest.shared.resizes)
  func `a resized image has Pillow's pixels`(expected: Manifest.Resize) throws {
    let filter = try #require(Self.filters[expected.filter])
    var image = try PixelImage(fixture: expected.source)
    if expected.grey { image = image.grey }
    let resized = try image.resized(width: expected.width, height: expected.height, filter: filter)
    #expect(resized.checksum == expected.crc32)
  }

  @Test(arguments: Manifest.shared.sizes)
  func `proportions and middles are torchvision's`(expected: Manifest.Size) throws {
    let image = try canvas(expected.width, expected.height)
    let made =
      try expected.shorterSide.map { try image.shorterSideResized(to: $0) }
      ?? image.centerCropped(width: expected.newWidth, height: expected.newHeight)
    #expect((made.width, made.height) == (expected.newWidth, expected.newHeight))
    #expect(made.checksum == expected.crc32)
  }

  @Test func `a size that no image may have is refused before it is made`() throws {
    let image = try canvas(3, 2)
    #expect(refusal { () throws(ResectError) in try image.resized(width: 0, height: 5) } == .badArgument)
    #expect(refusal { () throws(ResectError) in try image.resized(width: 1 << 20, height: 1 << 20) } == .limit)
    #expect(refusal { () throws(ResectError) in try image.resized(width: .max, height: .max) } == .limit)
    #expect(refusal { () throws(ResectError) in try image.shorterSideResized(to: .max) } == .limit)
    #expect(refusal { () throws(ResectError) in try image.centerCropped(width: -1, height: 5) } == .badArgument)
    #expect(refusal { () throws(ResectError) in try image.centerCropped(width: .max, height: 5) } == .limit)
  }

  @Test func `what lies between the two directions is limited too`() throws {
    let tall = try PixelImage(width: 1, height: 1 << 16, channels: 1, pixels: .init(repeating: 9, count: 1 << 16))
    #expect(refusal { () throws(ResectError) in try tall.resized(width: 1 << 14, height: 1) } == .limit)
  }

  /// The image of `canvas` in make_images.py.
  private func canvas(_ width: Int, _ height: Int) throws -> PixelImage {
    var pixels: [UInt8] = []
    for y in 0..<height {
      for x in 0..<width {
        for channel in 0..<3 { pixels.append(UInt8((31 * y + 17 * x + 101 * channel) % 251)) }
      }
    }
    return try PixelImage(width: width, height: height, channels: 3, pixels: pixels)
  }
}
