extension JSON {
  /// The value as UTF-8 without spaces, members in their order: the same value gives the same bytes.
  ///
  /// Numbers are written with the fewest digits that read back to the same value; numbers that JSON cannot express
  /// (infinities, NaN) as strings.
  public var compact: [UInt8] { Array(text(pretty: false).utf8) }

  /// The value as indented text for people.
  public var pretty: String { text(pretty: true) }

  private func text(pretty: Bool) -> String {
    var writer = Writer(pretty: pretty)
    writer.write(self, depth: 0)
    return writer.text
  }
}

private struct Writer {
  let pretty: Bool
  var text = ""

  mutating func write(_ value: JSON, depth: Int) {
    switch value {
    case .null: text += "null"
    case .bool(let value): text += value ? "true" : "false"
    case .integer(let value): text += String(value)
    case .number(let value): write(value)
    case .string(let value): write(value)
    case .array(let elements):
      // A list of numbers or strings reads better on one line.
      let isFlat = elements.allSatisfy { $0.members == nil && $0.elements == nil }
      writeList(elements, "[", "]", depth: depth, onOneLine: isFlat) { writer, element in
        writer.write(element, depth: depth + 1)
      }
    case .object(let members):
      writeList(members, "{", "}", depth: depth, onOneLine: false) { writer, member in
        writer.write(member.name)
        writer.text += writer.pretty ? ": " : ":"
        writer.write(member.value, depth: depth + 1)
      }
    }
  }

  private mutating func writeList<Element>(
    _ elements: [Element], _ opening: String, _ closing: String, depth: Int, onOneLine: Bool,
    _ write: (inout Writer, Element) -> Void
  ) {
    text += opening
    let breaks = pretty && !onOneLine && !elements.isEmpty
    for (index, element) in elements.enumerated() {
      if index > 0 { text += pretty && !breaks ? ", " : "," }
      if breaks { text += "\n" + String(repeating: "  ", count: depth + 1) }
      write(&self, element)
    }
    if breaks { text += "\n" + String(repeating: "  ", count: depth) }
    text += closing
  }

  private mutating func write(_ value: Double) {
    guard value.isFinite else { return write(String(describing: value)) }
    text += value.description
  }

  private mutating func write(_ string: String) {
    text += "\""
    for scalar in string.unicodeScalars {
      switch scalar {
      case "\"": text += "\\\""
      case "\\": text += "\\\\"
      case "\n": text += "\\n"
      case "\r": text += "\\r"
      case "\t": text += "\\t"
      case _ where scalar.value < 0x20 || scalar.value == 0x7F:
        let digits = String(scalar.value, radix: 16)
        text += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
      default: text.unicodeScalars.append(scalar)
      }
    }
    text += "\""
  }
}
