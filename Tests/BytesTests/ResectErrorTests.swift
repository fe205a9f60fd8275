import ResectBytes
import Testing

@Suite struct ResectErrorTests {
  @Test func `the description says the file, the tensor, the byte, the fault and the advice`() {
    let error = ResectError(
      .truncated, "expected 4 bytes", advice: "fetch it again", file: "a.pt", tensor: "fc.bias",
      offset: 12, details: ["more"])
    #expect(error.description == "a.pt: fc.bias: byte 12: expected 4 bytes; fetch it again")
    #expect(ResectError(.limit, "too deep").description == "too deep")
  }

  @Test func `a place is filled in only where none is known`() {
    let error = ResectError(.limit, "too deep", file: "inner")
    let located = error.located(file: "outer", tensor: "fc.bias")
    #expect(located.file == "inner")
    #expect(located.tensor == "fc.bias")
    #expect(located.code == .limit)
  }

  @Test func `every part of the description is safe for a terminal`() {
    let hostile = "a\u{1B}[2Jb\nc"
    let error = ResectError(
      .malformed, hostile, advice: .init(hostile), file: hostile, tensor: hostile, offset: 1)
    let safe = #"a\u{1b}[2Jb\u{a}c"#
    #expect(error.description == "\(safe): \(safe): byte 1: \(safe); \(safe)")
  }

  @Test(
    arguments: [
      0x00, 0x07, 0x08, 0x09, 0x0A, 0x0D, 0x1B, 0x7F, 0x80, 0x9B, 0xAD, 0x061C, 0x200B, 0x200E, 0x200F,
      0x2028, 0x2029, 0x202A, 0x202B, 0x202C, 0x202D, 0x202E, 0x2066, 0x2067, 0x2068, 0x2069, 0xFEFF,
      0xE0001,
    ] as [UInt32])
  func `control, bidirectional and invisible characters are escaped`(value: UInt32) throws {
    let scalar = try #require(Unicode.Scalar(value))
    let text = "a\(scalar)b"
    #expect(text.printable() == "a\\u{\(String(value, radix: 16))}b")
  }

  @Test(arguments: ["layer1.0.conv1.weight", "résumé", "模型", "e\u{301}", "🦊", "a b", ""])
  func `ordinary text is shown as it is`(text: String) {
    #expect(text.printable() == text)
    #expect(text.printable(limit: 100) == text)
  }

  @Test func `a long text is cut and shows that it is`() {
    #expect("abcdef".printable(limit: 6) == "abcdef")
    #expect("abcdef".printable(limit: 5) == "abcde…")
    #expect("abcdef".printable(limit: 0) == "…")
    #expect("".printable(limit: 0) == "")
    let error = ResectError(
      .malformed, String(repeating: "m", count: 10_000), advice: .init(String(repeating: "n", count: 10_000)),
      file: String(repeating: "f", count: 10_000), tensor: String(repeating: "t", count: 10_000))
    #expect(error.description.unicodeScalars.count < 1100)
  }

  @Test func `codes are told apart by their stable names`() {
    #expect(ResectError.Code.limit.description == "limit")
    #expect(ResectError.Code.limit != .malformed)
    #expect(Set([ResectError.Code.limit, .limit, .malformed]).count == 2)
  }
}
