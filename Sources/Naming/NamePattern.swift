internal import ResNets

/// A name with numbers in it, as `layer{stage}.{block}.conv{index}`.
///
/// A number is written without leading zeros. Two numbers never touch, so a name is read from left to right in one way.
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

  private enum Token: Sendable, Equatable {
    case literal([UInt8])
    case number(Variable)
  }

  private let tokens: [Token]

  /// The pattern that is written as `pattern`; what stands in braces is a number of ``Numbers``.
  init(stringLiteral pattern: String) {
    tokens = pattern.split(separator: "{", omittingEmptySubsequences: false).enumerated().flatMap {
      index, part -> [Token] in
      guard index > 0, let brace = part.firstIndex(of: "}"),
        let variable = Variable(rawValue: String(part[..<brace]))
      else { return part.isEmpty ? [] : [.literal(Array(part.utf8))] }
      let rest = Array(part[part.index(after: brace)...].utf8)
      return [.number(variable)] + (rest.isEmpty ? [] : [.literal(rest)])
    }
  }

  /// The numbers of a name that follows the pattern.
  func match(_ name: ArraySlice<UInt8>) -> Numbers? {
    var numbers = Numbers()
    var rest = name
    for token in tokens {
      switch token {
      case .literal(let literal):
        guard rest.starts(with: literal) else { return nil }
        rest = rest.dropFirst(literal.count)
      case .number(let variable):
        let digits = rest.prefix { 0x30...0x39 ~= $0 }
        guard (1...6).contains(digits.count), digits.first != 0x30 || digits.count == 1 else {
          return nil
        }
        numbers[variable] = digits.reduce(0) { $0 * 10 + Int($1 - 0x30) }
        rest = rest.dropFirst(digits.count)
      }
    }
    return rest.isEmpty ? numbers : nil
  }

  /// The name with these numbers.
  func filled(with numbers: Numbers) -> String {
    var name: [UInt8] = []
    for token in tokens {
      switch token {
      case .literal(let literal): name += literal
      case .number(let variable): name += String(numbers[variable]).utf8
      }
    }
    return String(decoding: name, as: UTF8.self)
  }
}
