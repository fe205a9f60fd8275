internal import ResectBytes

/// The header in front of an entry's payload, which must say what the directory says.
struct LocalHeader {
  /// What was read first at the entry's beginning: the header and perhaps more, or a part of an unusually long one.
  let bytes: [UInt8]
  /// Where the payload is in the file.
  let payload: Range<UInt64>

  private static let fixedSize = 30
  /// Extra fields of up to so many bytes come with the first read; torch pads with less than 70.
  private static let usualExtra = 96

  /// Reads the header of `entry` from `file`, where something else begins at `limit`.
  init(of entry: CentralRecord, in file: InputFile, below limit: UInt64) throws(ResectError) {
    let start = entry.header
    func refusal(_ code: ResectError.Code, _ message: String) -> ResectError {
      file.refusal(code, message, entry: entry.name, at: start)
    }
    guard start < limit else {
      throw refusal(.malformed, "the entry begins where another entry or the directory is")
    }
    let usual = LocalHeader.fixedSize + entry.rawName.count + LocalHeader.usualExtra
    bytes = try file.read(at: start, count: Int(min(UInt64(usual), limit - start)))
    guard let record = Record(0x0403_4B50, of: LocalHeader.fixedSize, in: bytes) else {
      throw refusal(.malformed, "expected the entry's header, found something else")
    }
    let nameEnd = LocalHeader.fixedSize + Int(record.u16(26))
    let extraEnd = nameEnd + Int(record.u16(28))
    guard UInt64(extraEnd) <= limit - start else {
      throw refusal(
        .malformed, "the entry's header runs over byte \(limit), where something else begins")
    }
    let header = extraEnd <= bytes.count ? bytes : try file.read(at: start, count: extraEnd)

    guard header[LocalHeader.fixedSize..<nameEnd] == entry.rawName else {
      let name = String(decoding: header[LocalHeader.fixedSize..<nameEnd], as: UTF8.self)
      throw refusal(.malformed, "the entry's own header calls it \(name)")
    }
    let flags = EntryFlags(rawValue: record.u16(6))
    guard flags.isDisjoint(with: .unreadable) else {
      throw refusal(.unsupported, "the entry is encrypted or patched, by its own header")
    }
    guard record.u16(8) == entry.method else {
      throw refusal(
        .malformed,
        "compression method \(record.u16(8)) in the entry's header, \(entry.method) in the directory"
      )
    }
    guard ExtraFields(parsing: header, in: nameEnd..<extraEnd) != nil else {
      throw refusal(.malformed, "the extra fields of the entry's header do not fit it")
    }
    // With a descriptor behind the payload these may be left at 0. Full sizes stand in a zip64 field: libzip compares it.
    let mayLeaveOut = flags.contains(.descriptor)
    func agrees(_ own: UInt32, _ listed: UInt64) -> Bool {
      UInt64(own) == listed || own == 0 && mayLeaveOut
    }
    let (crc32, compressedSize, size) = (record.u32(14), record.u32(18), record.u32(22))
    guard agrees(crc32, UInt64(entry.crc32)),
      compressedSize == .max || agrees(compressedSize, entry.compressedSize),
      size == .max || agrees(size, entry.size)
    else {
      throw refusal(
        .malformed, "sizes or CRC-32 differ between the entry's header and the directory")
    }

    let payloadStart = start + UInt64(extraEnd)
    guard entry.compressedSize <= limit - payloadStart else {
      throw refusal(
        .malformed,
        "the entry's \(entry.compressedSize) bytes run over byte \(limit), where something else begins"
      )
    }
    payload = payloadStart..<payloadStart + entry.compressedSize
  }
}
