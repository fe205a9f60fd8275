public import ResectBytes

/// The entries of a zip that is being written: where each lies, before a byte of it is known.
///
/// libzip writes one entry after the other and a whole file by itself. Here all cores write at once into a file that has no
/// name yet, at places that are aligned, and checksums are known at the end: so the headers are written here. Entries are
/// stored as they are; all have one date, 1980-01-01, so that the same entries give the same bytes.
///
/// ```swift
/// var zip = ZipLayout()
/// let place = try zip.append("hello.txt", byteCount: 5)
/// try file.write(Array("hello".utf8), at: place)
/// try zip.write(checksums: [CRC32.of(Array("hello".utf8))], to: file)
/// ```
///
/// Source: PKWARE's APPNOTE.TXT.
public struct ZipLayout: Sendable {
  private struct Entry {
    let name: [UInt8]
    let byteCount: UInt64
    let header: UInt64
    let payload: UInt64
  }

  private var entries: [Entry] = []
  private var names: Set<String> = []
  private var end: UInt64 = 0

  /// An archive of nothing.
  public init() {}

  /// Adds an entry behind the others and tells where its `byteCount` bytes belong, at a multiple of `alignment`.
  ///
  /// Refused: a name that is taken, and one of more than 65,535 bytes.
  public mutating func append(
    _ name: String, byteCount: UInt64, alignment: UInt64 = 1
  ) throws(ResectError) -> UInt64 {
    guard names.insert(name).inserted, name.utf8.count <= UInt16.max else {
      throw ResectError(.badArgument, "the name is taken, or too long for a zip", tensor: name)
    }
    let bare = end + UInt64(LocalField.fixedSize + name.utf8.count) + UInt64(LocalField.size(of: byteCount))
    // The padding is a field of its own, whose head takes four bytes.
    let payload = alignment > 1 ? (bare + 4).rounded(upTo: alignment) : bare
    entries.append(Entry(name: Array(name.utf8), byteCount: byteCount, header: end, payload: payload))
    end = payload + byteCount
    return payload
  }

  /// Writes all but the entries' bytes, whose checksums are given in the entries' order.
  public func write(checksums: [UInt32], to file: borrowing OutputFile) throws(ResectError) {
    var directory: [UInt8] = []
    for (entry, checksum) in zip(entries, checksums) {
      try file.write(localHeader(of: entry, checksum), at: entry.header)
      directory += record(of: entry, checksum)
    }
    let directoryBytes = UInt64(directory.count)
    try file.write(directory + endRecords(directoryBytes: directoryBytes), at: end)
  }

  private func localHeader(of entry: Entry, _ checksum: UInt32) -> [UInt8] {
    let isLarge = entry.byteCount >= UInt32.max
    var extra: [UInt8] = []
    if isLarge { extra.append(zip64: [entry.byteCount, entry.byteCount]) }
    let bare = entry.header + UInt64(LocalField.fixedSize + entry.name.count + extra.count)
    if entry.payload > bare {
      // torch's own name for its padding.
      extra += Array("FB".utf8)
      let padding = Int(entry.payload - bare) - 4
      extra.append(littleEndian: UInt16(padding))
      extra += [UInt8](repeating: UInt8(ascii: "Z"), count: padding)
    }
    var bytes: [UInt8] = []
    bytes.append(littleEndian: UInt32(0x0403_4B50))
    bytes.append(common: entry.name, entry.byteCount, checksum, needsZip64: isLarge, extra: extra)
    return bytes + entry.name + extra
  }

  private func record(of entry: Entry, _ checksum: UInt32) -> [UInt8] {
    let isLarge = entry.byteCount >= UInt32.max
    let isFar = entry.header >= UInt32.max
    var extra: [UInt8] = []
    if isLarge || isFar {
      extra.append(
        zip64: (isLarge ? [entry.byteCount, entry.byteCount] : []) + (isFar ? [entry.header] : []))
    }
    var bytes: [UInt8] = []
    bytes.append(littleEndian: UInt32(0x0201_4B50))
    bytes.append(littleEndian: Version.zip64)
    bytes.append(
      common: entry.name, entry.byteCount, checksum, needsZip64: isLarge || isFar, extra: extra)
    // No comment, the first disk, and no attributes.
    bytes += [UInt8](repeating: 0, count: 10)
    bytes.append(littleEndian: UInt32(clamping: entry.header))
    return bytes + entry.name + extra
  }

  /// What ends the archive: where the directory is, and how large.
  private func endRecords(directoryBytes: UInt64) -> [UInt8] {
    let count = UInt64(entries.count)
    var bytes: [UInt8] = []
    if count >= UInt16.max || end >= UInt32.max || directoryBytes >= UInt32.max {
      bytes.append(littleEndian: UInt32(0x0606_4B50))
      bytes.append(littleEndian: UInt64(44))
      bytes.append(littleEndian: Version.zip64)
      bytes.append(littleEndian: Version.zip64)
      bytes.append(littleEndian: UInt64(0))
      for number in [count, count, directoryBytes, end] { bytes.append(littleEndian: number) }
      bytes.append(littleEndian: UInt32(0x0706_4B50))
      bytes.append(littleEndian: UInt32(0))
      bytes.append(littleEndian: end + directoryBytes)
      bytes.append(littleEndian: UInt32(1))
    }
    bytes.append(littleEndian: UInt32(0x0605_4B50))
    bytes.append(littleEndian: UInt32(0))
    bytes.append(littleEndian: UInt16(clamping: count))
    bytes.append(littleEndian: UInt16(clamping: count))
    bytes.append(littleEndian: UInt32(clamping: directoryBytes))
    bytes.append(littleEndian: UInt32(clamping: end))
    bytes.append(littleEndian: UInt16(0))
    return bytes
  }
}

/// The version of the format that a reader must know.
private enum Version {
  static let plain: UInt16 = 20
  static let zip64: UInt16 = 45
}

private enum LocalField {
  static let fixedSize = 30

  /// Bytes of the field that holds the sizes of an entry of `byteCount` bytes, where 32 bits are too few.
  static func size(of byteCount: UInt64) -> Int { byteCount >= UInt32.max ? 20 : 0 }
}

extension [UInt8] {
  /// What an entry's header and its record in the directory have in common.
  fileprivate mutating func append(
    common name: [UInt8], _ byteCount: UInt64, _ checksum: UInt32, needsZip64: Bool, extra: [UInt8]
  ) {
    append(littleEndian: needsZip64 ? Version.zip64 : Version.plain)
    // Names are UTF-8, entries are stored; midnight, and the first day that the format knows.
    for field: UInt16 in [0x0800, 0, 0, 1 << 5 | 1] { append(littleEndian: field) }
    append(littleEndian: checksum)
    append(littleEndian: UInt32(clamping: byteCount))
    append(littleEndian: UInt32(clamping: byteCount))
    append(littleEndian: UInt16(name.count))
    append(littleEndian: UInt16(extra.count))
  }

  /// The field for numbers that 32 bits cannot hold.
  fileprivate mutating func append(zip64 numbers: [UInt64]) {
    append(littleEndian: UInt16(1))
    append(littleEndian: UInt16(8 * numbers.count))
    for number in numbers { append(littleEndian: number) }
  }
}

extension UInt64 {
  fileprivate func rounded(upTo multiple: UInt64) -> UInt64 {
    (self + multiple - 1) / multiple * multiple
  }
}
