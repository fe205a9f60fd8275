import ResectGraphs
internal import Resect
internal import ResectTestSupport
import Testing

@Suite struct NormalizeCommandTests {
  private let folder: TemporaryFolder
  private let file = Fixtures.path("checkpoints/bottleneck.zip.pth")

  init() throws { folder = try TemporaryFolder() }

  @Test func `the preprocessing goes into the network, and the size stays outside`() throws {
    let output = folder.file("a.resect")
    let program = try Program("normalize", file, output)
    #expect(program.status == 0)
    #expect(program.errors.isEmpty)
    let json = try Program("inspect", output, "--json").json
    #expect(json["architecture"]?["inputNormalization"]?["mean"]?.elements?.first?.number == 0.485)
    #expect(json["preprocessing"]?["scale"]?.number == 1)
    #expect(json["preprocessing"]?["resize"]?["shorterSide"]?.integer == 256)
    #expect(try Program("inspect", output).output.contains("\ntakes pixels of 0 to 255 and normalises them itself\n"))
    // The tensors are the same, the models are not: another program would not know the layer.
    let difference = try Program("diff", file, output)
    #expect(difference.status == 1)
    #expect(difference.output.contains("inputNormalization"))
    let refused = try Program("convert", output, folder.file("a.safetensors"))
    #expect(refused.status == 1)
    #expect(refused.errors.contains("this network takes pixels") && refused.errors.contains("normalize --fold"))
    let converted = try Program("convert", output, folder.file("a.safetensors"), "--allow-different-code")
    #expect(converted.status == 0)
    #expect(converted.errors.contains("only Resect knows"))
  }

  @Test func `the caller's preprocessing is what goes in`() throws {
    let output = folder.file("a.resect")
    #expect(try Program("normalize", file, output, "--preprocessing", "keras-caffe").status == 0)
    let json = try Program("inspect", output, "--json").json
    #expect(
      json["architecture"]?["inputNormalization"]?["channels"] == .array([.integer(2), .integer(1), .integer(0)]))
    #expect(json["preprocessing"]?["channels"]?.string == "rgb")
    #expect(json["preprocessingSource"]?.string == "option")
  }

  @Test func `folded, it says what would make the border exact`() throws {
    let program = try Program("normalize", file, folder.file("a.safetensors"), "--fold", "--json")
    #expect(program.status == 0)
    let json = try program.json
    let padding = json["surgeries"]?.elements?.first?["report"]?["exactPadding"]?.elements
    #expect(padding?.count == 3)
    #expect(json["warnings"]?.elements?.contains { $0.string?.contains("near the border") == true } == true)
    #expect(try Program("diff", file, folder.file("a.safetensors")).output.contains("2 of"))
  }

  @Test func `a network of which nobody says what it takes is refused without output`() throws {
    let digits = Fixtures.sample("digits/digits-resnet20.pth")
    let program = try Program("normalize", digits, folder.file("a.resect"))
    #expect(program.status == 1)
    #expect(program.errors.contains("--preprocessing says it"))
    #expect(try folder.names == [])
  }
}
