@testable import ResectNaming
import Testing

@Suite struct NamePatternTests {
  private func numbers(_ pattern: NamePattern, _ name: String) -> [Int]? {
    pattern.match(Array(name.utf8)[...]).map { [$0.stage, $0.block, $0.index, $0.layer] }
  }

  @Test func `a pattern reads its numbers and writes them back`() {
    let pattern: NamePattern = "a{stage}.{block}b{index}"
    #expect(numbers(pattern, "a1.20b3") == [1, 20, 3, 0])
    #expect(pattern.filled(with: .init(stage: 1, block: 20, index: 3)) == "a1.20b3")
    #expect(numbers("{layer}", "7") == [0, 0, 0, 7])
    #expect(numbers("{layer}.end", "7.end") == [0, 0, 0, 7])
  }

  @Test func `a pattern without numbers is itself alone`() {
    #expect(numbers("conv1", "conv1") == [0, 0, 0, 0])
    #expect(numbers("conv1", "conv") == nil)
    #expect(numbers("conv1", "conv12") == nil)
    #expect(numbers("conv1", "") == nil)
  }

  @Test(arguments: ["", "a", "a1", "a1.", "a1.2", "a.2b3", "a1.b3", "a1.2b", "a01.2b3", "a1.2b3x", "a1234567.2b3"])
  func `a name that departs from the pattern is not read`(name: String) {
    #expect(numbers("a{stage}.{block}b{index}", name) == nil)
  }

  @Test func `bytes that are no text are not read`() {
    let pattern: NamePattern = "a{stage}"
    #expect(pattern.match([0x61, 0xFF]) == nil)
    #expect(pattern.match([0x61, 0x31, 0xFF]) == nil)
    #expect(pattern.match([0x61, 0x31])?.stage == 1)
  }

  @Test func `a variable that is not known is text`() {
    #expect(numbers("a{colour}", "a{colour}") == nil)
    #expect(numbers("a{colour}", "acolour}") == [0, 0, 0, 0])
  }
}
