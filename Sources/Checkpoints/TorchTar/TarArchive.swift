internal import ResectBytes

/// The members of an uncompressed tar.
struct TarArchive {
  private static let blockSize = 512
  /// Where each member's bytes lie.
  private(set) var members: [String: Range<UInt64>] = [:]

  /// Whether `head`, the first 512 bytes of a file, is the header of a tar's member.
  static func recognises(_ head: [UInt8]) -> Bool {
    head.count == blockSize && head[0] != 0 && (try? checkedSize(head)) != nil
  }

  init(_ file: InputFile) throws(ResectError) {
    var position: UInt64 = 0
    while position < file.size {
      let header = try file.read(at: position, count: TarArchive.blockSize)
      if header.allSatisfy({ $0 == 0 }) { break }
      let size: UInt64
      do throws(ResectError) {
        size = try TarArchive.checkedSize(header)
      } catch {
        throw ResectError(.malformed, error.message, offset: position)
      }
      let start = position + UInt64(TarArchive.blockSize)
      try file.check(start, count: size)
      // Regular files only; the headers of extended formats, which say nothing that is needed, are passed over.
      if header[156] == UInt8(ascii: "0") || header[156] == 0 {
        let name = String(decoding: header[..<100].prefix { $0 != 0 }, as: UTF8.self)
        guard members.updateValue(start..<start + size, forKey: name) == nil else {
          throw ResectError(.malformed, "the archive has two members \(name)", offset: position)
        }
      }
      guard members.count <= 1024 else {
        throw ResectError(.limit, "the archive has more than 1024 members", offset: position)
      }
      let block = UInt64(TarArchive.blockSize)
      position = start + (size + block - 1) / block * block
    }
  }

  /// The size that a header tells, if the header's checksum is right.
  private static func checkedSize(_ header: [UInt8]) throws(ResectError) -> UInt64 {
    guard let checksum = octal(header[148..<156]) else {
      throw ResectError(.malformed, "a member's header has no checksum")
    }
    let blanked = header[..<148] + [UInt8](repeating: 0x20, count: 8) + header[156...]
    guard blanked.reduce(0, { $0 + UInt64($1) }) == checksum else {
      throw ResectError(.malformed, "the checksum of a member's header is wrong")
    }
    guard let size = octal(header[124..<136]) else {
      throw ResectError(.malformed, "a member's size is no octal number")
    }
    return size
  }

  private static func octal(_ field: ArraySlice<UInt8>) -> UInt64? {
    let text = String(decoding: field.filter { $0 != 0 && $0 != 0x20 }, as: UTF8.self)
    guard text.utf8.allSatisfy({ 0x30...0x37 ~= $0 }) else { return nil }
    return UInt64(text, radix: 8)
  }
}
