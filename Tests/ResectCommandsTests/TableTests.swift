@testable import ResectCommands
import Testing

@Suite struct TableTests {
  @Test func `columns are as wide as their widest cell, aligned as they say`() {
    var table = Table(["name": .left, "bytes": .right, "": .left])
    table.add("a", "1,000,000", "x")
    table.add(cells: ["longer", "7", ""])
    let lines = [Terminal.bold("name        bytes"), "a       1,000,000  x", "longer          7"]
    #expect(table.text == lines.joined(separator: "\n"))
  }

  @Test func `a table without rows is its heading`() {
    #expect(Table(["a": .left, "b": .right]).text == Terminal.bold("a  b"))
  }

  @Test func `no line ends in spaces, a cell of spaces included`() {
    var table = Table(["a": .left, "b": .left])
    table.add("x", "  ")
    table.add("", "")
    #expect(table.text.split(separator: "\n", omittingEmptySubsequences: false).dropFirst() == ["x", ""])
  }

  @Test(arguments: ["é", "e\u{301}", "模", "🦊"])
  func `a character takes one column however many bytes it has`(_ character: String) {
    var table = Table(["a": .left, "b": .right])
    table.add(character, "1")
    #expect(table.text.hasSuffix("\n\(character)  1"))
  }
}
