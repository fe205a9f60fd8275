@testable import ResectNaming
import Testing

@Suite struct ClosestNameTests {
  @Test(
    arguments: [
      ("conv1.weight", ["conv2.weight", "convolution1.weight", "bn1.weight"], "conv2.weight"),
      ("fc.bias", ["fc.weight", "fc.biases"], "fc.biases"),
      ("layer1.0.conv1.weight", ["layer1.0.conv1.wieght", "layer1.1.conv1.weigh"], "layer1.0.conv1.wieght"),
      ("abcd", ["xxcd"], "xxcd"), ("abcd", ["xxxd"], nil), ("abcd", [], nil), ("", ["a"], nil),
      ("same", ["other", "same"], "same"),
    ] as [(String, [String], String?)])
  func `the closest name takes the fewest edits, at most half of the name`(
    name: String, names: [String], closest: String?
  ) {
    #expect(name.closest(among: names) == closest)
  }

  @Test func `the first of two equally close names is taken`() {
    #expect("conv1".closest(among: ["conv3", "conv2"]) == "conv3")
  }

  @Test func `long names are compared by their beginning`() {
    let long = String(repeating: "a", count: 100_000)
    #expect(long.closest(among: [long + "b", "short"]) == long + "b")
  }
}
