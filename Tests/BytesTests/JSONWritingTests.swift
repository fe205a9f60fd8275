import ResectBytes
import Foundation
import ResectTestSupport
import Testing

@Suite struct JSONWritingTests {
  private func text(_ value: JSON) -> String { String(decoding: value.compact, as: UTF8.self) }

  @Test func `compact text has no spaces and keeps the order of members`() {
    let value: JSON = .object([
      "z": .array([.integer(1), .null, .bool(true)]), "absent": nil, "a": .object([]), "b": .array([]),
    ])
    #expect(text(value) == #"{"z":[1,null,true],"a":{},"b":[]}"#)
  }

  /// The shortest digits as Python's `repr(float)` has them: 0.1, 1e-05, 1e+16, 5e-324, 1.7976931348623157e+308.
  @Test(
    arguments: [
      (0.1, "0.1"), (2, "2.0"), (-0.0, "-0.0"), (1e-5, "1e-05"), (1e16, "1e+16"), (0x1p-1074, "5e-324"),
      (0x1.FFFFFFFFFFFFFp1023, "1.7976931348623157e+308"), (1.0 / 3, "0.3333333333333333"),
      (0.1 + 0.2, "0.30000000000000004"), (123456.789, "123456.789"),
    ])
  func `a number is written with the fewest digits that read back`(value: Double, written: String) {
    #expect(text(.number(value)) == written)
  }

  @Test(arguments: [(Double.infinity, "\"inf\""), (-.infinity, "\"-inf\""), (.nan, "\"nan\"")])
  func `a number that JSON cannot express is written as a string`(value: Double, written: String) {
    #expect(text(.number(value)) == written)
  }

  @Test func `integers are written in full`() {
    #expect(text(.integer(Int64.min)) == "-9223372036854775808")
    #expect(text(.integer(Int64.max)) == "9223372036854775807")
  }

  @Test func `control characters, quotes and backslashes are escaped and nothing else`() {
    #expect(text(.string("\"\\/\n\r\t\u{0}\u{8}\u{1F}\u{7F}")) == #""\"\\/\n\r\t\u0000\u0008\u001f\u007f""#)
    #expect(text(.string("é€\u{1F600}\u{2028}")) == "\"é€\u{1F600}\u{2028}\"")
  }

  @Test func `pretty text breaks objects into lines and keeps flat lists on one`() {
    let value: JSON = .object([
      "shape": .array([.integer(2), .integer(3)]), "empty": .object([]),
      "list": .array([.object(["a": .integer(1)])]),
    ])
    let expected = """
      {
        "shape": [2, 3],
        "empty": {},
        "list": [
          {
            "a": 1
          }
        ]
      }
      """
    #expect(value.pretty == expected)
  }

  @Test(arguments: 0..<40)
  func `what is written reads back as the same value`(seed: UInt64) throws {
    var random = SeededRandom(seed: seed)
    let value = JSON.random(depth: 0, using: &random)
    #expect(try JSON(parsing: value.compact) == value)
    #expect(try JSON(parsing: Array(value.pretty.utf8)) == value)
  }

  @Test(arguments: 0..<10)
  func `another reader reads the same`(seed: UInt64) throws {
    var random = SeededRandom(seed: 1000 + seed)
    let value = JSON.object(["value": JSON.random(depth: 0, using: &random)])
    let object = try JSONSerialization.jsonObject(with: Data(value.compact))
    #expect(value.isEqual(to: object))
  }

  @Test func `every finite double reads back with its bits`() throws {
    var random = SeededRandom(seed: 64)
    for _ in 0..<2_000 {
      let value = Double(bitPattern: random.next())
      guard value.isFinite else { continue }
      let read = try JSON(parsing: JSON.number(value).compact)
      guard case .number(let number) = read else {
        Issue.record("\(value) was read as \(read)")
        continue
      }
      #expect(number.bitPattern == value.bitPattern)
    }
  }
}

extension JSON {
  fileprivate static func random(depth: Int, using random: inout SeededRandom) -> JSON {
    func text(_ random: inout SeededRandom) -> String {
      let alphabet: [Unicode.Scalar] = ["a", "Z", "\"", "\\", "\n", "\u{1}", "\u{7F}", "é", "€", "\u{1F600}"]
      var scalars = String.UnicodeScalarView()
      for _ in 0..<Int.random(in: 0...8, using: &random) {
        scalars.append(alphabet.randomElement(using: &random) ?? "a")
      }
      return String(scalars)
    }
    switch Int.random(in: 0...(depth < 5 ? 7 : 4), using: &random) {
    case 0: return .null
    case 1: return .bool(Bool.random(using: &random))
    case 2: return .integer(Int64(truncatingIfNeeded: random.next()))
    case 3: return .number(Double.random(in: -1e6...1e6, using: &random))
    case 4: return .string(text(&random))
    case 5, 6:
      return .array(
        (0..<Int.random(in: 0...4, using: &random)).map { _ in .random(depth: depth + 1, using: &random) })
    default:
      return .object(
        (0..<Int.random(in: 0...4, using: &random)).map { index in
          Member("\(index)\(text(&random))", .random(depth: depth + 1, using: &random))
        })
    }
  }

  /// Whether Foundation's reader made the same of it.
  fileprivate func isEqual(to object: Any) -> Bool {
    switch self {
    case .null: object is NSNull
    case .bool(let value): (object as? NSNumber)?.boolValue == value
    case .integer(let value): (object as? NSNumber)?.int64Value == value
    // Foundation's reader may be off by one unit in the last place.
    case .number(let value):
      (object as? NSNumber).map { abs($0.doubleValue - value) <= value.ulp } ?? false
    case .string(let value):
      (object as? String).map { Array($0.unicodeScalars) == Array(value.unicodeScalars) } ?? false
    case .array(let values):
      (object as? [Any]).map { $0.count == values.count && zip(values, $0).allSatisfy { $0.isEqual(to: $1) } }
        ?? false
    case .object(let members):
      (object as? [String: Any]).map { found in
        found.count == members.count
          && members.allSatisfy { member in found[member.name].map { member.value.isEqual(to: $0) } ?? false }
      } ?? false
    }
  }
}
