import ResectBytes
import Testing
import ResectZip

/// One test a refusal.
struct ZipRefusalTests {
  typealias Entry = ZipBuilder.Entry

  // The end record.

  @Test func `a file that is no archive is refused`() throws {
    try expectRefusal(.truncated, [])
    try expectRefusal(.truncated, noise(21))
    try expectRefusal(.truncated, noise(100_000))
  }

  @Test func `bytes after the archive are refused`() throws {
    try expectRefusal(.malformed, ZipBuilder([.stored("a", noise(9))]).bytes + [0])
  }

  @Test func `a comment that is longer than the rest of the file is refused`() throws {
    try expectRefusal(.malformed, [.stored("a", noise(9))]) {
      $0.tamperEnd = { $0.commentLength = 1 }
    }
  }

  @Test func `an archive within the comment of another is refused`() throws {
    try expectRefusal(.malformed, [.stored("a", noise(9))]) { $0.comment = ZipBuilder([]).bytes }
  }

  @Test(arguments: [UInt16(0), 1, 3, 65_534])
  func `an end record that counts other entries than the directory holds is refused`(
    count: UInt16
  ) throws {
    let error = try expectRefusal(.malformed, [.stored("a", noise(9)), .stored("b", noise(9))]) {
      $0.tamperEnd = { $0.entries = count }
    }
    #expect(error?.message.contains("counts \(count) entries") == true)
  }

  @Test func `a directory elsewhere than the end record says is refused`() throws {
    try expectRefusal(.malformed, [.stored("a", noise(9))]) { $0.tamperEnd = { $0.start += 1 } }
    try expectRefusal(.malformed, [.stored("a", noise(9))]) {
      $0.tamperEnd = { $0.start = 1 << 31 }
    }
    try expectRefusal(.malformed, [.stored("a", noise(9))]) { $0.tamperEnd = { $0.length -= 1 } }
  }

  @Test func `an archive of several files is refused`() throws {
    try expectRefusal(.unsupported, [.stored("a", noise(9))]) { $0.tamperEnd = { $0.disk = 1 } }
  }

  @Test(arguments: [0, 60, UInt64.max, 1 << 60])
  func `a zip64 end record that is not where it should be is refused`(offset: UInt64) throws {
    try expectRefusal(.malformed, [.stored("a", noise(9))]) {
      $0.isZip64 = true
      $0.tamperWideEnd = { $0.located = offset }
    }
  }

  @Test func `a zip64 end record that contradicts the end record is refused`() throws {
    try expectRefusal(.malformed, [.stored("a", noise(9))]) {
      $0.isZip64 = true
      $0.tamperEnd = { $0.entries = 2 }
    }
  }

  @Test(arguments: [UInt64(1) << 62, .max, 0])
  func `a zip64 end record that lies about the directory is refused`(number: UInt64) throws {
    func refuse(_ code: ResectError.Code, _ change: @escaping (inout ZipBuilder.WideEnd) -> Void)
      throws
    {
      try expectRefusal(number == 0 ? .malformed : code, [.stored("a", noise(9))]) {
        $0.isZip64 = true
        $0.tamperWideEnd = change
      }
    }
    try refuse(.limit) { $0.entries = number }
    try refuse(.limit) { $0.length = number }
    try refuse(.malformed) { $0.start = number }
  }

  @Test func `full fields without a zip64 end record are refused`() throws {
    try expectRefusal(.malformed, [.stored("a", noise(9))]) { $0.tamperEnd = { $0.start = .max } }
  }

  @Test func `more entries than the limit are refused before the directory is read`() throws {
    try expectRefusal(.limit, [.stored("a", noise(9))]) {
      $0.isZip64 = true
      $0.tamperWideEnd = { $0.entries = UInt64(Limits.archiveEntries) + 1 }
    }
  }

  // Entries as the directory lists them.

  @Test func `two entries of one name are refused`() throws {
    let error = try expectRefusal(.malformed, [.stored("a", noise(9)), .stored("a", noise(9))])
    #expect(error?.tensor == "a")
  }

  @Test func `two names that are one text in Unicode are refused`() throws {
    try expectRefusal(.malformed, [.stored("\u{E9}", noise(9)), .stored("e\u{301}", noise(9))])
  }

  @Test func `a NUL in a name is refused`() throws {
    try expectRefusal(.malformed, [.stored("a\0b", noise(9))])
    try expectRefusal(.malformed, [.stored("a\0", noise(9))])
  }

  @Test func `a name that claims to be UTF-8 and is not is refused`() throws {
    try expectRefusal(.malformed, [Entry.stored("", noise(9)).with { $0.name = [0x61, 0xFF] }])
  }

  @Test(arguments: [0, 6, 13])
  func `encrypted entries are refused`(bit: UInt16) throws {
    let entry = Entry.stored("a", noise(9))
    try expectRefusal(.unsupported, [entry.tampering { $0.flags |= 1 << bit }])
    try expectRefusal(.unsupported, [entry.with { $0.tamperOwn = { $0.flags |= 1 << bit } }])
  }

  @Test(arguments: [1, 9, 12, 14, 93, 95, 99])
  func `compression methods other than deflate are refused`(method: UInt16) throws {
    let error = try expectRefusal(
      .unsupported, [.stored("a", noise(9)).tampering { $0.method = method }])
    #expect(error?.message.contains("method \(method)") == true)
  }

  @Test func `a stored entry of two sizes is refused`() throws {
    try expectRefusal(.malformed, [.stored("a", noise(9)).tampering { $0.size = 1 << 31 }])
  }

  @Test func `more contents than deflate can hold are refused`() throws {
    try expectRefusal(.limit, [.deflated("a", noise(95)).tampering { $0.size = 104_000 }])
    try expectRefusal(.limit, [.deflated("a", noise(95)).tampering { $0.size = .max - 1 }])
  }

  @Test func `an entry larger than the file is refused`() throws {
    try expectRefusal(
      .truncated,
      [
        .stored("a", noise(9)).tampering {
          $0.size = 1 << 20
          $0.compressedSize = 1 << 20
        }
      ])
  }

  @Test(arguments: [[], ZipBuilder.zip64Field(9), ZipBuilder.zip64Field()])
  func `a full size without its zip64 field is refused`(extra: [UInt8]) throws {
    let entry = Entry.stored("a", noise(9)).tampering {
      $0.size = .max
      $0.compressedSize = .max
      $0.extra = extra
    }
    try expectRefusal(.malformed, [entry])
  }

  @Test(arguments: [UInt64(1) << 63, .max, 10])
  func `zip64 sizes that are not true are refused`(size: UInt64) throws {
    let entry = Entry.stored("a", noise(9)).with {
      $0.isZip64 = true
      $0.tamperListed = { $0.extra = ZipBuilder.zip64Field(size, size, 0) }
    }
    try expectRefusal(size == 10 ? .malformed : .truncated, [entry])
  }

  @Test func `zip64 sizes that differ in the entry's header are refused`() throws {
    let entry = Entry.stored("a", noise(9)).with {
      $0.isZip64 = true
      $0.tamperOwn = { $0.extra = ZipBuilder.zip64Field(8, 8) }
    }
    try expectRefusal(.malformed, [entry])
  }

  @Test func `two zip64 fields are refused`() throws {
    let entry = Entry.stored("a", noise(9)).with {
      $0.isZip64 = true
      $0.tamperListed = { $0.extra += $0.extra }
    }
    try expectRefusal(.malformed, [entry])
  }

  @Test func `extra fields that are longer than their place are refused`() throws {
    let extra: [UInt8] = [0x46, 0x42, 2, 0, 90]
    let entry = Entry.stored("a", noise(9))
    try expectRefusal(.malformed, [entry.with { $0.tamperOwn = { $0.extra = extra } }])
    try expectRefusal(.malformed, [entry.with { $0.tamperListed = { $0.extra = extra } }])
  }

  @Test func `a damaged directory record is refused`() throws {
    let entry = Entry.stored("b", noise(9)).with { $0.tamperListed = { $0.signature ^= 1 << 30 } }
    try expectRefusal(.malformed, [.stored("a", noise(9)), entry])
  }

  @Test func `a record that reaches over the directory's end is refused`() throws {
    var bytes = ZipBuilder([.stored("a", noise(9))]).bytes
    bytes[bytes.count - 22 - 47 + 32] = 1
    try expectRefusal(.malformed, bytes)
  }

  // Entries as their own headers describe them.

  @Test func `a damaged header is refused, whichever entry's it is`() throws {
    let damaged = Entry.stored("b", noise(9)).with { $0.tamperOwn = { $0.signature ^= 1 << 30 } }
    for entries in [[.stored("a", noise(9)), damaged], [damaged, .stored("a", noise(9))]] {
      let error = try expectRefusal(.malformed, entries)
      #expect(error?.tensor == "b")
      #expect(error?.offset == (entries[0].name == damaged.name ? 0 : 40))
    }
  }

  @Test(
    arguments: [
      { $0.name = [0x62] }, { $0.name += [0x62] }, { $0.method = 8 }, { $0.crc32 ^= 1 },
      { $0.size += 1 }, { $0.compressedSize -= 1 }, { $0.size = 0 }, { $0.crc32 = 0 },
    ] as [@Sendable (inout ZipBuilder.Record) -> Void])
  func `a header that contradicts the directory is refused`(
    change: @escaping @Sendable (inout ZipBuilder.Record) -> Void
  ) throws {
    let error = try expectRefusal(
      .malformed,
      [.stored("first", noise(5)), Entry.stored("a", noise(9)).with { $0.tamperOwn = change }])
    #expect(error?.tensor == "a")
    #expect(error?.offset == 40)
  }

  @Test func `sizes beside a descriptor must be 0 or right`() throws {
    let entry = Entry.stored("a", noise(9)).with {
      $0.hasDescriptor = true
      $0.tamperOwn = { $0.size = 8 }
    }
    try expectRefusal(.malformed, [entry])
  }

  @Test func `an entry that begins in the directory is refused`() throws {
    let entry = Entry.stored("a", noise(9)).with { $0.tamperListed = { $0.offset = 40 } }
    try expectRefusal(.malformed, [entry])
    let beyond = Entry.stored("a", noise(9)).with { $0.tamperListed = { $0.offset = 1 << 30 } }
    try expectRefusal(.malformed, [beyond])
  }

  @Test func `an entry that runs into the directory is refused`() throws {
    let entry = Entry.stored("a", noise(9)).tampering {
      $0.size += 1
      $0.compressedSize += 1
    }
    try expectRefusal(.malformed, [entry])
  }

  @Test func `two entries over the same bytes are refused`() throws {
    let same = Entry.stored("a", noise(9)).with { $0.tamperListed = { $0.offset = 0 } }
    try expectRefusal(.malformed, [.stored("a", noise(9)), same.with { $0.name = [0x62] }])
  }

  @Test func `an entry within another is refused`() throws {
    let inner = ZipBuilder([.stored("inner", noise(9))]).bytes.prefix(30 + 5 + 9)
    let bait = Entry.stored("inner", noise(9)).with {
      $0.tamperListed = { $0.offset = 30 + 5 }
    }
    let error = try expectRefusal(.malformed, [.stored("outer", Array(inner)), bait])
    #expect(error?.tensor == "outer")
  }

  // Contents.

  @Test(arguments: [true, false])
  func `contents of another CRC-32 are refused`(isStored: Bool) throws {
    let entry: Entry = isStored ? .stored("a", noise(9)) : .deflated("a", noise(9))
    let error = try expectRefusal(.checksum, [entry.tampering { $0.crc32 ^= 0x100 }])
    #expect(error?.tensor == "a")
    #expect(error?.offset == 31)
  }

  @Test func `a CRC-32 of 0 in a deflated entry must match like any other`() throws {
    try expectRefusal(.checksum, [.deflated("a", noise(9)).tampering { $0.crc32 = 0 }])
  }

  @Test func `a deflated entry that unfolds to more than it claims is refused`() throws {
    let entry = Entry.deflated("a", noise(900)).tampering { $0.size = 16 }
    let error = try expectRefusal(.malformed, [entry])
    #expect(error?.message.contains("more than its 16 bytes") == true)
    try expectRefusal(.malformed, [.deflated("a", noise(9)).tampering { $0.size = 0 }])
  }

  @Test func `a deflated entry that unfolds to less than it claims is refused`() throws {
    let contents = noise(900)
    let entry = Entry.deflated("a", contents).tampering { $0.size = 901 }
    try expectRefusal(.malformed, [entry])
  }

  @Test func `bytes that are no deflate stream are refused`() throws {
    try expectRefusal(
      .malformed, [Entry.deflated("a", noise(900)).with { $0.payload = noise(905, seed: 3) }])
  }

  @Test func `a deflate stream that is cut short is refused`() throws {
    let entry = Entry.deflated("a", noise(900)).with { $0.payload.removeLast(7) }
    let file = try ScratchFile(ZipBuilder([entry]).bytes)
    #expect(throws: ResectError.self) { try contents(of: file.path) }
  }

  @Test func `a file that shrinks after it was opened is an error and no crash`() throws {
    let bytes = ZipBuilder([.stored("a", noise(900)), .deflated("b", noise(900))]).bytes
    let file = try ScratchFile(bytes)
    let archive = try ZipArchive(InputFile(path: file.path))
    try file.overwrite(Array(bytes.prefix(100)))
    for entry in archive.entries {
      let error = #expect(throws: ResectError.self) { try archive.read(entry, limit: 1000) }
      #expect(error?.code == .truncated)
    }
  }

  @Test func `a deflated entry that was replaced after the archive was opened is refused`() throws {
    let file = try ScratchFile(ZipBuilder([.deflated("a", noise(900))]).bytes)
    let archive = try ZipArchive(InputFile(path: file.path))
    try file.overwrite(ZipBuilder([.deflated("a", noise(900, seed: 2))]).bytes)
    let error = #expect(throws: ResectError.self) {
      try archive.read(archive.entries[0], limit: 1000)
    }
    #expect(error?.code == .checksum)
  }
}
