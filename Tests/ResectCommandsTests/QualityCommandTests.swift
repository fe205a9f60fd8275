internal import Resect
internal import ResectTestSupport
import Testing

@Suite struct QualityCommandTests {
  private let folder: TemporaryFolder
  private let file = Fixtures.sample("digits/digits-resnet20.pth")

  init() throws { folder = try TemporaryFolder() }

  @Test(arguments: ["export", "convert"])
  func `a quality is kept and shown`(_ command: String) throws {
    let output = folder.file("a.resect")
    let program = try Program(command, "--fold-bn", "--quality", "good", file, output, "--json")
    #expect(program.status == 0)
    let proof = try program.json["proof"]
    #expect(proof?["promise"]?["quality"]?.number == 0.01)
    #expect(proof?["error"]?["relativeError"]?.number.map { $0 <= 0.01 } == true)
    let inspected = try Program("inspect", output, "--tensors").output
    #expect(inspected.contains("\nsurgeries: fold-bn, quantize\n"))
    #expect(inspected.contains("\nquantised for quality 0.01: on the probes, logits were off by "))
    let tensors = try Program("inspect", output, "--json").json["tensors"]?.elements ?? []
    let quantized = tensors.filter { $0["encoding"]?.string == "quantized" }
    #expect(quantized.count == 22)
    #expect(
      quantized.allSatisfy { ($0["signalToNoise"]?.number ?? 0) > 10 && ($0["bitsPerElement"]?.number ?? 99) < 32 })
  }

  @Test func `quantised weights stay as small as they are when the network is split`() throws {
    let whole = folder.file("whole.resect")
    #expect(try Program("export", "--fold-bn", "--quality", "good", file, whole).status == 0)
    let (backbone, classes) = (folder.file("b.resect"), folder.file("c.resect"))
    #expect(try Program("split", whole, "--backbone", backbone, "--classes", classes).status == 0)
    func quantized(_ path: String) throws -> [JSON] {
      let tensors = try #require(Program("inspect", path, "--json", "--tensors").json["tensors"]?.elements)
      return tensors.filter { $0["encoding"]?.string == "quantized" }
    }
    #expect(try quantized(backbone) + quantized(classes) == quantized(whole))
  }

  @Test func `a size is kept`() throws {
    let program = try Program("export", "--fold-bn", "--target-size", "150kB", file, folder.file("a.resect"), "--json")
    #expect(program.status == 0)
    let bytes = try #require(program.json["outputs"]?.elements?.first?["bytes"]?.integer)
    #expect((135_000...150_000).contains(bytes))
  }

  @Test func `a size that cannot be reached leaves no file`() throws {
    let program = try Program("export", "--target-size", "5kB", file, folder.file("a.resect"))
    #expect(program.status == 1)
    #expect(program.errors.contains("--target-size"))
    #expect(try filesInFolder(folder.path).isEmpty)
  }

  @Test(arguments: [
    ["--quality", "good", "--target-size", "1MB"], ["--quality", "good", "--max-difference", "0.1"],
    ["--quality", "good", "--store"], ["--max-difference", "0.1", "--lossless"],
    ["--quality", "0.1", "--dtype", "f16"],
    ["--quality", "best"], ["--target-size", "big"], ["--quality", "good", "--tolerance", "1"],
  ])
  func `wishes that contradict each other are refused`(_ options: [String]) throws {
    let program = try Program(list: ["export", file, folder.file("a.resect")] + options)
    #expect(program.status == 64)
    #expect(try filesInFolder(folder.path).isEmpty)
  }

  @Test func `other formats are not quantised`() throws {
    let program = try Program("convert", file, folder.file("a.safetensors"), "--quality", "good")
    #expect(program.status == 64)
    #expect(program.errors.contains(".resect"))
    #expect(try Program("convert", "--raw", file, folder.file("a.resect"), "--quality", "good").status == 64)
  }
}
