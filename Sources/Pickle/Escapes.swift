// The escapes of Python's literals.
extension ArraySlice where Element == UInt8 {
  /// The bytes as Latin-1, in UTF-8.
  var latin1AsUTF8: [UInt8] {
    var utf8: [UInt8] = []
    utf8.reserveCapacity(count * 2)
    for byte in self {
      if byte < 0x80 {
        utf8.append(byte)
      } else {
        utf8.append(0xc0 | byte >> 6)
        utf8.append(0x80 | byte & 0x3f)
      }
    }
    return utf8
  }

  /// The bytes with the escapes of a Python byte string undone; nothing if one is broken.
  ///
  /// As in Python, a backslash before a character that needs none stays.
  var unescaped: [UInt8]? {
    var result: [UInt8] = []
    result.reserveCapacity(count)
    var rest = self
    while let byte = rest.popFirst() {
      guard byte == UInt8(ascii: "\\") else {
        result.append(byte)
        continue
      }
      guard let escape = rest.popFirst() else { return nil }
      switch escape {
      case UInt8(ascii: "\n"): break
      case UInt8(ascii: "\\"), UInt8(ascii: "'"), UInt8(ascii: "\""): result.append(escape)
      case UInt8(ascii: "a"): result.append(0x07)
      case UInt8(ascii: "b"): result.append(0x08)
      case UInt8(ascii: "t"): result.append(0x09)
      case UInt8(ascii: "n"): result.append(0x0a)
      case UInt8(ascii: "v"): result.append(0x0b)
      case UInt8(ascii: "f"): result.append(0x0c)
      case UInt8(ascii: "r"): result.append(0x0d)
      case UInt8(ascii: "x"):
        guard let value = rest.popHexadecimal(digits: 2) else { return nil }
        result.append(UInt8(truncatingIfNeeded: value))
      case UInt8(ascii: "0")...UInt8(ascii: "7"):
        var value = UInt32(escape & 7)
        for _ in 0..<2 {
          guard let digit = rest.first, digit & 0xf8 == UInt8(ascii: "0") else { break }
          value = value << 3 | UInt32(digit & 7)
          rest.removeFirst()
        }
        result.append(UInt8(truncatingIfNeeded: value))
      default:
        result.append(UInt8(ascii: "\\"))
        result.append(escape)
      }
    }
    return result
  }

  /// The UTF-8 of a text in Python's `raw-unicode-escape`; nothing if an escape is broken or names no character.
  ///
  /// A backslash escapes where it is the last of an odd number and before `u` or `U`. Two escaped surrogates, as a
  /// narrow Python 2 writes them, are one character.
  var rawUnescaped: [UInt8]? {
    var result: [UInt8] = []
    result.reserveCapacity(count)
    var rest = self
    var backslashes = 0
    while let byte = rest.popFirst() {
      let isEscape = backslashes % 2 == 1 && byte | 0x20 == UInt8(ascii: "u")
      backslashes = byte == UInt8(ascii: "\\") ? backslashes + 1 : 0
      guard isEscape else {
        result += [byte][...].latin1AsUTF8
        continue
      }
      result.removeLast()
      let digits = byte == UInt8(ascii: "u") ? 4 : 8
      guard var value = rest.popHexadecimal(digits: digits) else { return nil }
      if value & 0xffff_fc00 == 0xd800, rest.popFirst() == UInt8(ascii: "\\"),
        rest.popFirst() == UInt8(ascii: "u"), let low = rest.popHexadecimal(digits: 4),
        low & 0xfc00 == 0xdc00
      {
        value = 0x10000 + (value & 0x3ff) << 10 + low & 0x3ff
      }
      guard let scalar = Unicode.Scalar(value) else { return nil }
      result += Array(String(scalar).utf8)
    }
    return result
  }

  /// Takes `digits` hexadecimal digits off the front.
  private mutating func popHexadecimal(digits: Int) -> UInt32? {
    guard count >= digits else { return nil }
    var value: UInt32 = 0
    for _ in 0..<digits {
      guard let byte = popFirst() else { return nil }
      let digit: UInt8
      switch byte {
      case UInt8(ascii: "0")...UInt8(ascii: "9"): digit = byte - UInt8(ascii: "0")
      case UInt8(ascii: "a")...UInt8(ascii: "f"): digit = byte - UInt8(ascii: "a") + 10
      case UInt8(ascii: "A")...UInt8(ascii: "F"): digit = byte - UInt8(ascii: "A") + 10
      default: return nil
      }
      value = value << 4 | UInt32(digit)
    }
    return value
  }
}
