internal import ResectBytes

/// What the end of an archive says of its directory; the zip64 form of the record is followed where there is one.
struct EndRecord {
  /// Where the directory is.
  let directory: Range<UInt64>
  /// How many entries it has.
  let count: Int

  private static let size = 22
  private static let locatorSize = 20
  private static let zip64Size = 56

  /// Reads the end record of `file`. Nothing may follow it but its own comment, and nothing may stand between the
  /// directory and it.
  init(parsing file: InputFile) throws(ResectError) {
    let tailSize = min(file.size, UInt64(EndRecord.size + 0xFFFF + EndRecord.locatorSize))
    let tailStart = file.size - tailSize
    let tail = try file.read(at: tailStart, count: Int(tailSize))
    let (record, position) = try EndRecord.find(in: tail, at: tailStart, of: file)
    let end = tailStart + UInt64(position)

    let disks = (record.u16(4), record.u16(6))
    var entriesHere = UInt64(record.u16(8))
    var entries = UInt64(record.u16(10))
    var length = UInt64(record.u32(12))
    var start = UInt64(record.u32(16))
    var directoryEnd = end

    if let locator = Record(
      0x0706_4B50, of: EndRecord.locatorSize, in: tail, at: position - EndRecord.locatorSize)
    {
      let locatorStart = end - UInt64(EndRecord.locatorSize)
      let recordStart = locator.u64(8)
      guard locator.u32(4) == 0, locator.u32(16) <= 1 else {
        throw file.refusal(.unsupported, "the archive spans several files", at: locatorStart)
      }
      guard recordStart <= locatorStart,
        locatorStart - recordStart >= UInt64(EndRecord.zip64Size),
        let wide = Record(
          0x0606_4B50, of: EndRecord.zip64Size,
          in: try file.read(at: recordStart, count: EndRecord.zip64Size)),
        wide.u64(4) == locatorStart - recordStart - 12
      else {
        throw file.refusal(
          .malformed, "the zip64 end record should be at byte \(recordStart) and is not",
          at: locatorStart)
      }
      guard wide.u32(16) == 0, wide.u32(20) == 0 else {
        throw file.refusal(.unsupported, "the archive spans several files", at: recordStart)
      }
      guard EndRecord.agree(entriesHere, 0xFFFF, wide.u64(24)),
        EndRecord.agree(entries, 0xFFFF, wide.u64(32)),
        EndRecord.agree(length, 0xFFFF_FFFF, wide.u64(40)),
        EndRecord.agree(start, 0xFFFF_FFFF, wide.u64(48)),
        EndRecord.agree(UInt64(disks.0), 0xFFFF, 0), EndRecord.agree(UInt64(disks.1), 0xFFFF, 0)
      else {
        throw file.refusal(
          .malformed, "the end record and the zip64 end record contradict each other", at: end)
      }
      entriesHere = wide.u64(24)
      entries = wide.u64(32)
      length = wide.u64(40)
      start = wide.u64(48)
      directoryEnd = recordStart
    } else if disks != (0, 0) {
      throw file.refusal(.unsupported, "the archive spans several files", at: end)
    }

    guard entriesHere == entries else {
      throw file.refusal(
        .malformed, "the end record counts \(entriesHere) entries and \(entries) entries", at: end)
    }
    guard entries <= UInt64(Limits.archiveEntries) else {
      throw file.refusal(
        .limit, "the archive claims \(entries) entries, more than \(Limits.archiveEntries)", at: end
      )
    }
    guard length <= UInt64(Limits.metadataBytes) else {
      throw file.refusal(
        .limit, "the archive claims a directory of \(length) bytes, over \(Limits.metadataBytes)",
        at: end)
    }
    guard start <= directoryEnd, directoryEnd - start == length else {
      throw file.refusal(
        .malformed,
        "the directory should be \(length) bytes at byte \(start) and end at byte \(directoryEnd)",
        at: end)
    }
    directory = start..<directoryEnd
    count = Int(entries)
  }

  /// The one end record in `tail` whose comment fills the rest of the file. Two would be two archives in one file.
  private static func find(
    in tail: [UInt8], at tailStart: UInt64, of file: InputFile
  ) throws(ResectError) -> (Record, Int) {
    var found: (Record, Int)?
    var stray: Int?
    for position in stride(from: tail.count - size, through: 0, by: -1)
    where tail[position] == 0x50 {
      guard let record = Record(0x0605_4B50, of: size, in: tail, at: position) else { continue }
      guard Int(record.u16(20)) == tail.count - position - size else {
        stray = stray ?? position
        continue
      }
      guard found == nil else {
        throw file.refusal(
          .malformed, "two end records: readers would see two different archives",
          at: tailStart + UInt64(position))
      }
      found = (record, position)
    }
    if let found { return found }
    guard let stray else {
      throw file.refusal(
        .truncated, "expected a zip archive's end record, found none", at: file.size)
    }
    throw file.refusal(
      .malformed, "the end record's comment does not end where the file does",
      at: tailStart + UInt64(stray))
  }

  /// Whether a field of the end record is the zip64 record's value, or filled up to point there.
  private static func agree(_ narrow: UInt64, _ full: UInt64, _ wide: UInt64) -> Bool {
    narrow == full || narrow == wide
  }
}
