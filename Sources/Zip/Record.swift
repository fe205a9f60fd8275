internal import ResectBytes

/// The fixed part of a zip record: little-endian fields at known offsets.
///
/// That the whole record is there is checked when it is made, so that reading a field of it cannot fail.
struct Record {
  private let bytes: [UInt8]
  private let start: Int

  /// The record of `size` bytes at `start`, if it lies within `bytes` and begins with `signature`.
  init?(_ signature: UInt32, of size: Int, in bytes: [UInt8], at start: Int = 0) {
    guard start >= 0, start <= bytes.count, size >= 4, size <= bytes.count - start else {
      return nil
    }
    self.bytes = bytes
    self.start = start
    guard u32(0) == signature else { return nil }
  }

  func u16(_ offset: Int) -> UInt16 { bytes.u16(start + offset) }
  func u32(_ offset: Int) -> UInt32 { bytes.u32(start + offset) }
  func u64(_ offset: Int) -> UInt64 { bytes.u64(start + offset) }
}

extension [UInt8] {
  /// The little-endian integer at `offset`, which must be within the bytes.
  func u16(_ offset: Int) -> UInt16 { UInt16(self[offset]) | UInt16(self[offset + 1]) << 8 }
  func u32(_ offset: Int) -> UInt32 { UInt32(u16(offset)) | UInt32(u16(offset + 2)) << 16 }
  func u64(_ offset: Int) -> UInt64 { UInt64(u32(offset)) | UInt64(u32(offset + 4)) << 32 }
}

/// The bits of an entry's general-purpose flags that matter here.
struct EntryFlags: OptionSet {
  let rawValue: UInt16

  static let encrypted = EntryFlags(rawValue: 1 << 0)
  static let descriptor = EntryFlags(rawValue: 1 << 3)
  static let patched = EntryFlags(rawValue: 1 << 5)
  static let stronglyEncrypted = EntryFlags(rawValue: 1 << 6)
  static let utf8 = EntryFlags(rawValue: 1 << 11)
  static let masked = EntryFlags(rawValue: 1 << 13)

  /// What makes the contents unreadable.
  static let unreadable: EntryFlags = [.encrypted, .patched, .stronglyEncrypted, .masked]
}

/// The extra fields of a record, each as long as it says.
struct ExtraFields {
  /// Where the zip64 field's contents are, if there is one.
  private(set) var zip64: Range<Int>?

  /// The fields in `range` of `bytes`, or nil if they do not fit there or contradict each other.
  ///
  /// Fewer than four bytes may be left over: tools that align payloads leave them.
  init?(parsing bytes: [UInt8], in range: Range<Int>) {
    var position = range.lowerBound
    while range.upperBound - position >= 4 {
      let tag = bytes.u16(position)
      let length = Int(bytes.u16(position + 2))
      position += 4
      guard length <= range.upperBound - position else { return nil }
      if tag == 1 {
        guard zip64 == nil else { return nil }
        zip64 = position..<position + length
      }
      position += length
    }
  }
}

extension InputFile {
  /// A refusal of what stands at `offset`.
  func refusal(
    _ code: ResectError.Code, _ message: String, entry: String? = nil, at offset: UInt64?
  ) -> ResectError {
    let advice: ResectError.Advice? =
      switch code {
      case .unsupported: "save the checkpoint again, or repack the archive, without that"
      case .limit, .system: nil
      default: "the file is damaged: fetch it again"
      }
    return ResectError(
      code, message, advice: advice, file: path, tensor: entry, offset: offset)
  }
}
