import ResectBytes
import Testing

@testable import ResectPickle

@Suite struct PickleReadingTests {
  @Test(arguments: Vector.all)
  func `a pickle says what Python says`(_ vector: Vector) throws {
    #expect(try meaning(vector.bytes) == vector.meaning)
  }

  @Test func `every opcode is in a vector of real Python, or refused`() throws {
    var seen: Set<Opcode> = []
    for vector in Vector.all {
      var reader = ByteReader(vector.bytes)
      while !reader.isAtEnd {
        let row = try #require(Opcode.rows[Int(try reader.byte())])
        _ = try OpcodeArgument(row.argument, from: &reader)
        seen.insert(row.opcode)
      }
    }
    let refused: Set<Opcode> = [.ext1, .ext2, .ext4, .newObjEx, .nextBuffer, .readOnlyBuffer]
    #expect(Set(Opcode.allCases).subtracting(seen) == refused)
  }

  @Test func `the table has one row for each opcode`() {
    #expect(Opcode.table.map(\.opcode).count == Opcode.allCases.count)
    #expect(Set(Opcode.table.map(\.opcode)) == Set(Opcode.allCases))
    #expect(Set(Opcode.table.map(\.byte)).count == Opcode.table.count)
  }

  @Test func `a pickle may begin anywhere and ends after its STOP`() throws {
    let bytes = pickle("junk", "K", 7, ".", "more")
    let seven = try Pickle(parsing: bytes, at: 4, policy: .test)
    #expect(seven.integer(seven.root) == 7)
    #expect(seven.end == 7)
  }

  @Test func `pickles that follow each other are read one by one`() throws {
    let bytes = pickle("K", 1, ".", text("two"), ".", "N.")
    let first = try Pickle(parsing: bytes, policy: .test)
    let second = try Pickle(parsing: bytes, at: first.end, policy: .test)
    let third = try Pickle(parsing: bytes, at: second.end, policy: .test)
    #expect(second.string(second.root) == "two")
    #expect(third.end == bytes.count)
  }

  @Test(arguments: Vector.all)
  func `a pickle that is cut anywhere is truncated, and nothing else`(_ vector: Vector) {
    for count in vector.bytes.indices {
      #expect(refusal(Array(vector.bytes[..<count]))?.code == .truncated, "\(count) bytes")
    }
  }

  @Test func `memoised values are shared`() throws {
    let list = try Pickle(parsing: Vector.named("shared values, protocol 2").bytes, policy: .test)
    let elements = try #require(list.list(list.root))
    #expect(elements[elements.startIndex] == elements[elements.startIndex + 1])
    #expect(list.value(of: "again", in: elements[elements.startIndex + 2]) == elements.first)
  }

  @Test func `a dict that holds itself is read`() throws {
    let dict = try Pickle(parsing: pickle("}q", 0, text("self"), "h", 0, "s."), policy: .test)
    #expect(dict.value(of: "self", in: dict.root) == dict.root)
  }

  @Test func `MEMOIZE counts the slots that hold a value`() throws {
    #expect(try meaning(pickle("Nq", 1, "0K", 7, 0x94, "0h", 1, ".")) == "7")
    #expect(try meaning(pickle("Nq", 0, "0K", 7, 0x94, "0h", 0, "h", 1, 0x86, ".")) == "(None, 7)")
  }

  @Test func `torch's magic number is recognised in every protocol`() throws {
    let magic: [UInt8] = [0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19]
    for bytes in [pickle(0x8a, 10, magic, "."), pickle("L119547037146038801333356L\n.")] {
      let number = try Pickle(parsing: bytes, policy: .test)
      #expect(number.isInteger(number.root, equalToLittleEndian: magic))
      #expect(!number.isInteger(number.root, equalToLittleEndian: [0x6c]))
    }
    let small = try Pickle(parsing: pickle("J", 0xff, 0xff, 0xff, 0xff, "."), policy: .test)
    #expect(small.isInteger(small.root, equalToLittleEndian: [0xff]))
    #expect(!small.isInteger(small.root, equalToLittleEndian: [0xff, 0xff]))
  }

  @Test func `a Python 2 text that is no UTF-8 is Latin-1`() throws {
    #expect(try meaning(pickle("U", 2, 0xc3, 0xa9, ".")) == "'<e9>'")
    #expect(try meaning(pickle("U", 1, 0xe9, ".")) == "'<e9>'")
    #expect(try meaning(pickle("S'\\xe9'\n.")) == "'<e9>'")
  }

  @Test func `two escaped surrogates are one character`() throws {
    #expect(try meaning(pickle("V\\ud83d\\ude00\n.")) == "'<1f600>'")
  }

  @Test func `texts are equal when their bytes are, not when they look alike`() throws {
    let composed = pickle("}(", text("\u{e9}"), "K", 1, text("e\u{301}"), "K", 2, "u.")
    #expect(try meaning(composed) == "{'<e9>': 1, 'e<301>': 2}")
  }

  @Test func `an empty dict, list and tuple have no entries`() throws {
    let empty = try Pickle(parsing: pickle("]})", 0x87, "."), policy: .test)
    let parts = try #require(empty.tuple(empty.root))
    #expect(parts.compactMap { empty.list($0) }.map(\.count) == [0])
    #expect(parts.compactMap { empty.entries(of: $0) }.map(\.count) == [0])
  }

  @Test func `a call is among the values even where its result is thrown away`() throws {
    let call = pickle("ctorch._utils\n_rebuild_tensor_v2\n(K", 1, "tR")
    let thrown = try Pickle(parsing: pickle(call, "0N."), policy: .test)
    let calls = thrown.values(of: .call)
    #expect(calls.map(thrown.text) == ["torch._utils._rebuild_tensor_v2(1)"])
    #expect(thrown.values(of: .instance, .persistentID).isEmpty)
  }
}
