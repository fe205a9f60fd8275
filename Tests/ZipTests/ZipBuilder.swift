import ResectBytes

/// Writes zip archives, right or wrong: each field of each record can be tampered with before it is written.
struct ZipBuilder {
  /// The fields that an entry's two records share.
  struct Record {
    var signature: UInt32
    var name: [UInt8]
    var flags: UInt16
    var method: UInt16
    var crc32: UInt32
    var compressedSize: UInt32
    var size: UInt32
    var extra: [UInt8] = []
    /// Only in the directory.
    var offset: UInt32 = 0
  }

  /// The end record.
  struct End {
    var disk: UInt16 = 0
    var entries: UInt16
    var length: UInt32
    var start: UInt32
    var comment: [UInt8]
    /// What the comment's length is given as.
    var commentLength: UInt16
  }

  /// The zip64 end record and its locator.
  struct WideEnd {
    var entries: UInt64
    var length: UInt64
    var start: UInt64
    var located: UInt64
  }

  struct Entry {
    var name: [UInt8]
    var contents: [UInt8]
    /// The bytes in the file: the contents, or a deflated form of them.
    var payload: [UInt8]
    var method: UInt16
    var flags: UInt16 = 1 << 11
    var hasDescriptor = false
    var isZip64 = false
    /// The extra fields of the entry's own header.
    var padding: [UInt8] = []
    var tamperOwn: (inout Record) -> Void = { _ in }
    var tamperListed: (inout Record) -> Void = { _ in }

    static func stored(_ name: String, _ contents: [UInt8]) -> Entry {
      Entry(name: Array(name.utf8), contents: contents, payload: contents, method: 0)
    }

    /// Deflate's uncompressed blocks: a valid stream that is easily written.
    static func deflated(_ name: String, _ contents: [UInt8]) -> Entry {
      Entry(name: Array(name.utf8), contents: contents, payload: deflate(contents), method: 8)
    }

    /// Changes both records alike.
    func tampering(_ change: @escaping (inout Record) -> Void) -> Entry {
      with {
        $0.tamperOwn = change
        $0.tamperListed = change
      }
    }

    func with(_ change: (inout Entry) -> Void) -> Entry {
      var entry = self
      change(&entry)
      return entry
    }
  }

  var entries: [Entry]
  var comment: [UInt8] = []
  var prefix: [UInt8] = []
  var isZip64 = false
  var tamperEnd: (inout End) -> Void = { _ in }
  var tamperWideEnd: (inout WideEnd) -> Void = { _ in }

  init(_ entries: [Entry]) { self.entries = entries }

  static func deflate(_ contents: [UInt8]) -> [UInt8] {
    var stream: [UInt8] = []
    var rest = contents[...]
    repeat {
      let block = rest.prefix(0xFFFF)
      rest = rest.dropFirst(block.count)
      stream.append(rest.isEmpty ? 1 : 0)
      stream.append(littleEndian: UInt16(block.count))
      stream.append(littleEndian: ~UInt16(block.count))
      stream += block
    } while !rest.isEmpty
    return stream
  }

  var bytes: [UInt8] {
    var file = prefix
    var directory: [UInt8] = []
    for entry in entries {
      let offset = UInt32(file.count)
      var own = Record(
        signature: 0x0403_4B50, name: entry.name, flags: entry.flags, method: entry.method,
        crc32: CRC32.of(entry.contents), compressedSize: UInt32(entry.payload.count),
        size: UInt32(entry.contents.count))
      if entry.hasDescriptor { own.flags |= 1 << 3 }
      var listed = own
      listed.signature = 0x0201_4B50
      listed.offset = offset
      if entry.isZip64 {
        let sizes = ZipBuilder.zip64Field(
          UInt64(entry.contents.count), UInt64(entry.payload.count))
        own.extra += sizes
        listed.extra += ZipBuilder.zip64Field(
          UInt64(entry.contents.count), UInt64(entry.payload.count), UInt64(offset))
        (own.size, own.compressedSize) = (.max, .max)
        (listed.size, listed.compressedSize, listed.offset) = (.max, .max, .max)
      }
      own.extra += entry.padding
      if entry.hasDescriptor { (own.crc32, own.size, own.compressedSize) = (0, 0, 0) }
      entry.tamperOwn(&own)
      entry.tamperListed(&listed)
      file += ZipBuilder.own(own) + entry.payload
      if entry.hasDescriptor {
        file.append(littleEndian: 0x0807_4B50 as UInt32)
        file.append(littleEndian: CRC32.of(entry.contents))
        file.append(littleEndian: UInt32(entry.payload.count))
        file.append(littleEndian: UInt32(entry.contents.count))
      }
      directory += ZipBuilder.listed(listed)
    }
    let start = file.count
    file += directory
    var end = End(
      entries: UInt16(entries.count), length: UInt32(directory.count), start: UInt32(start),
      comment: comment, commentLength: UInt16(comment.count))
    if isZip64 {
      var wide = WideEnd(
        entries: UInt64(entries.count), length: UInt64(directory.count), start: UInt64(start),
        located: UInt64(file.count))
      tamperWideEnd(&wide)
      file += ZipBuilder.wideEnd(wide)
      (end.entries, end.length, end.start) = (.max, .max, .max)
    }
    tamperEnd(&end)
    return file + ZipBuilder.end(end)
  }

  static func zip64Field(_ values: UInt64...) -> [UInt8] {
    var field: [UInt8] = []
    field.append(littleEndian: 1 as UInt16)
    field.append(littleEndian: UInt16(8 * values.count))
    for value in values { field.append(littleEndian: value) }
    return field
  }

  private static func own(_ record: Record) -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.append(littleEndian: record.signature)
    bytes.append(littleEndian: 45 as UInt16)
    bytes.append(littleEndian: record.flags)
    bytes.append(littleEndian: record.method)
    bytes.append(littleEndian: 0 as UInt16)
    bytes.append(littleEndian: 33 as UInt16)
    bytes.append(littleEndian: record.crc32)
    bytes.append(littleEndian: record.compressedSize)
    bytes.append(littleEndian: record.size)
    bytes.append(littleEndian: UInt16(record.name.count))
    bytes.append(littleEndian: UInt16(record.extra.count))
    return bytes + record.name + record.extra
  }

  private static func listed(_ record: Record) -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.append(littleEndian: record.signature)
    bytes.append(littleEndian: 45 as UInt16)
    bytes.append(littleEndian: 45 as UInt16)
    bytes.append(littleEndian: record.flags)
    bytes.append(littleEndian: record.method)
    bytes.append(littleEndian: 0 as UInt16)
    bytes.append(littleEndian: 33 as UInt16)
    bytes.append(littleEndian: record.crc32)
    bytes.append(littleEndian: record.compressedSize)
    bytes.append(littleEndian: record.size)
    bytes.append(littleEndian: UInt16(record.name.count))
    bytes.append(littleEndian: UInt16(record.extra.count))
    bytes.append(littleEndian: 0 as UInt16)
    bytes.append(littleEndian: 0 as UInt32)
    bytes.append(littleEndian: 0 as UInt32)
    bytes.append(littleEndian: record.offset)
    return bytes + record.name + record.extra
  }

  private static func end(_ end: End) -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.append(littleEndian: 0x0605_4B50 as UInt32)
    bytes.append(littleEndian: end.disk)
    bytes.append(littleEndian: end.disk)
    bytes.append(littleEndian: end.entries)
    bytes.append(littleEndian: end.entries)
    bytes.append(littleEndian: end.length)
    bytes.append(littleEndian: end.start)
    bytes.append(littleEndian: end.commentLength)
    return bytes + end.comment
  }

  private static func wideEnd(_ end: WideEnd) -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.append(littleEndian: 0x0606_4B50 as UInt32)
    bytes.append(littleEndian: 44 as UInt64)
    bytes.append(littleEndian: 45 as UInt16)
    bytes.append(littleEndian: 45 as UInt16)
    bytes.append(littleEndian: 0 as UInt64)
    bytes.append(littleEndian: end.entries)
    bytes.append(littleEndian: end.entries)
    bytes.append(littleEndian: end.length)
    bytes.append(littleEndian: end.start)
    bytes.append(littleEndian: 0x0706_4B50 as UInt32)
    bytes.append(littleEndian: 0 as UInt32)
    bytes.append(littleEndian: end.located)
    bytes.append(littleEndian: 1 as UInt32)
    return bytes
  }
}
