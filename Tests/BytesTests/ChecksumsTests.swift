import ResectBytes
import Testing

/// Expected values by Python: `zlib.crc32(…)` and `hashlib.sha256(…).hexdigest()`.
@Suite struct ChecksumsTests {
  /// Longer than a vector register's block and than one piece of a file, and no multiple of either.
  private static let long = [[UInt8]](repeating: Array(0...255), count: 1025).flatMap { $0 }

  private func sha256(_ pieces: [[UInt8]]) throws -> String {
    var hash = try SHA256()
    for piece in pieces { piece.withRawSpan { hash.update($0) } }
    return hash.hexadecimal()
  }

  // MARK: CRC-32

  @Test(
    arguments: [
      ([], 0), (Array("a".utf8), 0xE8B7_BE43), (Array("abc".utf8), 0x3524_41C2),
      (Array("123456789".utf8), 0xCBF4_3926), ([UInt8](repeating: 0, count: 32), 0x190A_55AD),
      ([UInt8](repeating: 0xFF, count: 32), 0xFF6C_AB0B), (long, 0xA71B_D1A6),
    ] as [([UInt8], UInt32)])
  func `CRC-32 is zlib's`(bytes: [UInt8], value: UInt32) {
    #expect(CRC32.of(bytes) == value)
  }

  @Test(arguments: [0, 1, 7, 63, 64, 65, 4096, 262_143, 262_400])
  func `CRC-32 in pieces is that of the whole`(split: Int) {
    var crc = CRC32()
    Array(Self.long[..<split]).withRawSpan { crc.update($0) }
    Array(Self.long[split...]).withRawSpan { crc.update($0) }
    #expect(crc.value == 0xA71B_D1A6)
  }

  @Test(arguments: [0, 1, 7, 63, 64, 65, 4096, 262_143, 262_400])
  func `two CRC-32 are joined into that of the whole`(split: Int) {
    let (first, second) = (Array(Self.long[..<split]), Array(Self.long[split...]))
    #expect(
      CRC32.joining(CRC32.of(first), CRC32.of(second), count: UInt64(second.count)) == 0xA71B_D1A6)
  }

  // Python, for zeros: joined = zlib.crc32(bytes(5 << 30), zlib.crc32(b"abc")), a mebibyte at a time.
  @Test func `CRC-32 of more than four gibibytes are joined`() {
    #expect(CRC32.joining(0x3524_41C2, 0x1938_38C3, count: 5 << 30) == 0x72B3_98A4)
  }

  @Test func `nothing more changes no CRC-32`() {
    var crc = CRC32()
    Array("abc".utf8).withRawSpan { crc.update($0) }
    [UInt8]().withRawSpan { crc.update($0) }
    // Neither does nothing at no address.
    crc.update(unsafe RawSpan(_unsafeBytes: UnsafeRawBufferPointer(start: nil, count: 0)))
    #expect(crc.value == 0x3524_41C2)
  }

  /// `zlib.crc32(b"resect" + bytes(count))`
  @Test(
    arguments: [(0, 0x88D4_7EAC), (1, 0x0DEA_D430), (64, 0x21C9_DBB4), (1_000_003, 0x0D3F_924A)]
      as [(Int, UInt32)])
  func `a CRC-32 can be extended by zeros`(count: Int, value: UInt32) {
    #expect(CRC32.extending(CRC32.of(Array("resect".utf8)), byZeros: count) == value)
  }

  @Test func `zeros alone extend the checksum of nothing`() {
    #expect(CRC32.extending(0, byZeros: 64) == 0x758D_6336)
  }

  // MARK: SHA-256

  /// FIPS 180-2's examples, and a length that is no multiple of the block.
  @Test(
    arguments: [
      ([], "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
      (Array("abc".utf8), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
      (
        Array("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq".utf8),
        "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"
      ),
      (
        [UInt8](repeating: 0x61, count: 1_000_000),
        "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"
      ),
      (long, "85e1298a87a2077b5de87c6ea60e77be9ceba06f955c51b73676ee5a71f1187f"),
    ] as [([UInt8], String)])
  func `SHA-256 is the standard's`(bytes: [UInt8], digest: String) throws {
    #expect(try sha256([bytes]) == digest)
  }

  @Test(arguments: [0, 1, 55, 56, 63, 64, 65, 262_399])
  func `SHA-256 in pieces is that of the whole`(split: Int) throws {
    #expect(
      try sha256([Array(Self.long[..<split]), [], Array(Self.long[split...])])
        == "85e1298a87a2077b5de87c6ea60e77be9ceba06f955c51b73676ee5a71f1187f")
  }

  // MARK: Digits

  @Test func `hexadecimal digits are lower-case and keep leading zeros`() {
    #expect([0x00, 0x0F, 0xA0, 0xFF].hexadecimal == "000fa0ff")
    #expect([UInt8]().hexadecimal == "")
    #expect(UInt32(0x00AB_CDEF).hexadecimal == "00abcdef")
    #expect(UInt32(0).hexadecimal == "00000000")
  }
}
