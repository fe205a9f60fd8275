internal import Resect
internal import TestSupport
import Testing

/// What a user of the command line can rely on.
@Suite struct CommandTests {
  private let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  private func fixture(_ name: String) -> String { Fixtures.path("checkpoints/\(name)") }
  private let digits = Fixtures.sample("digits/digits-resnet20.pth")

  @Test func `inspect prints JSON that has what programs look for`() throws {
    let program = try Program("inspect", digits, "--json")
    #expect(program.status == 0)
    #expect(program.errors.isEmpty)
    let json = try program.json
    #expect(json["format"]?.string == "torch-zip")
    #expect(json["convention"]?.string == "cifar-chenyaofo")
    #expect(json["parameters"]?.integer == 272_186)
    #expect(json["tensors"]?.elements?.count == 128)
    #expect(json["tensors"]?.elements?.first?["shape"]?.elements?.count == 4)
    #expect(json["ignored"]?.elements?.isEmpty == true)
    #expect(json["warnings"]?.elements?.isEmpty == true)
    let architecture = try #require(json["architecture"])
    #expect(architecture["name"]?.string == "cifar-resnet20")
    #expect(architecture["block"]?.string == "basic")
    #expect(architecture["depths"] == .array([.integer(3), .integer(3), .integer(3)]))
    #expect(architecture["widths"] == .array([.integer(16), .integer(32), .integer(64)]))
    #expect(architecture["stem"]?.string == "3x3")
    #expect(architecture["shortcut"]?.string == "projection")
    #expect(architecture["stridePlacement"]?.string == "v1.5")
    #expect(architecture["epsilon"]?.number == 1e-5)
    #expect(architecture["classes"]?.integer == 10)
  }

  @Test func `inspect of what is no ResNet succeeds and says why`() throws {
    let program = try Program("inspect", fixture("layouts.zip.pth"), "--json")
    #expect(program.status == 0)
    #expect(try program.json["architecture"] == JSON.null)
    #expect(try program.json["whyNoResNet"]?["code"]?.string == "notAResNet")
  }

  @Test func `inspect lists tensors and modules for people`() throws {
    let tensors = try Program("inspect", digits, "--tensors")
    #expect(tensors.output.contains("layer1.0.conv1.weight"))
    #expect(tensors.output.contains("16 × 16 × 3 × 3"))
    let modules = try Program("inspect", digits, "--depth", "1")
    #expect(modules.output.contains("layer3"))
    #expect(!modules.output.contains("conv2"))
    #expect(modules.output.contains("272,186 parameters"))
  }

  @Test(arguments: [(["--store"], "raw"), ([], "planes"), (["--lossless"], "planes")])
  func `weights of a native file are made smaller, or stored as they are`(
    flags: [String], encoding: String
  ) throws {
    let output = folder.file("out.resect")
    #expect(try Program(list: ["export", digits, output] + flags).status == 0)
    let tensors = try #require(try Program("inspect", output, "--json").json["tensors"]?.elements)
    let weight = try #require(tensors.first { $0["name"]?.string == "stage3.2.conv2.weight" })
    #expect(weight["encoding"]?.string == encoding)
    let stored = try #require(weight["storedBytes"]?.integer)
    #expect(weight["bytes"]?.integer == 147_456)
    #expect(encoding == "raw" ? stored == 147_456 : (100_000..<143_000).contains(stored))
    #expect(weight["bitsPerElement"]?.number == Double(stored) * 8 / 36_864)
    let table = try Program("inspect", output, "--tensors").output
    #expect(table.contains("encoding") && table.contains(" \(encoding) "))
  }

  @Test(arguments: [
    ["export", "FILE", "OUT.resect", "--store", "--lossless"],
    ["convert", "FILE", "OUT.safetensors", "--store"], ["convert", "FILE", "OUT.safetensors", "--raw", "--lossless"],
    ["fold-bn", "FILE", "OUT.safetensors", "--lossless"],
    ["split", "FILE", "--backbone", "OUT.resect", "--classes", "OUT.safetensors", "--store"],
  ])
  func `an encoding that no file takes is bad usage`(_ words: [String]) throws {
    let program = try Program(
      list: words.map { $0 == "FILE" ? digits : $0.hasPrefix("OUT") ? folder.file($0) : $0 })
    #expect(program.status == 64)
    #expect(try folder.names.isEmpty)
  }

  @Test(arguments: [
    ["inspect", "FILE"], ["convert", "FILE", "OUT.safetensors"], ["export", "FILE", "OUT.resect"],
    ["fold-bn", "FILE", "OUT.resect"], ["drop-fc-bias", "FILE", "OUT.safetensors"],
    ["split", "FILE", "--backbone", "OUT.resect", "--classes", "OUT2.resect"],
    ["join", "FILE", "FILE", "OUT.resect"], ["diff", "FILE", "FILE"],
    ["convert", "--raw", "FILE", "OUT.safetensors"],
  ])
  func `a refused input is one clear line, exit code 1 and no output`(_ words: [String]) throws {
    let bad = try folder.write(Array("not a checkpoint at all".utf8), as: "bad.pth")
    let arguments = words.map { word in
      word == "FILE" ? bad : word.hasPrefix("OUT") ? folder.file(word) : word
    }
    let program = try Program(list: arguments)
    #expect(program.status == 1)
    #expect(program.output.isEmpty)
    #expect(program.errors.split(separator: "\n").count == 1)
    #expect(program.errors.hasPrefix("resect: \(bad): "))
    #expect(try folder.names == ["bad.pth"])
  }

  @Test(arguments: [
    [], ["inspect"], ["frobnicate"], ["convert", "a", "b", "--dtype", "f12"],
    ["convert", "a", "b.safetensors", "--raw", "--fold-bn"],
    ["export", "a", "b.resect", "--to", "safetensors"],
    ["inspect", "a", "--epsilon", "-1"], ["split", "a", "--backbone", "b", "--classes", "b"],
  ])
  func `bad usage is exit code 64`(_ arguments: [String]) throws {
    #expect(try Program(list: arguments).status == 64)
  }

  @Test func `an existing output needs --force`() throws {
    let output = try folder.write([1, 2, 3], as: "out.resect")
    let refused = try Program("export", digits, output)
    #expect(refused.status == 1)
    #expect(refused.errors.contains("--force"))
    #expect(try contents(of: output) == [1, 2, 3])
    #expect(try Program("export", digits, output, "--force").status == 0)
    #expect(try Program("inspect", output).status == 0)
  }

  @Test func `tensors that have no place are all listed`() throws {
    let program = try Program(
      "convert", fixture("bottleneck.zip.pth"), folder.file("a.safetensors"), "--convention",
      "cifar-kuangliu")
    #expect(program.status == 1)
    let lines = program.errors.split(separator: "\n")
    #expect(lines.count == 15)
    #expect(lines[0].contains("14 unexpected") && lines[0].contains("--allow-unexpected"))
    #expect(lines.contains("  unexpected: fc.weight"))
    #expect(try folder.names.isEmpty)
  }

  @Test func `export folds, drops and narrows in one go`() throws {
    let output = folder.file("out.resect")
    let labels = Fixtures.sample("digits/labels.txt")
    let program = try Program(
      "export", digits, output, "--fold-bn", "--drop-fc-bias", "--dtype", "f16", "--labels", labels,
      "--json")
    #expect(program.status == 0)
    #expect(try program.json["surgeries"]?.elements?.count == 2)
    let json = try Program("inspect", output, "--json").json
    #expect(json["format"]?.string == "resect")
    #expect(json["labels"]?.elements?.count == 10)
    #expect(json["architecture"]?["normalization"]?.string == "none")
    #expect(json["architecture"]?["headBias"]?.bool == false)
    let dtypes = Set((json["tensors"]?.elements ?? []).compactMap { $0["dtype"]?.string })
    #expect(dtypes == ["F16", "F32"])
  }

  @Test func `fold-bn reports every layer`() throws {
    let program = try Program("fold-bn", digits, folder.file("a.safetensors"))
    #expect(program.status == 0)
    for layer in ["bn1", "layer1.0.bn1", "layer2.0.downsample.1", "layer3.2.bn2"] {
      #expect(program.output.contains("\n\(layer) ") || program.output.hasPrefix("\(layer) "))
    }
    let again = try Program("fold-bn", folder.file("a.safetensors"), folder.file("b.safetensors"))
    #expect(again.status == 0)
    #expect(again.output.contains("nothing to fold"))
  }

  @Test func `diff tells what differs and exits with 1`() throws {
    let copy = folder.file("a.safetensors")
    _ = try Program("convert", digits, copy)
    let same = try Program("diff", digits, copy)
    #expect(same.status == 0)
    #expect(same.output.contains("128 tensors are the same to the bit"))
    let half = folder.file("h.safetensors")
    _ = try Program("convert", digits, half, "--dtype", "f16")
    let other = try Program("diff", digits, half, "--json")
    #expect(other.status == 1)
    #expect(try other.json["equal"]?.bool == false)
    let rows = try other.json["tensors"]?.elements ?? []
    let weight = try #require(rows.first { $0["name"]?.string == "conv1.weight" })
    #expect(weight["difference"]?.string == "dtype")
    // Half a step of float16 at the largest weights.
    #expect((weight["largestAbsolute"]?.number ?? 1) < 1.0 / 1024)
  }

  @Test func `split and join are inverse on the command line`() throws {
    let (backbone, classes) = (folder.file("b.resect"), folder.file("c.safetensors"))
    let joined = folder.file("j.safetensors")
    #expect(
      try Program(
        "split", digits, "--backbone", backbone, "--classes", classes, "--bias", "feature"
      ).status == 0)
    #expect(try Program("inspect", classes, "--json").json["kind"]?.string == "classes")
    #expect(try Program("join", backbone, classes, joined).status == 0)
    #expect(try Program("diff", digits, joined).status == 0)
    let wrong = try Program("join", classes, backbone, folder.file("w.resect"))
    #expect(wrong.status == 1)
  }

  @Test func `a terminal sees no control characters of a file`() throws {
    var writer = PickleWriter()
    writer.dictionary { root in
      root.string("a\u{1B}[31m\u{202E}b")
      root.tensor(key: "1", count: 1, shape: [1], strides: [1])
    }
    let path = try folder.write(
      torchStream(writer.pickle, storages: [("1", [1])]), as: "escape.pth")
    let program = try Program("inspect", path)
    #expect(program.status == 0)
    #expect(!program.output.contains("\u{1B}") && !program.output.contains("\u{202E}"))
    #expect(program.output.contains("\\u{1b}"))
  }
}
