import ResectBytes
@testable import ResectPickle
import Testing

@Suite struct PickleLimitTests {
  @Test(arguments: [("]", "", "a"), ("}N", "N", "s"), ("(", "N", "t")])
  func `a deep nesting is refused, whatever it is made of`(
    _ open: String, _ middle: String, _ close: String
  ) {
    let bytes =
      repeated(pickle(open), 100_000) + pickle(middle) + repeated(pickle(close), 100_000)
    #expect(refusal(bytes)?.code == .limit)
  }

  @Test func `a list nested a million levels deep is refused`() {
    let error = refusal(repeated(pickle("]"), 1_000_000) + repeated(pickle("a"), 1_000_000))
    #expect(error?.code == .limit)
    #expect(error?.offset == UInt64(1_000_000 + Limits.depth))
  }

  @Test func `tuples nested a million levels deep are refused early`() {
    let error = refusal(pickle(")") + repeated([0x85], 1_000_000))
    #expect(error?.code == .limit)
    #expect(error?.offset == UInt64(Limits.depth + 1))
  }

  @Test func `a nesting of the limit is read`() throws {
    let deepest = repeated([0x85], Limits.depth)
    #expect(refusal(pickle(")", deepest, ".")) == nil)
    #expect(refusal(pickle(")", deepest, 0x85, "."))?.code == .limit)
  }

  @Test func `instances, calls and persistent ids count as levels`() throws {
    let layers = [
      pickle("q", 0, "0cm\nC\n)", 0x81, "}", text("a"), "h", 0, "sb"),
      pickle("q", 0, "0ctorch._utils\n_rebuild_tensor_v2\nh", 0, 0x85, "R"), pickle("Q"),
    ]
    for layer in layers {
      let bytes = (0..<Limits.depth).reduce(into: pickle("N")) { bytes, _ in bytes += layer }
      #expect(refusal(bytes + layer + pickle("."))?.code == .limit)
    }
  }

  @Test func `lists that are filled from the outside in are read and freed without recursion`()
    throws
  {
    let levels = 100_000
    let bytes = pickle("]q", 0) + repeated(pickle("]q", 1, "a0h", 1), levels) + pickle("0h", 0, ".")
    let parsed = try Pickle(parsing: bytes, policy: .test)
    var list = parsed.root
    for _ in 0..<levels { list = try #require(parsed.list(list)?.first) }
    #expect(parsed.list(list)?.isEmpty == true)
  }

  @Test func `a billion paths through shared tuples are a few values`() throws {
    var bytes = pickle("N")
    for _ in 0..<60 { bytes += pickle("q", 0, "h", 0, 0x86) }
    let parsed = try Pickle(parsing: bytes + pickle("."), policy: .test)
    #expect(parsed.arena.slots.count < 70)
  }

  @Test func `the stack has a limit, marks included`() {
    #expect(refusal(repeated(pickle("("), Limits.pickleStack + 1))?.code == .limit)
    #expect(refusal(pickle("N") + repeated(pickle("2"), Limits.pickleStack))?.code == .limit)
  }

  @Test func `a memo slot costs what its value does, not its number`() throws {
    #expect(
      try meaning(pickle("Nr", 0xff, 0xff, 0xff, 0xff, "j", 0xff, 0xff, 0xff, 0xff, 0x86, "."))
        == "(None, None)")
    var scattered = pickle("N")
    for slot in 0...Limits.pickleMemoGaps {
      scattered.append(UInt8(ascii: "r"))
      scattered.append(littleEndian: UInt32(slot * 2 + 2))
    }
    #expect(refusal(scattered)?.code == .limit)
  }

  @Test(arguments: [pickle("X"), pickle("B")])
  func `a text or bytes that claim more than any pickle has are refused at once`(_ opcode: [UInt8]) {
    #expect(refusal(opcode + [0xff, 0xff, 0xff, 0xff])?.code == .limit)
    #expect(refusal(opcode + [0, 0, 0, 4])?.code == .truncated)
  }

  @Test(arguments: [0x8d, 0x8e, 0x95, 0x96])
  func `a length of 62 bits is refused`(_ opcode: Int) {
    #expect(refusal(pickle(opcode, 0, 0, 0, 0, 0, 0, 0, 0x40))?.code == .limit)
  }

  @Test func `a number of fifty thousand digits is refused, one of four hundred is read`() throws {
    let digits = [UInt8](repeating: UInt8(ascii: "9"), count: 50_000)
    for opcode in ["I", "L", "F", "g"] {
      #expect(refusal(pickle(opcode, digits, "\n."))?.code == .limit)
    }
    #expect(try meaning(pickle("L", Array(digits.prefix(400)), "\n.")).count == 2 + 2 * 167)
  }

  @Test func `a name of more than 512 bytes is refused`() {
    let long = String(repeating: "C", count: 513)
    #expect(refusal(pickle("cm\n\(long)\n."))?.code == .limit)
  }

  @Test func `a class may be mentioned often, not forever`() {
    var bytes: [UInt8] = []
    for _ in 0...Limits.pickleGlobals { bytes += pickle("cm\nC\n0") }
    #expect(refusal(bytes)?.code == .limit)
  }

  @Test func `a text that is converted again and again is refused`() {
    let long = [UInt8](repeating: 0x61, count: 100_000)
    var bytes = pickle(
      "c_codecs\nencode\n0X", 0xa0, 0x86, 1, 0, long, 0x94, "0", text("latin1"), 0x94, "0")
    for _ in 0..<1000 { bytes += pickle("c_codecs\nencode\nh", 0, "h", 1, 0x86, "R0") }
    #expect(refusal(bytes)?.code == .limit)
  }

  @Test func `a state that is built again and again is refused`() {
    var bytes = pickle("cm\nC\n)", 0x81, "q", 0, "}(")
    for attribute in 0..<2000 { bytes += text("a\(attribute)") + pickle("N") }
    bytes += pickle("uq", 1)
    for _ in 0..<5000 { bytes += pickle("h", 0, "h", 1, "b0") }
    #expect(refusal(bytes)?.code == .limit)
  }

  @Test func `many equal long keys take no time`() throws {
    let long = [UInt8](repeating: 0x61, count: 1_000_000)
    var bytes = pickle("X", 0x40, 0x42, 0x0f, 0, long, "q", 0, "0}")
    for value in 0...9999 { bytes += pickle("h", 0, "K", value % 256, "s") }
    let parsed = try Pickle(parsing: bytes + pickle("."), policy: .test)
    let entry = try #require(parsed.entries(of: parsed.root)?.first)
    #expect(parsed.entries(of: parsed.root)?.count == 1)
    #expect(parsed.integer(entry.value) == 15)
  }

  @Test func `bytes beyond what is read of metadata are refused`() {
    let bytes = [UInt8](repeating: UInt8(ascii: "N"), count: Limits.metadataBytes + 1)
    #expect(refusal(bytes)?.code == .limit)
  }
}

#if DEBUG
  private let isDebugBuild = true
#else
  private let isDebugBuild = false
#endif

@Suite(.disabled(if: isDebugBuild, "millions of values: run the tests in release"))
struct PickleValueLimitTests {
  @Test func `values have a limit, whether they are used or not`() {
    #expect(refusal(repeated(pickle("]0"), Limits.pickleValues))?.code == .limit)
  }

  @Test func `references have a limit, whether the values are shared or not`() {
    let batch = pickle("(") + repeated(pickle("N"), 1000) + pickle("e")
    let count = Limits.pickleValues / 1000 + 1
    #expect(refusal(pickle("]") + repeated(batch, count))?.code == .limit)
  }

  @Test func `memo slots have a limit`() {
    let error = refusal(pickle("N") + repeated([0x94], Limits.pickleValues + 1))
    #expect(error?.code == .limit)
  }
}

@Suite struct PickleMutationTests {
  @Test(arguments: 0..<20)
  func `a damaged pickle is read or refused, and never crashes`(_ seed: Int) {
    var generator = SeededGenerator(state: UInt64(seed))
    for _ in 0..<500 {
      guard var bytes = Vector.all.randomElement(using: &generator)?.bytes else { return }
      for _ in 0..<Int.random(in: 1...4, using: &generator) { mutate(&bytes, by: &generator) }
      guard let parsed = try? Pickle(parsing: bytes, policy: .test) else { continue }
      for id in parsed.arena.slots.indices.map(ValueID.init) {
        if case .dictionary(let entries) = parsed[id] { #expect(entries.count >= 0) }
        _ = parsed.entries(of: id)?.reversed().first
        _ = parsed.attribute("a", of: id)
      }
    }
  }

  private func mutate(_ bytes: inout [UInt8], by generator: inout SeededGenerator) {
    guard let position = bytes.indices.randomElement(using: &generator) else { return }
    switch Int.random(in: 0..<5, using: &generator) {
    case 0: bytes[position] = .random(in: 0...255, using: &generator)
    case 1: bytes[position] ^= 1 << UInt8.random(in: 0..<8, using: &generator)
    case 2: bytes.remove(at: position)
    case 3: bytes.insert(.random(in: 0...255, using: &generator), at: position)
    default:
      let length = min(bytes.count - position, Int.random(in: 1...8, using: &generator))
      bytes.insert(contentsOf: bytes[position..<position + length], at: position)
    }
  }
}

private func repeated(_ bytes: [UInt8], _ count: Int) -> [UInt8] {
  Array(repeatElement(bytes, count: count).joined())
}
