import ResectBytes
import Testing

@testable import ResectPickle

/// Bytes that are refused, and what the refusal is.
struct Refused: Sendable, CustomStringConvertible {
  let description: String
  let bytes: [UInt8]
  let code: ResectError.Code
  /// Where the instruction at fault begins.
  let offset: UInt64

  init(
    _ description: String, _ bytes: [UInt8], at offset: UInt64,
    _ code: ResectError.Code = .malformed
  ) {
    self.description = description
    self.bytes = bytes
    self.offset = offset
    self.code = code
  }
}

@Suite struct PickleRefusalTests {
  @Test(arguments: broken + unsafe + truncated)
  func `a pickle that is not right is refused with its place`(_ refused: Refused) {
    let error = refusal(refused.bytes)
    #expect(error?.code == refused.code, "\(error?.description ?? "read")")
    #expect(error?.offset == refused.offset, "\(error?.description ?? "read")")
  }

  @Test func `a refusal names what is called and says that nothing was run`() {
    let call = pickle("cevil\nrun\n", text("touch PWNED"), 0x85, "R.")
    #expect(
      refusal(call)?.description
        == "byte 24: the pickle calls evil.run; "
        + "nothing was run; do not load this file with torch.load either")
    #expect(refusal(pickle("cos\nsystem\n."))?.message == "the pickle mentions os.system")
    #expect(refusal(pickle(0x80, 2, "\u{0}."))?.message == "unknown opcode 0x00")
    #expect(refusal(pickle("0."))?.message == "POP: the stack holds too few values")
  }

  static let broken = [
    Refused("an unknown opcode", pickle("N", 0xfa, "."), at: 1),
    Refused("protocol 6", pickle(0x80, 6, "N."), at: 0, .unsupported),
    Refused("nothing at STOP", pickle("."), at: 0),
    Refused("two values at STOP", pickle("NN."), at: 2),
    Refused("an open mark at STOP", pickle("(N."), at: 2),
    Refused("an open mark below the value at STOP", pickle("N(1(."), at: 4),
    Refused("POP of nothing", pickle("0."), at: 0),
    Refused("POP_MARK without a mark", pickle("N1."), at: 1),
    Refused("DUP of nothing", pickle("2."), at: 0),
    Refused("DUP across a mark", pickle("N(2."), at: 2),
    Refused("TUPLE without a mark", pickle("Nt."), at: 1),
    Refused("TUPLE2 across a mark", pickle("N(N", 0x86, "."), at: 3),
    Refused("TUPLE3 of two", pickle("NN", 0x87, "."), at: 2),
    Refused("FROZENSET without a mark", pickle(0x91, "."), at: 0),
    Refused("APPEND to nothing", pickle("Na."), at: 1),
    Refused("APPEND to a dict", pickle("}Na."), at: 2),
    Refused("APPENDS to a tuple", pickle(")(Ne."), at: 3),
    Refused("SETITEM of a list", pickle("]NNs."), at: 3),
    Refused("SETITEMS with a key alone", pickle("}(Nu."), at: 3),
    Refused("ADDITEMS to a dict", pickle("}(N", 0x90, "."), at: 3),
    Refused("ADDITEMS to a frozenset", pickle("(", 0x91, "(N", 0x90, "."), at: 4),
    Refused("a list in a set", pickle(0x8f, "(]", 0x90, "."), at: 3),
    Refused("a list as a key", pickle("}]Ns."), at: 3),
    Refused("a dict as a key", pickle("(}Nd."), at: 3),
    Refused("a tuple within a tuple as a key", pickle("})", 0x85, "Ns."), at: 4),
    Refused("a list within a tuple as a key", pickle("}]", 0x85, "Ns."), at: 4),
    Refused(
      "a tuple of 65 elements as a key",
      pickle("}(", [UInt8](repeating: 0x4e, count: 65), "tNs."), at: 69),
    Refused("a memo slot that is empty", pickle("h", 9, "."), at: 0),
    Refused("a memo slot that is skipped", pickle("Nq", 1, "0h", 0, "."), at: 4),
    Refused("a memo slot below zero", pickle("g-1\n."), at: 0),
    Refused("a memo slot beyond 32 bits", pickle("Np4294967296\n."), at: 1),
    Refused("a memo slot that is no number", pickle("Npx\n."), at: 1),
    Refused("MEMOIZE of nothing", pickle(0x94, "."), at: 0),
    Refused("INT of letters", pickle("Iabc\n."), at: 0),
    Refused("INT of nothing", pickle("I\n."), at: 0),
    Refused("INT of a sign", pickle("I-\n."), at: 0),
    Refused("INT with a letter after 20 digits", pickle("I99999999999999999999x\n."), at: 0),
    Refused("LONG of nothing", pickle("LL\n."), at: 0),
    Refused("FLOAT of letters", pickle("Fxyz\n."), at: 0),
    Refused("FLOAT in hexadecimal", pickle("F0x1p3\n."), at: 0),
    Refused("FLOAT of nothing", pickle("F\n."), at: 0),
    Refused("FLOAT with a NUL", pickle("F1.5", 0, "6\n."), at: 0),
    Refused("FLOAT of a nan with a payload", pickle("Fnan(1)\n."), at: 0),
    Refused("a negative length", pickle(0x8b, 0xff, 0xff, 0xff, 0xff, "."), at: 0),
    Refused("a negative length of a text", pickle("T", 0xff, 0xff, 0xff, 0xff, "."), at: 0),
    Refused("a text that is no UTF-8", pickle(0x8c, 1, 0xff, "."), at: 0),
    Refused("a text with a lone surrogate", pickle(0x8c, 3, 0xed, 0xa0, 0x80, "."), at: 0),
    Refused("STRING without quotes", pickle("Sabc\n."), at: 0),
    Refused("STRING with one quote", pickle("S'\n."), at: 0),
    Refused("STRING with two kinds of quotes", pickle("S'a\"\n."), at: 0),
    Refused("STRING with half an escape", pickle("S'\\x4'\n."), at: 0),
    Refused("STRING that ends in a backslash", pickle("S'\\'\n."), at: 0),
    Refused("UNICODE with half an escape", pickle("V\\u12\n."), at: 0),
    Refused("UNICODE with no hexadecimal digits", pickle("V\\uzzzz\n."), at: 0),
    Refused("UNICODE with a lone surrogate", pickle("V\\ud83dx\n."), at: 0),
    Refused("UNICODE with no character", pickle("V\\U00110000\n."), at: 0),
    Refused("STACK_GLOBAL of numbers", pickle("K", 1, "K", 2, 0x93, "."), at: 4),
    Refused("REDUCE with a list of arguments", pickle("ccollections\nOrderedDict\n]R."), at: 26),
    Refused("BUILD of a number", pickle("K", 1, "}b."), at: 3),
    Refused("BUILD of a plain dict", pickle("}}b."), at: 2),
    Refused("BUILD with a number as an attribute", pickle("cm\nC\n)", 0x81, "}NNsb."), at: 11),
    Refused("APPEND to an instance that is a dict", pickle("cm\nC\n)", 0x81, "NNsNa."), at: 11),
    Refused("OBJ of nothing", pickle("(o."), at: 1),
    Refused("out-of-band bytes", pickle(0x97, "."), at: 0, .unsupported),
    Refused("read-only out-of-band bytes", pickle("N", 0x98, "."), at: 1, .unsupported),
  ]

  static let truncated = [
    Refused("nothing at all", [], at: 0, .truncated),
    Refused("no STOP", pickle("N"), at: 1, .truncated),
    Refused("a length beyond the end", pickle("X", 9, 0, 0, 0, "abc"), at: 0, .truncated),
    Refused("half a number", pickle("NJ", 1), at: 1, .truncated),
    Refused("a line without its end", pickle("I12"), at: 0, .truncated),
    Refused(
      "a frame beyond the end", pickle(0x95, 3, [UInt8](repeating: 0, count: 7), "N."),
      at: 0, .truncated),
  ]
}
