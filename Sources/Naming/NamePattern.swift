internal import ResectResNets

/// A name with numbers in it, as `layer{stage}.{block}.conv{index}`.
///
/// What stands in braces is a number: as it is (`{block}`), counted differently (`{stage+1}`, `{3*index-3}`), or one only
/// (`{stage=1}`, and `{index:=2}` where the name does not show it). A letter is written `{index:a}`: a for 1, b for 2;
/// `{block+1:a}` is a for 0. A number
/// is written without leading zeros. Two numbers never touch, so a name is read from left to right in one way.
struct NamePattern: Sendable, Equatable, ExpressibleByStringLiteral {
  /// What a number of a name counts.
  enum Variable: String, Sendable {
    case stage
    case block
    case index
    case layer
  }

  /// The numbers of a name.
  struct Numbers {
    var stage = 0
    var block = 0
    var index = 0
    var layer = 0

    subscript(variable: Variable) -> Int {
      get {
        switch variable {
        case .stage: stage
        case .block: block
        case .index: index
        case .layer: layer
        }
      }
      set {
        switch variable {
        case .stage: stage = newValue
        case .block: block = newValue
        case .index: index = newValue
        case .layer: layer = newValue
        }
      }
    }
  }

  fileprivate enum Token: Sendable, Equatable {
    case literal([UInt8])
    /// The number times `scale` plus `offset`.
    case number(Variable, scale: Int, offset: Int)
    /// A letter, a for 1, of the number plus `offset`.
    case letter(Variable, offset: Int)
    /// One number only, which the name shows or not.
    case constant(Variable, Int, isShown: Bool)
  }

  private let tokens: [Token]

  /// The pattern that is written as `pattern`.
  ///
  /// All tables are made of these whenever a program begins: bytes are compared, which takes a fraction of what characters do.
  init(stringLiteral pattern: String) {
    var tokens: [Token] = []
    var rest = Array(pattern.utf8)[...]
    while !rest.isEmpty {
      let literal = rest.prefix { $0 != UInt8(ascii: "{") }
      if !literal.isEmpty { tokens.append(.literal(Array(literal))) }
      rest = rest.dropFirst(literal.count)
      // A brace that opens no variable is left out, and what follows it is text.
      rest = rest.dropFirst()
      if let brace = rest.firstIndex(of: UInt8(ascii: "}")), let token = Token(rest[..<brace]) {
        tokens.append(token)
        rest = rest[(brace + 1)...]
      }
    }
    self.tokens = tokens
  }

  /// The numbers of a name that follows the pattern.
  func match(_ name: ArraySlice<UInt8>) -> Numbers? {
    var numbers = Numbers()
    var rest = name
    for token in tokens {
      switch token {
      case .literal(let literal):
        guard rest.begins(with: literal) else { return nil }
        rest = rest.dropFirst(literal.count)
      case .number(let variable, let scale, let offset):
        guard let number = NamePattern.number(at: &rest), (number - offset).isMultiple(of: scale),
          number >= offset
        else { return nil }
        numbers[variable] = (number - offset) / scale
      case .letter(let variable, let offset):
        guard let letter = rest.popFirst(), 0x61...0x7A ~= letter else { return nil }
        numbers[variable] = Int(letter - 0x60) - offset
      case .constant(let variable, let value, let isShown):
        if isShown {
          guard NamePattern.number(at: &rest) == value else { return nil }
        }
        numbers[variable] = value
      }
    }
    return rest.isEmpty ? numbers : nil
  }

  /// The name with these numbers; nothing where the pattern is not for them.
  func filled(with numbers: Numbers) -> String? {
    var name: [UInt8] = []
    for token in tokens {
      switch token {
      case .literal(let literal): name += literal
      case .number(let variable, let scale, let offset):
        let number = numbers[variable] * scale + offset
        guard 0...999_999 ~= number else { return nil }
        name += String(number).utf8
      case .letter(let variable, let offset):
        let number = numbers[variable] + offset
        guard 1...26 ~= number else { return nil }
        name.append(UInt8(0x60 + number))
      case .constant(let variable, let value, let isShown):
        guard numbers[variable] == value else { return nil }
        if isShown { name += String(value).utf8 }
      }
    }
    return String(decoding: name, as: UTF8.self)
  }

  private static func number(at rest: inout ArraySlice<UInt8>) -> Int? {
    let digits = rest.prefix { 0x30...0x39 ~= $0 }
    guard (1...6).contains(digits.count), digits.first != 0x30 || digits.count == 1 else { return nil }
    rest = rest.dropFirst(digits.count)
    return digits.reduce(0) { $0 * 10 + Int($1 - 0x30) }
  }
}

extension NamePattern.Token {
  /// Reads what stands in braces.
  init?(_ text: ArraySlice<UInt8>) {
    let star = text.firstIndex(of: UInt8(ascii: "*"))
    let scale = star.map { Int(String(decoding: text[..<$0], as: UTF8.self)) } ?? 1
    let rest = star.map { text[($0 + 1)...] } ?? text
    let name = rest.prefix { UInt8(ascii: "a")...UInt8(ascii: "z") ~= $0 }
    guard let variable = NamePattern.Variable(rawValue: String(decoding: name, as: UTF8.self)) else { return nil }
    let suffix = rest.dropFirst(name.count)
    func integer(_ digits: ArraySlice<UInt8>) -> Int? { Int(String(decoding: digits, as: UTF8.self)) }
    if suffix.suffix(2).elementsEqual(":a".utf8) {
      let sum = suffix.dropLast(2)
      guard let offset = sum.isEmpty ? 0 : integer(sum) else { return nil }
      self = .letter(variable, offset: offset)
    } else if let equals = suffix.firstIndex(of: UInt8(ascii: "=")), let value = integer(suffix[(equals + 1)...]) {
      self = .constant(variable, value, isShown: suffix.first == UInt8(ascii: "="))
    } else {
      guard let scale, let offset = suffix.isEmpty ? 0 : integer(suffix) else { return nil }
      self = .number(variable, scale: scale, offset: offset)
    }
  }
}

extension ArraySlice<UInt8> {
  /// Whether the first bytes are those of `other`.
  fileprivate func begins(with other: [UInt8]) -> Bool {
    guard count >= other.count else { return false }
    for index in other.indices where self[startIndex + index] != other[index] { return false }
    return true
  }
}
