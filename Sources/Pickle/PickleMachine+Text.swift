internal import ResectBytes

// Numbers and texts as the opcodes write them.
extension PickleMachine {
  private func line(_ range: Range<Int>) -> ArraySlice<UInt8> { arena.bytes[range] }

  // MARK: - Numbers

  /// An integer in decimal; in protocol 0 `00` and `01` are the bools.
  mutating func integer(
    fromLine range: Range<Int>, mayBeBool: Bool
  ) throws(ResectError) -> Node {
    var digits = line(range)
    if mayBeBool, digits.count == 2, digits.first == UInt8(ascii: "0") {
      if digits.last == UInt8(ascii: "0") { return .bool(false) }
      if digits.last == UInt8(ascii: "1") { return .bool(true) }
    }
    if !mayBeBool, digits.last == UInt8(ascii: "L") { digits.removeLast() }
    try checkDigits(digits)
    if let value = Int64(String(decoding: digits, as: UTF8.self)) { return .integer(value) }
    guard let bytes = digits.decimalInteger else {
      throw ResectError(.malformed, "expected an integer, found \(quoted(digits))")
    }
    return .bigInteger(try arena.keep(bytes))
  }

  func integer(fromBytes range: Range<Int>) -> Node {
    if let value = line(range).littleEndianInteger { return .integer(value) }
    return .bigInteger(Text(line(range).shortestInteger.indices))
  }

  func float(fromLine range: Range<Int>) throws(ResectError) -> Double {
    let digits = line(range)
    try checkDigits(digits)
    // Swift would also read hexadecimal floats and `nan(1)`, and stop at a NUL; Python does none of these.
    let isPlain = digits.allSatisfy { "0123456789+-.eEinfatyINFATY".utf8.contains($0) }
    guard isPlain, let value = Double(String(decoding: digits, as: UTF8.self)) else {
      throw ResectError(.malformed, "expected a float, found \(quoted(digits))")
    }
    return value
  }

  /// The number of a memo slot.
  func slot(fromLine range: Range<Int>) throws(ResectError) -> Int64 {
    try checkDigits(line(range))
    guard let slot = Int64(String(decoding: line(range), as: UTF8.self)), slot >= 0 else {
      throw ResectError(.malformed, "expected a memo slot, found \(quoted(line(range)))")
    }
    return slot
  }

  private func checkDigits(_ digits: ArraySlice<UInt8>) throws(ResectError) {
    guard digits.count <= Limits.pickleDigits else {
      throw ResectError(
        .limit, "a number of \(digits.count) digits; at most \(Limits.pickleDigits) are read")
    }
  }

  private func quoted(_ text: ArraySlice<UInt8>) -> String {
    "\"\(String(decoding: text.prefix(40), as: UTF8.self))\""
  }

  // MARK: - Texts

  /// UTF-8, without the lone surrogates that Python would let through.
  func text(unicode range: Range<Int>) throws(ResectError) -> Text {
    guard isUTF8(arena.bytes, range) else {
      throw ResectError(.malformed, "a text that is not UTF-8")
    }
    return Text(range)
  }

  /// A Python 2 `str`: UTF-8 if it can be, otherwise Latin-1, as which any bytes can be read.
  mutating func text(ofPython2 range: Range<Int>) throws(ResectError) -> Text {
    if isUTF8(arena.bytes, range) { return Text(range) }
    return try arena.keep(line(range).latin1AsUTF8)
  }

  /// A Python 2 `str` as `repr` writes it: in quotes, with escapes.
  mutating func text(quoted range: Range<Int>) throws(ResectError) -> Text {
    let literal = line(range)
    guard literal.count >= 2, let quote = literal.first, quote == literal.last,
      quote == UInt8(ascii: "'") || quote == UInt8(ascii: "\"")
    else { throw ResectError(.malformed, "expected a text in quotes") }
    guard let bytes = literal.dropFirst().dropLast().unescaped else {
      throw ResectError(.malformed, "a text with a broken escape")
    }
    return try arena.keep(
      isUTF8(bytes, bytes.indices) ? bytes : bytes[...].latin1AsUTF8)
  }

  /// Latin-1 in which `\u` and `\U` escape the other characters.
  mutating func text(rawEscaped range: Range<Int>) throws(ResectError) -> Text {
    guard let bytes = line(range).rawUnescaped else {
      throw ResectError(.malformed, "a text with a broken escape")
    }
    return try arena.keep(bytes)
  }

  /// The bytes that a text of characters below 256 stands for.
  mutating func bytes(ofLatin1 text: Text) throws(ResectError) -> Text {
    try arena.charge(Int(text.count))
    let utf8 = arena.slice(text)
    if utf8.allSatisfy({ $0 < 0x80 }) { return text }
    var bytes: [UInt8] = []
    bytes.reserveCapacity(utf8.count)
    for scalar in String(decoding: utf8, as: UTF8.self).unicodeScalars {
      guard let byte = UInt8(exactly: scalar.value) else {
        throw ResectError(.malformed, "a text that is not Latin-1, where bytes were expected")
      }
      bytes.append(byte)
    }
    return try arena.keep(bytes)
  }

  private func isUTF8(_ bytes: [UInt8], _ range: Range<Int>) -> Bool {
    (try? UTF8Span(validating: bytes.span.extracting(range))) != nil
  }
}
