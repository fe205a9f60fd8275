internal import Resect
internal import ResectTestSupport
import Testing

@Suite struct HeadCommandTests {
  private let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  private let digits = Fixtures.sample("digits/digits-resnet20.pth")
  private let labels = Fixtures.sample("digits/labels.txt")

  private func names(in file: String) throws -> [String]? {
    try Program("inspect", folder.file(file), "--json").json["labels"]?.elements?.compactMap(\.string)
  }

  @Test func `classes are kept by label or index, in the order of the list or of a file`() throws {
    let list = try Program(
      "head", digits, folder.file("a.resect"), "--labels", labels, "--keep", "seven, 3 ,zero")
    #expect(list.status == 0)
    #expect(list.output.contains("kept 3 of 10 classes"))
    #expect(try names(in: "a.resect") == ["seven", "three", "zero"])
    let file = try folder.write(Array("seven\n3\nzero\n".utf8), as: "keep.txt")
    _ = try Program("head", digits, folder.file("b.resect"), "--labels", labels, "--keep", "@\(file)")
    #expect(try Program("diff", folder.file("a.resect"), folder.file("b.resect")).status == 0)
    // What was kept has its labels with it.
    #expect(try Program("head", folder.file("a.resect"), folder.file("c.resect"), "--keep", "zero").status == 0)
    #expect(try names(in: "c.resect") == ["zero"])
  }

  @Test func `classes without labels are called by the indices that they had`() throws {
    #expect(try Program("head", digits, folder.file("a.resect"), "--keep", "7,3").status == 0)
    #expect(try names(in: "a.resect") == ["7", "3"])
    // 3 is the label now, and no index.
    #expect(try Program("head", folder.file("a.resect"), folder.file("b.resect"), "--keep", "3").status == 0)
    #expect(try names(in: "b.resect") == ["3"])
  }

  @Test func `a fresh head is as wide as asked, and its labels are new`() throws {
    let output = folder.file("a.safetensors")
    let program = try Program(
      "head", digits, output, "--replace", "1000", "--seed", "7", "--labels", "imagenet", "--json")
    #expect(program.status == 0)
    let parameters = try program.json["surgeries"]?.elements?.first?["parameters"]
    #expect(parameters == .object(["classes": .integer(1000), "seed": .integer(7)]))
    #expect(try names(in: "a.safetensors")?.prefix(2) == ["tench", "goldfish"])
  }

  @Test func `labels alone name the classes`() throws {
    #expect(try Program("head", digits, folder.file("a.resect"), "--labels", labels).status == 0)
    #expect(try names(in: "a.resect")?.count == 10)
    let refused = try Program("head", digits, folder.file("b.resect"), "--labels", "imagenet")
    #expect(refused.status == 1)
    #expect(refused.errors.contains("1000 labels for 10 classes"))
  }

  @Test func `export takes ImageNet's labels too`() throws {
    let wide = folder.file("wide.resect")
    _ = try Program("head", digits, wide, "--replace", "1000")
    #expect(try names(in: "wide.resect") == nil)
    #expect(try Program("export", wide, folder.file("a.resect"), "--labels", "imagenet").status == 0)
    #expect(try names(in: "a.resect")?.last == "toilet tissue")
  }

  @Test(arguments: [
    ["--keep", "0,0"], ["--keep", "10"], ["--keep", "sevn"], ["--keep", "1,,2"], ["--keep", ""],
    ["--replace", "0"], ["--keep", "@no-such-file"],
  ])
  func `what makes no head is refused without output`(arguments: [String]) throws {
    let program = try Program(list: ["head", digits, folder.file("a.resect"), "--labels", labels] + arguments)
    #expect(program.status == 1)
    #expect(program.errors.split(separator: "\n").count == 1)
    #expect(try folder.names == [])
  }

  @Test(arguments: [
    [], ["--keep", "1", "--replace", "2"], ["--keep", "1", "--seed", "2"], ["--replace", "x"],
    ["--replace", "2", "--seed", "-1"], ["--replace", "2", "--seed", "4294967296"],
  ])
  func `options that contradict each other are bad usage`(arguments: [String]) throws {
    #expect(try Program(list: ["head", digits, folder.file("a.resect")] + arguments).status == 64)
  }
}
