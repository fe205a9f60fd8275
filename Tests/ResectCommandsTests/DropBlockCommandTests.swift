internal import Resect
internal import ResectTestSupport
import Testing

@Suite struct DropBlockCommandTests {
  private let folder: TemporaryFolder
  private let digits = Fixtures.sample("digits/digits-resnet20.pth")

  init() throws { folder = try TemporaryFolder() }

  @Test func `the effect is told on probes and on images`() throws {
    let output = folder.file("a.resect")
    let program = try Program(
      "drop-block", digits, output, "--block", "layer3.2", "--images", Fixtures.sample("digits/images"),
      "--preprocessing", Fixtures.sample("digits/preprocessing.json"))
    #expect(program.status == 0)
    #expect(program.output.hasPrefix("logits of 12 inputs"))
    #expect(program.output.contains("removed the residual block stage3.2, 74242 parameters"))
    #expect(program.output.contains("measured: "))
    let verified = try Program(
      "verify", digits, output, "--images", Fixtures.sample("digits/images"), "--preprocessing",
      Fixtures.sample("digits/preprocessing.json"), "--json")
    #expect(verified.status == 1)
    let json = try Program(
      "drop-block", digits, folder.file("b.resect"), "--block", "layer3.2", "--images",
      Fixtures.sample("digits/images"), "--preprocessing", Fixtures.sample("digits/preprocessing.json"), "--json"
    ).json
    #expect(json["images"]?["topOne"]?.number == (try verified.json["topOne"]?.number))
    #expect(json["images"]?["inputs"] == .integer(12))
    #expect(json["proof"]?["tolerance"] == nil)
  }

  @Test func `what cannot go is refused, and nothing is written`() throws {
    for (block, message) in [
      ("layer2.0", "the block's shortcut is not the identity"), ("layer9.0", "there is no residual block layer9.0"),
      ("layer1", "3 blocks have names that begin so"),
    ] {
      let program = try Program("drop-block", digits, folder.file("c.resect"), "--block", block)
      #expect(program.status == 1 && program.errors.contains(message))
      #expect(try !filesInFolder(folder.path).contains("c.resect"))
    }
    #expect(try Program("drop-block", digits, folder.file("c.resect")).status == 64)
  }
}
