internal import ResectBytes
internal import ResectTensors

/// The header: a Python dict of `descr`, `fortran_order` and `shape`.
struct NumPyHeader {
  let element: NumPyElement
  let shape: Shape

  /// Reads the literal in `bytes`. Nothing is evaluated: it may hold strings, `True`, `False` and tuples of integers.
  init(parsing bytes: [UInt8]) throws(ResectError) {
    var parser = LiteralParser(reader: ByteReader(bytes))
    var description: String?
    var isFortran: Bool?
    var axes: [Int]?
    try parser.expect("{")
    while !parser.accept("}") {
      let key = try parser.string()
      try parser.expect(":")
      switch key {
      case "descr" where description == nil: description = try parser.elementType()
      case "fortran_order" where isFortran == nil: isFortran = try parser.boolean()
      case "shape" where axes == nil: axes = try parser.tuple()
      default: throw parser.refusal("the member \(key) is not known, or stands twice")
      }
      if !parser.accept(",") {
        try parser.expect("}")
        break
      }
    }
    try parser.expectEnd()
    guard let description, let isFortran, let axes else {
      throw parser.refusal("descr, fortran_order or shape is missing")
    }
    element = try NumPyElement(description)
    shape = try Shape(axes)
    // One axis, or none, lies the same in both orders.
    guard !isFortran || shape.axes.count(where: { $0 != 1 }) <= 1 || shape.elementCount == 0 else {
      throw ResectError(
        .unsupported, "the array is in Fortran's order, column by column",
        advice: "save numpy.ascontiguousarray(array)")
    }
  }
}

/// Reads the few Python literals that a header may hold.
private struct LiteralParser {
  var reader: ByteReader

  func refusal(_ what: String) -> ResectError {
    ResectError(.malformed, "the header cannot be read: \(what)", offset: UInt64(reader.position))
  }

  /// Passes over spaces and then over `text`, if it comes next.
  mutating func accept(_ text: StaticString) -> Bool {
    skipSpace()
    let expected = String(describing: text).utf8
    guard reader.bytes[reader.position...].starts(with: expected) else { return false }
    return (try? reader.range(count: expected.count)) != nil
  }

  mutating func expect(_ text: StaticString) throws(ResectError) {
    guard accept(text) else { throw refusal("expected \(text)") }
  }

  mutating func expectEnd() throws(ResectError) {
    skipSpace()
    guard reader.isAtEnd else { throw refusal("expected the end") }
  }

  mutating func string() throws(ResectError) -> String {
    let quote: UInt8
    if accept("'") {
      quote = UInt8(ascii: "'")
    } else {
      try expect("\"")
      quote = UInt8(ascii: "\"")
    }
    let text = reader.bytes[try reader.range(until: quote)]
    guard !text.contains(UInt8(ascii: "\\")), let string = String(validating: text, as: UTF8.self) else {
      throw refusal("a string is not plain text")
    }
    return string
  }

  /// The elements' type; one of several fields is a list.
  mutating func elementType() throws(ResectError) -> String {
    guard !accept("[") else {
      throw ResectError(
        .unsupported, "the elements are records of several fields, which are not read",
        advice: "save each field as an array of its own")
    }
    return try string()
  }

  mutating func boolean() throws(ResectError) -> Bool {
    if accept("True") { return true }
    try expect("False")
    return false
  }

  mutating func tuple() throws(ResectError) -> [Int] {
    try expect("(")
    var integers: [Int] = []
    while !accept(")") {
      integers.append(try integer())
      guard integers.count <= Limits.rank else {
        throw ResectError(.limit, "the array has more than \(Limits.rank) dimensions")
      }
      if accept(",") { continue }
      // Parentheses around one number are no tuple.
      guard integers.count > 1 else { throw refusal("expected ,") }
      try expect(")")
      break
    }
    return integers
  }

  private mutating func integer() throws(ResectError) -> Int {
    skipSpace()
    let start = reader.position
    while 0x30...0x39 ~= next, (try? reader.byte()) != nil {}
    let digits = String(decoding: reader.bytes[start..<reader.position], as: UTF8.self)
    guard !digits.isEmpty else { throw refusal("expected an integer that is not negative") }
    guard let value = Int(digits) else { throw refusal("the length \(digits) is too large") }
    // Python 2 wrote long integers so.
    _ = accept("L")
    return value
  }

  /// The next byte, which stays; 0 at the end.
  private var next: UInt8 { reader.isAtEnd ? 0 : reader.bytes[reader.position] }

  private mutating func skipSpace() {
    while [0x20, 0x09, 0x0A, 0x0D].contains(next), (try? reader.byte()) != nil {}
  }
}
