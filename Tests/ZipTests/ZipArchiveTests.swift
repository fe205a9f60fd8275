import ResectBytes
import Synchronization
import Testing
import ResectZip

struct ZipArchiveTests {
  @Test func `stored and deflated entries are read bit for bit`() throws {
    let (weights, labels) = (noise(1_000), noise(300, seed: 2))
    let read = try contents(
      of: ZipBuilder([.stored("a/weights", weights), .deflated("a/labels", labels)]))
    #expect(read == ["a/weights": weights, "a/labels": labels])
  }

  @Test func `an entry says where and how its contents stand in the file`() throws {
    let builder = ZipBuilder([
      .stored("first", noise(10)).with { $0.padding = [0x46, 0x42, 3, 0, 90, 90, 90] },
      .deflated("second", noise(20)),
    ])
    let file = try ScratchFile(builder.bytes)
    let archive = try ZipArchive(InputFile(path: file.path))
    #expect(archive.entries.map(\.name) == ["first", "second"])
    #expect(archive.entries.map(\.isStored) == [true, false])
    #expect(archive.entries.map(\.size) == [10, 20])
    #expect(archive.entries.map(\.compressedSize) == [10, 25])
    #expect(archive.entries.map(\.payloadOffset) == [42, 42 + 10 + 36])
    #expect(archive["first"]?.crc32 == CRC32.of(noise(10)))
    #expect(archive["third"] == nil)
  }

  @Test func `an archive without entries is an archive`() throws {
    #expect(try contents(of: ZipBuilder([])).isEmpty)
  }

  @Test func `empty contents are read, stored and deflated`() throws {
    let read = try contents(of: ZipBuilder([.stored("stored", []), .deflated("deflated", [])]))
    #expect(read == ["stored": [], "deflated": []])
  }

  @Test func `contents larger than a piece arrive in pieces`() throws {
    let large = noise(InputFile.pieceBytes * 2 + 77)
    let read = try contents(
      of: ZipBuilder([.stored("stored", large), .deflated("deflated", large)]))
    #expect(read == ["stored": large, "deflated": large])
  }

  @Test func `sizes may be left to a descriptor behind the payload`() throws {
    let read = try contents(
      of: ZipBuilder([
        .stored("stored", noise(99)).with { $0.hasDescriptor = true },
        .deflated("deflated", noise(99)).with { $0.hasDescriptor = true },
      ]))
    #expect(read == ["stored": noise(99), "deflated": noise(99)])
  }

  @Test func `zip64 records are read`() throws {
    var builder = ZipBuilder([
      .stored("stored", noise(99)).with { $0.isZip64 = true },
      .deflated("deflated", noise(99)).with { $0.isZip64 = true },
    ])
    builder.isZip64 = true
    #expect(try contents(of: builder) == ["stored": noise(99), "deflated": noise(99)])
  }

  @Test func `a comment is no part of the archive`() throws {
    var builder = ZipBuilder([.stored("a", noise(9))])
    builder.comment = noise(0xFFFF)
    #expect(try contents(of: builder) == ["a": noise(9)])
  }

  @Test func `bytes before the first entry are no part of the archive`() throws {
    var builder = ZipBuilder([.stored("a", noise(9))])
    builder.prefix = Array("#!/bin/sh\n".utf8)
    #expect(try contents(of: builder) == ["a": noise(9)])
  }

  @Test func `a CRC-32 of 0 in a stored entry means that none was recorded`() throws {
    let read = try contents(of: ZipBuilder([.stored("a", noise(9)).tampering { $0.crc32 = 0 }]))
    #expect(read == ["a": noise(9)])
  }

  @Test func `names that are dangerous as paths are only names`() throws {
    let names = ["/etc/passwd", "../../x", "C:\\x", "a\nb", "folder/"]
    let read = try contents(of: ZipBuilder(names.map { .stored($0, []) }))
    #expect(read.keys.sorted() == names.sorted())
  }

  @Test func `a name in an old encoding keeps its readable part`() throws {
    let entry = ZipBuilder.Entry.stored("", noise(9)).with {
      $0.name = [0x6D, 0x82, 0x2F, 0x61]
      $0.flags = 0
    }
    #expect(try contents(of: ZipBuilder([entry])) == ["m\u{FFFD}/a": noise(9)])
  }

  @Test(arguments: PythonArchives.all)
  func `archives of Python's zipfile are read`(bytes: [UInt8]) throws {
    let file = try ScratchFile(bytes)
    #expect(try contents(of: file.path) == PythonArchives.contents)
  }

  @Test func `entries are streamed from several threads at once`() throws {
    let entries = (0..<24).map { index in
      let contents = noise(300_000 + index, seed: UInt64(index))
      return index.isMultiple(of: 2)
        ? ZipBuilder.Entry.stored("\(index)", contents) : .deflated("\(index)", contents)
    }
    let file = try ScratchFile(ZipBuilder(entries).bytes)
    let archive = try ZipArchive(InputFile(path: file.path))
    let wrong = Mutex<[String]>([])
    try parallelForEach(count: 4 * entries.count) { index throws(ResectError) in
      let entry = archive.entries[index % archive.entries.count]
      let read = try streamed(entry, of: archive)
      if CRC32.of(read) != entry.crc32 || UInt64(read.count) != entry.size {
        wrong.withLock { $0.append(entry.name) }
      }
    }
    #expect(wrong.withLock { $0 }.isEmpty)
  }

  @Test func `streams within streams do not disturb each other`() throws {
    let large = noise(InputFile.pieceBytes * 2)
    let file = try ScratchFile(
      ZipBuilder([.deflated("a", large), .deflated("b", large.reversed())]).bytes)
    let archive = try ZipArchive(InputFile(path: file.path))
    var read: [UInt8] = []
    try archive.stream(archive.entries[0]) { piece throws(ResectError) in
      #expect(try streamed(archive.entries[1], of: archive) == large.reversed())
      unsafe piece.withUnsafeBytes { unsafe read.append(contentsOf: $0) }
    }
    #expect(read == large)
  }

  @Test(arguments: [true, false])
  func `an error of the caller ends the stream and leaves the archive usable`(isStored: Bool) throws {
    let file = try ScratchFile(
      ZipBuilder([isStored ? .stored("a", noise(50)) : .deflated("a", noise(50))]).bytes)
    let archive = try ZipArchive(InputFile(path: file.path))
    let thrown = ResectError(.badValue, "enough")
    let error = #expect(throws: ResectError.self) {
      try archive.stream(archive.entries[0]) { _ throws(ResectError) in throw thrown }
    }
    #expect(error == thrown)
    #expect(try archive.read(archive.entries[0], limit: 50) == noise(50))
  }

  @Test(arguments: [true, false])
  func `contents over the limit are refused before they are read`(isStored: Bool) throws {
    let file = try ScratchFile(
      ZipBuilder([isStored ? .stored("a", noise(50)) : .deflated("a", noise(50))]).bytes)
    let archive = try ZipArchive(InputFile(path: file.path))
    for limit in [49, 0, -1] {
      let error = #expect(throws: ResectError.self) {
        try archive.read(archive.entries[0], limit: limit)
      }
      #expect(error?.code == .limit)
      #expect(error?.tensor == "a")
    }
  }
}
