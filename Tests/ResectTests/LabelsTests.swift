internal import Resect
internal import ResectTestSupport
import Testing

@Suite struct LabelsTests {
  private let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  @Test func `ImageNet's thousand names are there, each once`() {
    let names = Labels.imageNet.names
    #expect(names.count == 1000)
    #expect(Set(names).count == 1000)
    #expect(names.allSatisfy { !$0.isEmpty && $0.first != " " && $0.last != " " })
    // By the class indices of torchvision and Keras.
    let known = [
      0: "tench", 134: "crane bird", 281: "tabby", 517: "crane", 639: "maillot tank suit", 999: "toilet tissue",
    ]
    for (index, name) in known { #expect(names[index] == name) }
    // CRC-32 of torchvision's names, joined by newlines.
    let bytes = names.joined(separator: "\n").utf8
    #expect(CRC32.of(Array(bytes)) == 0xE8B4_10F0)
  }

  @Test func `imagenet is a name, and a path with a folder is a file`() throws {
    let path = try folder.write(Array("cat\ndog\n".utf8), as: "imagenet")
    #expect(try Labels(nameOrFile: "imagenet").names == Labels.imageNet.names)
    #expect(try Labels(nameOrFile: path).names == ["cat", "dog"])
  }
}
