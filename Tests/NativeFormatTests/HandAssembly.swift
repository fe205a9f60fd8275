import ResectBytes
import ResectNativeFormat
import ResectTensors
import ResectTestSupport

/// A `.resect` file put together by hand as `Docs/NativeFormat.md` says, with its own checksum code; any field may be wrong.
struct HandAssembly: Sendable {
  var magic: [UInt8] = [0x89, 0x52, 0x53, 0x43, 0x54, 0x0D, 0x0A, 0x1A]
  var version: UInt32 = 1
  var reserved: UInt32 = 0
  var fileLength: UInt64?
  var headerOffset: UInt64?
  var headerLength: UInt64?
  var headerChecksum: UInt32?
  var zeros = [UInt8](repeating: 0, count: 16)
  var preludeChecksum: UInt32?
  /// Everything between the prelude and the header.
  var payloads: [UInt8]
  /// The header's text.
  var header: String

  var bytes: [UInt8] {
    let headerBytes = Array(header.utf8)
    let offset = UInt64(64 + payloads.count)
    var prelude = magic
    prelude.append(littleEndian: version)
    prelude.append(littleEndian: reserved)
    prelude.append(littleEndian: fileLength ?? offset + UInt64(headerBytes.count))
    prelude.append(littleEndian: headerOffset ?? offset)
    prelude.append(littleEndian: headerLength ?? UInt64(headerBytes.count))
    prelude.append(littleEndian: headerChecksum ?? Self.crc32(headerBytes))
    prelude += zeros
    prelude.append(littleEndian: preludeChecksum ?? Self.crc32(prelude))
    return prelude + payloads + headerBytes
  }

  /// CRC-32 bit by bit: the reflected polynomial of ISO 3309.
  static func crc32(_ bytes: [UInt8]) -> UInt32 {
    var crc = UInt32.max
    for byte in bytes {
      crc ^= UInt32(byte)
      for _ in 0..<8 { crc = crc >> 1 ^ (crc & 1 == 1 ? 0xEDB8_8320 : 0) }
    }
    return ~crc
  }

  static func digits(_ value: UInt32) -> String {
    let digits = String(value, radix: 16)
    return String(repeating: "0", count: 8 - digits.count) + digits
  }

  /// The payload of `elements` with the zeros that fill it up.
  static func payload(_ elements: [Float]) -> [UInt8] {
    var bytes: [UInt8] = []
    for element in elements { bytes.append(littleEndian: element.bitPattern) }
    while bytes.count % 64 != 0 { bytes.append(0) }
    return bytes
  }

  static let weight = payload([1, 2, 3, 4, 5, 6])
  static let bias = payload([0.5, -0.5])
  static let weightEntry = entry(name: "classifier.weight", shape: "[2,3]", length: 24, payload: weight)
  static let biasEntry = entry(
    name: "classifier.bias", shape: "[2]", offset: 128, length: 8, payload: bias)

  static func entry(
    name: String, dtype: String = "F32", shape: String, encoding: String = "raw", offset: Int64 = 64,
    length: Int64, payload: [UInt8]
  ) -> String {
    """
    {"name":"\(name)","dtype":"\(dtype)","shape":\(shape),"encoding":"\(encoding)","offset":\(offset),\
    "length":\(length),"crc32":"\(digits(crc32(payload)))"}
    """
  }

  static let provenance = """
    "provenance":{"sources":[{"name":"a.pth","format":"torch-zip","sha256":"00ff"}],"surgeries":[]}
    """

  /// An embedding of two classes in the space of three features, with a bias.
  static func classes(
    members: String = """
    "kind":"classes","convention":"torchvision","constantFeature":false,"labels":["cat","dog"],
    """.trimmed, provenance: String = provenance, tensors: String? = nil
  ) -> HandAssembly {
    HandAssembly(
      payloads: weight + bias,
      header: "{\(members)\(provenance),\"tensors\":\(tensors ?? "[\(weightEntry),\(biasEntry)]")}")
  }

  /// An embedding whose header lists `entries` over payloads of `payloads` bytes.
  static func tensors(_ entries: String..., payloads: [UInt8] = weight + bias) -> HandAssembly {
    var assembly = classes(tensors: "[\(entries.joined(separator: ","))]")
    assembly.payloads = payloads
    return assembly
  }
}

extension String {
  fileprivate var trimmed: String { filter { $0 != "\n" } }
}

extension NativeFile {
  /// Reads every tensor: by pieces, and in place.
  func readAll() throws(ResectError) {
    for (_, tensor) in tensors {
      _ = try tensor.bytes()
      try tensor.withBytes { _ throws(ResectError) in }
    }
  }
}
