import ResectBytes
import Testing
import ResectZip

/// Whatever happens to an archive, it is refused or its contents are what they were.
struct ZipDamageTests {
  /// Small archives that have between them every kind of record.
  static let archives: [[UInt8]] = {
    var plain = ZipBuilder([
      .stored("a/data.pkl", noise(40)), .deflated("a/data/0", noise(30, seed: 2)),
      .stored("a/é", noise(20, seed: 3)).with { $0.padding = [0x46, 0x42, 8, 0] + noise(8) },
    ])
    plain.comment = Array("comment".utf8)
    var streamed = ZipBuilder([
      .stored("a/data.pkl", noise(40)).with { $0.hasDescriptor = true },
      .deflated("a/0", noise(30, seed: 2)).with { $0.hasDescriptor = true },
    ])
    streamed.isZip64 = true
    var wide = ZipBuilder([
      .stored("a", noise(40)).with { $0.isZip64 = true },
      .deflated("b", noise(30, seed: 2)).with { $0.isZip64 = true },
    ])
    wide.isZip64 = true
    return [plain.bytes, streamed.bytes, wide.bytes]
  }()

  @Test(arguments: archives.indices)
  func `an archive that is cut anywhere is refused`(index: Int) throws {
    let bytes = ZipDamageTests.archives[index]
    let file = try ScratchFile(bytes)
    for length in bytes.indices {
      try file.overwrite(Array(bytes.prefix(length)))
      #expect(throws: ResectError.self, "cut to \(length)") { try contents(of: file.path) }
    }
  }

  @Test(arguments: archives.indices)
  func `a flipped bit is refused or changes no contents`(index: Int) throws {
    let bytes = ZipDamageTests.archives[index]
    try expectRefusedOrUnchanged(bytes, count: 8 * bytes.count) { damaged, bit in
      damaged[bit / 8] ^= 1 << (bit % 8)
    }
  }

  @Test(arguments: archives.indices)
  func `a missing byte is refused or changes no contents`(index: Int) throws {
    let bytes = ZipDamageTests.archives[index]
    try expectRefusedOrUnchanged(bytes, count: bytes.count) { $0.remove(at: $1) }
  }

  @Test(arguments: archives.indices)
  func `a byte too many is refused or changes no contents`(index: Int) throws {
    let bytes = ZipDamageTests.archives[index]
    try expectRefusedOrUnchanged(bytes, count: bytes.count) { $0.insert(0, at: $1) }
  }

  @Test(arguments: archives.indices)
  func `four random bytes are refused or change no contents`(index: Int) throws {
    let bytes = ZipDamageTests.archives[index]
    try expectRefusedOrUnchanged(bytes, count: bytes.count - 4) { damaged, position in
      damaged.replaceSubrange(position..<position + 4, with: noise(4, seed: UInt64(position)))
    }
  }

  private func expectRefusedOrUnchanged(
    _ bytes: [UInt8], count: Int, _ damage: (inout [UInt8], Int) -> Void
  ) throws {
    let file = try ScratchFile(bytes)
    let whole = try contents(of: file.path)
    #expect(!whole.isEmpty)
    for index in 0..<count {
      var damaged = bytes
      damage(&damaged, index)
      try file.overwrite(damaged)
      do throws(ResectError) {
        let read = try contents(of: file.path)
        #expect(read == whole, "damage \(index)")
      } catch {}
    }
  }
}
