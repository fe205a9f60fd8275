import ResectBytes
import ResectPickle
import Testing

/// Pickles that are written. The opcodes are those of Python's `pickletools`.
@Suite struct PickleExpressionTests {
  private func body(_ expression: PickleExpression) -> [UInt8] {
    let bytes = expression.pickle
    #expect(bytes.prefix(2) == [0x80, 2])
    #expect(bytes.last == 0x2E)
    return Array(bytes.dropFirst(2).dropLast())
  }

  @Test(
    arguments: [
      (0, [0x4B, 0]), (255, [0x4B, 255]), (256, [0x4D, 0, 1]), (65_535, [0x4D, 255, 255]),
      (65_536, [0x4A, 0, 0, 1, 0]), (-1, [0x4A, 255, 255, 255, 255]), (1 << 31 - 1, [0x4A, 255, 255, 255, 127]),
      (1 << 31, [0x8A, 8, 0, 0, 0, 128, 0, 0, 0, 0]), (-1 << 31, [0x4A, 0, 0, 0, 128]),
      (.min, [0x8A, 8, 0, 0, 0, 0, 0, 0, 0, 128]),
    ] as [(Int, [UInt8])])
  func `an integer has the shortest opcode`(value: Int, expected: [UInt8]) {
    #expect(body(.integer(value)) == expected)
  }

  @Test func `values are written by their opcodes`() {
    #expect(body(.string("é")) == pickle("X", 2, 0, 0, 0, "é"))
    #expect(body(.bool(true)) == [0x88])
    #expect(body(.bool(false)) == [0x89])
    #expect(body(.tuple([])) == pickle("(t"))
    #expect(body(.tuple([.integer(1), .tuple([.integer(2)])])) == pickle("(K", 1, "(K", 2, "tt"))
    #expect(body(.global("torch", "FloatStorage")) == pickle("ctorch\nFloatStorage\n"))
    #expect(body(.call(.global("a", "b"), [.integer(1)])) == pickle("ca\nb\n(K", 1, "tR"))
    #expect(body(.persistent(.tuple([.string("k")]))) == pickle("(X", 1, 0, 0, 0, "ktQ"))
    #expect(body(.orderedDictionary([])) == pickle("ccollections\nOrderedDict\n(tR"))
    #expect(
      body(.orderedDictionary([("a", .integer(1)), ("b", .bool(true))]))
        == pickle(
          "ccollections\nOrderedDict\n(tR(X", 1, 0, 0, 0, "aK", 1, "X", 1, 0, 0, 0, "b", 0x88, "u"))
  }
}
