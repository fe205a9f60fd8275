extension JSON {
  /// Reads one JSON value that fills `bytes`, by RFC 8259 to the letter.
  ///
  /// Refused: anything after the value (spaces excepted), invalid UTF-8, raw control characters and lone surrogates in
  /// strings, a name twice in one object, numbers out of range, and nesting deeper than ``Limits/depth``.
  public init(parsing bytes: [UInt8]) throws(ResectError) {
    var parser = Parser(reader: ByteReader(bytes))
    self = try parser.value(depth: 0)
    parser.skipSpace()
    guard parser.reader.isAtEnd else { throw parser.refusal("expected the end") }
  }
}

private struct Parser {
  var reader: ByteReader

  /// The next byte, which stays; 0 at the end.
  var next: UInt8 { reader.isAtEnd ? 0 : reader.bytes[reader.position] }

  func refusal(_ message: String) -> ResectError {
    ResectError(.malformed, "JSON: \(message)", offset: UInt64(reader.position))
  }

  mutating func skipSpace() {
    while true {
      switch next {
      case 0x20, 0x09, 0x0A, 0x0D: reader.skipByte()
      default: return
      }
    }
  }

  /// Whether `character` comes next, which is then behind us.
  mutating func accept(_ character: Unicode.Scalar) -> Bool {
    guard next == UInt8(ascii: character) else { return false }
    reader.skipByte()
    return true
  }

  /// Whether `word` comes next, which is then behind us.
  private mutating func accept(word: String) -> Bool {
    guard reader.bytes[reader.position...].starts(with: word.utf8) else { return false }
    for _ in word.utf8 { reader.skipByte() }
    return true
  }

  mutating func value(depth: Int) throws(ResectError) -> JSON {
    guard depth <= Limits.depth else {
      throw ResectError(
        .limit, "JSON: nested more than \(Limits.depth) deep", offset: UInt64(reader.position))
    }
    skipSpace()
    switch next {
    case UInt8(ascii: "{"): return try object(depth: depth)
    case UInt8(ascii: "["): return try array(depth: depth)
    case UInt8(ascii: "\""): return .string(try string())
    case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): return try number()
    default:
      if accept(word: "true") { return .bool(true) }
      if accept(word: "false") { return .bool(false) }
      if accept(word: "null") { return .null }
      throw refusal("expected a value")
    }
  }

  private mutating func object(depth: Int) throws(ResectError) -> JSON {
    _ = accept("{")
    var members: [JSON.Member] = []
    var names = Names()
    skipSpace()
    if accept("}") { return .object(members) }
    while true {
      skipSpace()
      guard next == UInt8(ascii: "\"") else { throw refusal("expected a name in quotes") }
      let name = try string()
      // Names that differ only in Unicode normalisation are different names in JSON, but equal strings in Swift.
      guard names.insert(name, after: members) else { throw refusal("the name \"\(name)\" stands twice") }
      skipSpace()
      guard accept(":") else { throw refusal("expected a colon") }
      members.append(JSON.Member(name, try value(depth: depth + 1)))
      skipSpace()
      if accept("}") { return .object(members) }
      guard accept(",") else { throw refusal("expected a comma or a closing brace") }
    }
  }

  private mutating func array(depth: Int) throws(ResectError) -> JSON {
    _ = accept("[")
    var elements: [JSON] = []
    skipSpace()
    if accept("]") { return .array(elements) }
    while true {
      elements.append(try value(depth: depth + 1))
      skipSpace()
      if accept("]") { return .array(elements) }
      guard accept(",") else { throw refusal("expected a comma or a closing bracket") }
    }
  }

  private mutating func string() throws(ResectError) -> String {
    _ = accept("\"")
    let start = reader.position
    while 0x20..<0x80 ~= next, next != UInt8(ascii: "\""), next != UInt8(ascii: "\\") { reader.skipByte() }
    let plain = reader.bytes[start..<reader.position]
    // Most strings are ASCII without escapes, and stand in the bytes as they are.
    if accept("\"") { return String(decoding: plain, as: UTF8.self) }
    var text = Array(plain)
    while true {
      let byte = try reader.byte()
      switch byte {
      case UInt8(ascii: "\""):
        guard let string = String(validating: text, as: UTF8.self) else {
          throw refusal("a string is not valid UTF-8")
        }
        return string
      case UInt8(ascii: "\\"): text.append(contentsOf: String(try escape()).utf8)
      case 0..<0x20: throw refusal("a raw control character stands in a string")
      default: text.append(byte)
      }
    }
  }

  /// The names of an object's members so far.
  private struct Names {
    /// Empty as long as looking through the members is faster.
    private var known: Set<String> = []

    /// Adds the name of the member that comes after `members`; false if one of them has it.
    mutating func insert(_ name: String, after members: [JSON.Member]) -> Bool {
      guard members.count >= 16 else { return !members.contains { $0.name == name } }
      if known.isEmpty { known = Set(members.map(\.name)) }
      return known.insert(name).inserted
    }
  }

  private mutating func escape() throws(ResectError) -> Unicode.Scalar {
    switch try reader.byte() {
    case UInt8(ascii: "\""): return "\""
    case UInt8(ascii: "\\"): return "\\"
    case UInt8(ascii: "/"): return "/"
    case UInt8(ascii: "b"): return "\u{8}"
    case UInt8(ascii: "f"): return "\u{C}"
    case UInt8(ascii: "n"): return "\n"
    case UInt8(ascii: "r"): return "\r"
    case UInt8(ascii: "t"): return "\t"
    case UInt8(ascii: "u"):
      let first = try hexadecimal()
      if let scalar = Unicode.Scalar(first) { return scalar }
      if 0xD800..<0xDC00 ~= first, accept(word: "\\u") {
        let second = try hexadecimal()
        if 0xDC00..<0xE000 ~= second,
          let scalar = Unicode.Scalar(0x10000 + (first - 0xD800) << 10 + (second - 0xDC00))
        {
          return scalar
        }
      }
      throw refusal("a lone surrogate stands in a string")
    default: throw refusal("unknown escape in a string")
    }
  }

  private mutating func hexadecimal() throws(ResectError) -> UInt32 {
    let digits = String(decoding: try reader.take(4), as: UTF8.self)
    guard digits.utf8.allSatisfy({ $0 != UInt8(ascii: "+") && $0 != UInt8(ascii: "-") }),
      let value = UInt32(digits, radix: 16)
    else { throw refusal("expected four hexadecimal digits") }
    return value
  }

  private mutating func number() throws(ResectError) -> JSON {
    let start = reader.position
    _ = accept("-")
    let leading = next
    let first = reader.position
    let integerDigits = digits()
    guard integerDigits > 0, integerDigits == 1 || leading != UInt8(ascii: "0") else {
      throw refusal("this is no number")
    }
    var isInteger = true
    if accept(".") {
      isInteger = false
      guard digits() > 0 else { throw refusal("expected digits after the point") }
    }
    if accept("e") || accept("E") {
      isInteger = false
      if !accept("+") { _ = accept("-") }
      guard digits() > 0 else { throw refusal("expected digits of the exponent") }
    }
    // Up to eighteen digits cannot overflow.
    if isInteger, integerDigits <= 18 {
      let magnitude = reader.bytes[first..<reader.position].reduce(Int64(0)) { $0 * 10 + Int64($1 - 0x30) }
      let value = first == start ? magnitude : -magnitude
      return .integer(value)
    }
    let text = String(decoding: reader.bytes[start..<reader.position], as: UTF8.self)
    if isInteger, let value = Int64(text) { return .integer(value) }
    guard text.utf8.count <= 64, let value = Double(text), value.isFinite else {
      throw refusal("a number is out of range")
    }
    return .number(value)
  }

  private mutating func digits() -> Int {
    var count = 0
    while 0x30...0x39 ~= next {
      reader.skipByte()
      count += 1
    }
    return count
  }
}
