import ResectBytes
import Foundation
import ResectImages

/// What Pillow and torchvision make of the images in the folder `Images`; `make_images.py` wrote it.
struct Manifest: Decodable {
  struct Picture: Decodable, CustomStringConvertible {
    let name: String
    let width: Int
    let height: Int
    let crc32: UInt32

    var description: String { name }
  }

  struct Resize: Decodable {
    let source: String
    let width: Int
    let height: Int
    let filter: String
    let grey: Bool
    let crc32: UInt32
  }

  struct Size: Decodable {
    let width: Int
    let height: Int
    /// Absent for a crop.
    let shorterSide: Int?
    let newWidth: Int
    let newHeight: Int
    let crc32: UInt32
  }

  struct Input: Decodable {
    let preset: String
    let source: String
    let width: Int
    let height: Int
    let crc32: UInt32
  }

  let images: [Picture]
  let resizes: [Resize]
  let sizes: [Size]
  let inputs: [Input]

  static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .appendingPathComponent("Images")

  static func path(_ name: String) -> String { folder.appendingPathComponent(name).path }

  static let shared: Manifest = {
    do {
      let data = try Data(contentsOf: folder.appendingPathComponent("manifest.json"))
      return try JSONDecoder().decode(Manifest.self, from: data)
    } catch { fatalError("the manifest cannot be read: \(error)") }
  }()
}

extension PixelImage {
  /// The image `name` of the folder.
  init(fixture name: String) throws { try self.init(contentsOf: Manifest.path(name)) }

  /// The CRC-32 of the pixels.
  var checksum: UInt32 { crc32(pixels) }
}

func crc32(_ bytes: [UInt8]) -> UInt32 {
  var crc = CRC32()
  bytes.withRawSpan { crc.update($0) }
  return crc.value
}
