internal import ResectBytes

/// One entry as the directory describes it, and what it must be by that alone.
struct CentralRecord {
  /// Where this record is in the file.
  let offset: UInt64
  /// The name's bytes, in whatever encoding.
  let rawName: ArraySlice<UInt8>
  /// The name as text. What is not UTF-8 in it becomes U+FFFD.
  let name: String
  let flags: EntryFlags
  let method: UInt16
  let crc32: UInt32
  let size: UInt64
  let compressedSize: UInt64
  /// Where the entry's own header is in the file.
  let header: UInt64

  private static let fixedSize = 46

  var isStored: Bool { method == 0 }

  /// The record at `position` of `table`, the directory that begins at `base` of `file`; `position` moves behind it.
  init(
    parsing table: [UInt8], at position: inout Int, base: UInt64, of file: InputFile
  ) throws(ResectError) {
    let start = position
    offset = base + UInt64(start)
    guard let record = Record(0x0201_4B50, of: CentralRecord.fixedSize, in: table, at: start) else {
      throw file.refusal(
        .malformed, "expected another record of the directory, found none", at: offset)
    }
    let nameStart = start + CentralRecord.fixedSize
    let extraStart = nameStart + Int(record.u16(28))
    let extraEnd = extraStart + Int(record.u16(30))
    let end = extraEnd + Int(record.u16(32))
    guard end <= table.count else {
      throw file.refusal(.malformed, "the record runs over the directory's end", at: offset)
    }
    position = end
    rawName = table[nameStart..<extraStart]
    name = String(decoding: rawName, as: UTF8.self)
    flags = EntryFlags(rawValue: record.u16(8))
    method = record.u16(10)
    crc32 = record.u32(16)

    guard let extra = ExtraFields(parsing: table, in: extraStart..<extraEnd) else {
      throw file.refusal(
        .malformed, "the extra fields do not fit the entry's record", entry: name, at: offset)
    }
    var wide = extra.zip64
    /// A size as the record gives it, or the next one of the zip64 field where the record's is full.
    func resolve(_ narrow: UInt32) -> UInt64? {
      guard narrow == .max else { return UInt64(narrow) }
      guard let field = wide, field.count >= 8 else { return nil }
      wide = field.dropFirst(8)
      return table.u64(field.lowerBound)
    }
    guard let size = resolve(record.u32(24)), let compressedSize = resolve(record.u32(20)),
      let header = resolve(record.u32(42))
    else {
      throw file.refusal(
        .malformed, "a size is left to a zip64 field that is missing or too short",
        entry: name, at: offset)
    }
    self.size = size
    self.compressedSize = compressedSize
    self.header = header
    try check(in: file)
  }

  private func check(in file: InputFile) throws(ResectError) {
    guard flags.isDisjoint(with: .unreadable) else {
      throw refusal(.unsupported, "the entry is encrypted or patched", in: file)
    }
    guard method == 0 || method == 8 else {
      throw refusal(
        .unsupported, "compression method \(method); only stored (0) and deflate (8) are read",
        in: file)
    }
    guard !rawName.contains(0) else {
      throw refusal(.malformed, "a NUL in an entry's name", in: file)
    }
    guard !flags.contains(.utf8) || String(validating: rawName, as: UTF8.self) != nil else {
      throw refusal(.malformed, "the entry's name claims to be UTF-8 and is not", in: file)
    }
    guard compressedSize <= file.size else {
      throw refusal(
        .truncated, "the entry claims \(compressedSize) bytes of a file of \(file.size)", in: file)
    }
    guard !isStored || size == compressedSize else {
      throw refusal(
        .malformed, "the entry is stored, yet \(size) bytes stand in \(compressedSize)", in: file)
    }
    let most = compressedSize.multipliedFullWidth(by: Limits.deflateRatio)
    guard isStored || (0, size) <= most else {
      throw refusal(
        .limit, "the entry claims \(size) bytes, too many for \(compressedSize) deflated ones",
        in: file)
    }
  }

  private func refusal(
    _ code: ResectError.Code, _ message: String, in file: InputFile
  ) -> ResectError {
    file.refusal(code, message, entry: name, at: offset)
  }
}
