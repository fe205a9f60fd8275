import ResectBytes
import ResectTestSupport
import Testing

@Suite struct JSONParsingTests {
  private func parse(_ text: String) throws(ResectError) -> JSON {
    try JSON(parsing: Array(text.utf8))
  }

  // MARK: Values

  @Test(
    arguments: [
      ("null", JSON.null), ("true", .bool(true)), ("false", .bool(false)), (" \t\r\n0 ", .integer(0)),
      ("\"\"", .string("")), ("[]", .array([])), ("{}", .object([])), ("[ ]", .array([])),
      ("[1,[2] , {\"a\":null}]", .array([.integer(1), .array([.integer(2)]), .object(["a": .null])])),
      ("{\"b\":1,\"a\":2}", .object(["b": .integer(1), "a": .integer(2)])),
    ])
  func `every kind of value is read`(text: String, value: JSON) throws {
    #expect(try parse(text) == value)
  }

  @Test func `members keep the order of the file`() throws {
    let members = try #require(try parse("{\"z\":0,\"a\":1,\"m\":2}").members)
    #expect(members.map(\.name) == ["z", "a", "m"])
  }

  @Test(
    arguments: [
      "", " ", "nul", "nulls", "True", "+1", ".5", "NaN", "Infinity", "-", "[", "]", "[1", "[1,", "[1,]",
      "[,1]", "[1 2]", "{", "{\"a\"", "{\"a\":", "{\"a\":1", "{\"a\":1,}", "{a:1}", "{'a':1}", "{1:1}",
      "{\"a\" 1}", "\"a", "'a'", "1 // one", "/**/1", "\u{FEFF}1", "\u{A0}1", "\u{0}",
    ])
  func `what is no JSON is refused`(text: String) {
    let code = refusal { () throws(ResectError) in try parse(text) }
    #expect(code == .malformed || code == .truncated)
  }

  @Test(arguments: ["1 2", "{}{}", "[]]", "null,", "1\u{0}", "true false", "\"a\"\"b\""])
  func `anything after the value is refused`(text: String) {
    #expect(refusal { () throws(ResectError) in try parse(text) } == .malformed)
  }

  // MARK: Names

  @Test(
    arguments: [
      "{\"a\":1,\"a\":1}", "{\"a\":1,\"b\":2,\"\\u0061\":3}", "{\"\":1,\"\":2}",
      "[{\"x\":{\"a\":1,\"a\":2}}]",
    ])
  func `a name twice in one object is refused`(text: String) {
    #expect(refusal { () throws(ResectError) in try parse(text) } == .malformed)
  }

  /// A look-up by name compares strings as Swift does, by canonical equivalence: it could not tell the two apart.
  @Test func `two names that differ only in Unicode normalisation are refused`() {
    #expect(
      refusal { () throws(ResectError) in try parse("{\"\u{E9}\":1,\"e\u{301}\":2}") } == .malformed)
  }

  @Test func `a name may stand again in another object`() throws {
    #expect(
      try parse("[{\"a\":1},{\"a\":2}]")
        == .array([.object(["a": .integer(1)]), .object(["a": .integer(2)])]))
  }

  // MARK: Strings

  @Test func `every escape is read`() throws {
    let text = #""\"\\\/\b\f\n\r\t\u0041\u00e9\u20AC\u0000""#
    #expect(try parse(text) == .string("\"\\/\u{8}\u{C}\n\r\tA\u{E9}\u{20AC}\u{0}"))
  }

  @Test func `a pair of surrogates is one character`() throws {
    #expect(try parse(#""\ud83d\uDE00""#) == .string("\u{1F600}"))
    #expect(try parse(#""\uD800\uDC00""#) == .string("\u{10000}"))
    #expect(try parse(#""\uDBFF\uDFFF""#) == .string("\u{10FFFF}"))
  }

  @Test(
    arguments: [
      #""\ud800""#, #""\udc00""#, #""\ud800\ud800""#, #""\ud800A""#, #""\udc00\ud800""#, #""\ud800\n""#,
      #""\ud800 \udc00""#,
    ])
  func `a lone surrogate is refused`(text: String) {
    #expect(refusal { () throws(ResectError) in try parse(text) } == .malformed)
  }

  @Test(
    arguments: [
      #""\a""#, #""\x41""#, #""\U0041""#, #""\u+041""#, #""\u-001""#, #""\u00g1""#, #""\u 041""#,
      #""\u٠٠٠٠""#, #""\'""#,
    ])
  func `an unknown escape is refused`(text: String) {
    #expect(refusal { () throws(ResectError) in try parse(text) } == .malformed)
  }

  @Test(arguments: UInt8(0)..<0x20)
  func `a raw control character in a string is refused`(byte: UInt8) {
    #expect(
      refusal { () throws(ResectError) in try JSON(parsing: [0x22, 0x61, byte, 0x22]) } == .malformed)
  }

  @Test func `a raw delete character is allowed in a string`() throws {
    #expect(try parse("\"\u{7F}\"") == .string("\u{7F}"))
  }

  @Test(
    arguments: [
      [0xFF], [0x80], [0xC0, 0x80], [0xC3], [0xE2, 0x82], [0xED, 0xA0, 0x80], [0xF4, 0x90, 0x80, 0x80],
      [0xF8, 0x88, 0x80, 0x80, 0x80],
    ] as [[UInt8]])
  func `a string that is not UTF-8 is refused`(bytes: [UInt8]) {
    let text = [0x22] + bytes + [0x22]
    #expect(refusal { () throws(ResectError) in try JSON(parsing: text) } == .malformed)
  }

  // MARK: Numbers

  @Test(
    arguments: [
      ("0", 0), ("-0", 0), ("7", 7), ("-12", -12), ("9007199254740993", 9_007_199_254_740_993),
      ("9223372036854775807", .max), ("-9223372036854775808", .min),
    ] as [(String, Int64)])
  func `digits alone are an integer`(text: String, value: Int64) throws {
    #expect(try parse(text) == .integer(value))
  }

  @Test(
    arguments: [
      ("2.0", 2), ("1e2", 100), ("1E+2", 100), ("25e-2", 0.25), ("-0.0", -0.0), ("0.1", 0.1),
      ("9223372036854775808", 0x1p63), ("1.7976931348623157e308", 0x1.FFFFFFFFFFFFFp1023),
      ("5e-324", 0x1p-1074), ("2.2250738585072011e-308", Double(bitPattern: 0x000F_FFFF_FFFF_FFFF)),
      ("0e999", 0),
    ] as [(String, Double)])
  func `a fraction, an exponent or too many digits make a number`(text: String, value: Double) throws {
    let parsed = try parse(text)
    #expect(parsed.integer == nil)
    #expect(try #require(parsed.number).bitPattern == value.bitPattern)
  }

  @Test(
    arguments: [
      "00", "01", "-01", "-", "- 1", "1.", "1.e1", ".1", "1e", "1e+", "1e-", "1e1.5", "0x10", "1_000",
      "--1", "+1", "1..2", "\u{661}",
    ])
  func `a number outside the grammar is refused`(text: String) {
    #expect(refusal { () throws(ResectError) in try parse(text) } == .malformed)
  }

  @Test(arguments: ["1e400", "-1e400", "1e99999999999999999999", String(repeating: "9", count: 400)])
  func `a number out of range is refused`(text: String) {
    #expect(refusal { () throws(ResectError) in try parse(text) } == .malformed)
  }

  // MARK: Depth

  @Test func `a value may be nested as deep as the limit`() throws {
    let brackets = String(repeating: "[", count: Limits.depth)
    let text = brackets + "1" + String(repeating: "]", count: Limits.depth)
    var value = try parse(text)
    var depth = 0
    while let inner = value.elements?.first {
      value = inner
      depth += 1
    }
    #expect(depth == Limits.depth)
    #expect(value == .integer(1))
  }

  @Test(arguments: ["[", "{\"a\":", "[{\"a\":"])
  func `nesting over the limit is refused by its depth`(opening: String) {
    for count in [Limits.depth + 1, 1_000_000] {
      let text = String(repeating: opening, count: count)
      let code = refusal { () throws(ResectError) in try parse(text) }
      #expect(code == .limit)
    }
  }

  @Test func `width is not depth`() throws {
    let text = "[" + String(repeating: "[],", count: 10_000) + "[]]"
    #expect(try parse(text).elements?.count == 10_001)
  }

  // MARK: Errors

  @Test func `a refusal says at which byte`() {
    let error = #expect(throws: ResectError.self) { try parse("{\"a\": tru}") }
    #expect(error?.offset == 6)
  }

  /// Every prefix of a text is either refused or, where it ends after a number's digits, a shorter number.
  @Test func `no truncation of a text is accepted`() throws {
    let text = #"{"a":[1,-2.5e3,"x\u00e9\ud83d\ude00",true,false,null],"b":{"c":{}}}"#
    #expect(try parse(text).members?.count == 2)
    let bytes = Array(text.utf8)
    for count in bytes.indices {
      #expect(throws: ResectError.self) { try JSON(parsing: Array(bytes[..<count])) }
    }
  }

  @Test func `random bytes never crash the parser`() {
    var random = SeededRandom(seed: 8259)
    let alphabet = Array("{}[]\",:\\u0123456789eE+-.truefalsn \u{E9}".utf8)
    var accepted = 0
    for _ in 0..<5_000 {
      let count = Int.random(in: 0...24, using: &random)
      let bytes = (0..<count).map { _ in alphabet.randomElement(using: &random) ?? 0 }
      guard let value = try? JSON(parsing: bytes) else { continue }
      accepted += 1
      // What is accepted reads back as the same value.
      #expect((try? JSON(parsing: value.compact)) == value)
    }
    #expect(accepted > 0)
  }
}
