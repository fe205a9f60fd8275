internal import Resect
internal import ResectTestSupport
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
    ["convert", "a", "b.safetensors", "--raw", "--preprocessing", "none"],
    ["export", "a", "b.resect", "--to", "safetensors"], ["export", "a", "b.safetensors"],
    ["inspect", "a", "--epsilon", "-1"], ["epsilon", "a", "b.resect"], ["epsilon", "a", "b.resect", "--to", "-1"],
    ["inspect", "a", "--mapping", "m", "--input-convention", "timm"],
    ["convert", "a", "b.safetensors", "--raw", "--convention", "timm"],
    ["split", "a", "--backbone", "b", "--classes", "b"],
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
      "convert", fixture("bottleneck.zip.pth"), folder.file("a.safetensors"), "--input-convention",
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
    let program = try Program("fold-bn", digits, folder.file("a.resect"))
    #expect(program.status == 0)
    for layer in ["bn1", "layer1.0.bn1", "layer2.0.downsample.1", "layer3.2.bn2"] {
      #expect(program.output.contains("\n\(layer) ") || program.output.hasPrefix("\(layer) "))
    }
    let again = try Program("fold-bn", folder.file("a.resect"), folder.file("b.resect"))
    #expect(again.status == 0)
    #expect(again.output.contains("nothing to fold"))
  }

  @Test func `diff tells what differs and exits with 1`() throws {
    let copy = folder.file("a.safetensors")
    _ = try Program("convert", digits, copy)
    let same = try Program("diff", digits, copy)
    #expect(same.status == 0)
    #expect(same.output == "the same model: all 128 tensors are the same to the bit\n")
    let half = folder.file("h.safetensors")
    _ = try Program("convert", digits, half, "--dtype", "f16")
    let other = try Program("diff", digits, half, "--json")
    #expect(other.status == 1)
    #expect(try other.json["equal"]?.bool == false)
    let rows = try other.json["tensors"]?.elements ?? []
    #expect(try rows.count + Int(#require(other.json["equalTensors"]?.integer)) == 128)
    let weight = try #require(rows.first { $0["name"]?.string == "conv1.weight" })
    #expect(weight["difference"]?.string == "dtype")
    // Half a step of float16 at the largest weights.
    #expect((weight["largestAbsolute"]?.number ?? 1) < 1.0 / 1024)
  }

  @Test func `diff tells facts of the models, each file by its own options`() throws {
    let copy = folder.file("a.resect")
    #expect(
      try Program("convert", digits, copy, "--epsilon", "1e-3", "--labels", Fixtures.sample("digits/labels.txt")).status
        == 0)
    let differing = try Program("diff", digits, copy)
    #expect(differing.status == 1)
    #expect(differing.output.contains("epsilon  1e-05  0.001\n"))
    #expect(differing.output.hasSuffix("2 facts differ, all 128 tensors are the same to the bit\n"))
    let json = try Program("diff", digits, copy, "--json").json
    #expect(json["equal"]?.bool == false && json["tensors"] == .array([]))
    #expect(json["facts"]?.elements?.first?["name"]?.string == "epsilon")
    #expect(json["facts"]?.elements?.first?["second"]?.number == 0.001)
    // Said of the first alone, or of the second alone.
    #expect(try Program("diff", digits, copy, "--epsilon", "1e-3").output.hasPrefix("fact    first  second\nlabels"))
    #expect(try Program("diff", digits, digits, "--epsilon", "1e-3").status == 1)
    #expect(try Program("diff", digits, digits, "--epsilon-b", "1e-3").status == 1)
    #expect(try Program("diff", digits, digits, "--epsilon", "1e-3", "--epsilon-b", "1e-3").status == 0)
  }

  @Test func `numbers that are nearly nothing are shown`() throws {
    // A float64 of 1e-310, as numpy writes its bits.
    let tiny: [UInt8] = [0x2B, 0xE6, 0x70, 0x8B, 0x68, 0x12, 0x00, 0x00]
    func file(_ name: String, _ bytes: [UInt8]) throws -> String {
      let header = Array(#"{"x":{"dtype":"F64","shape":[1],"data_offsets":[0,8]}} "#.utf8)
      return try folder.write([UInt8(header.count)] + [UInt8](repeating: 0, count: 7) + header + bytes, as: name)
    }
    let (one, zero) = (try file("a.safetensors", tiny), try file("b.safetensors", [UInt8](repeating: 0, count: 8)))
    let program = try Program("diff", one, zero)
    #expect(program.status == 1 && program.output.contains(" 1e-310 "))
    #expect(try Program("inspect", one).status == 0)
  }

  @Test(arguments: ["pth", "safetensors"])
  func `both halves of a network with names of its own are read back and joined`(_ ending: String) throws {
    let strange = try strangelyNamed()
    let (backbone, classes) = (folder.file("b.\(ending)"), folder.file("c.\(ending)"))
    #expect(try Program("split", strange, "--backbone", backbone, "--classes", classes).status == 0)
    let inspected = try Program("inspect", classes, "--json").json
    #expect(inspected["kind"]?.string == "classes" && inspected["classes"]?.integer == 10)
    #expect(try Program("inspect", backbone, "--json").json["kind"]?.string == "backbone")
    let joined = folder.file("joined.\(ending)")
    #expect(try Program("join", backbone, classes, joined).status == 0)
    #expect(try Program("diff", digits, joined).status == 0)
    #expect(try Program("head", classes, folder.file("kept.\(ending)"), "--keep", "3,7").status == 0)
    #expect(try Program("inspect", folder.file("kept.\(ending)"), "--json").json["classes"]?.integer == 2)
  }

  @Test func `both halves of a split have the names that are asked for`() throws {
    let (backbone, classes) = (folder.file("b.safetensors"), folder.file("c.safetensors"))
    let program = try Program(
      "split", digits, "--backbone", backbone, "--classes", classes, "--convention", "huggingface",
      "--allow-different-code")
    #expect(program.status == 0)
    let names = try Program("inspect", classes, "--json").json["tensors"]?.elements?.compactMap { $0["name"]?.string }
    #expect(names == ["classifier.1.weight", "classifier.1.bias"])
    let joined = folder.file("j.safetensors")
    #expect(try Program("join", backbone, classes, joined, "--allow-different-code").status == 0)
    #expect(try Program("diff", digits, joined).status == 0)
  }

  @Test func `a folded network keeps names of its own, and its biases are called after the weights beside them`() throws
  {
    let strange = try strangelyNamed()
    let mapping = folder.file("mapping.txt")
    #expect(try Program("inspect", strange, "--mapping", mapping).status == 0)
    for flags in [[], ["--mapping", mapping]] {
      let folded = folder.file("folded\(flags.count).safetensors")
      #expect(try Program(list: ["fold-bn", strange, folded, "--allow-different-code"] + flags).status == 0)
      let names = try Program("inspect", folded, "--json").json["tensors"]?.elements?.compactMap { $0["name"]?.string }
      #expect(try #require(names).contains("floor2.0.mix1.bias"))
      #expect(
        try Program(list: ["verify", digits, folded] + flags.map { $0 == "--mapping" ? "--mapping-b" : $0 }).status == 0
      )
    }
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

  @Test func `inspect says how images become input, and who said so`() throws {
    let file = fixture("bottleneck.zip.pth")
    let json = try Program("inspect", file, "--json").json
    #expect(json["preprocessing"]?["name"]?.string == "torchvision")
    #expect(json["preprocessingSource"]?.string == "convention torchvision")
    let text = try Program("inspect", file).output
    #expect(text.contains("\npreprocessing torchvision: shorter side 256"))
    #expect(text.contains("std 0.229 0.224 0.225 (convention torchvision)\n"))
    #expect(try Program("inspect", digits).output.contains("\npreprocessing unknown\n"))
    #expect(try Program("inspect", digits, "--json").json["preprocessing"] == JSON.null)
  }

  @Test(arguments: [
    ["export", "FILE", "OUT.resect"], ["convert", "FILE", "OUT.safetensors"],
    ["fold-bn", "FILE", "OUT.resect"], ["drop-fc-bias", "FILE", "OUT.resect"],
    ["split", "FILE", "--backbone", "OUT.resect", "--classes", "classes.resect"],
    ["join", "BACKBONE", "CLASSES", "OUT.resect"], ["head", "FILE", "OUT.resect", "--keep", "0"],
  ])
  func `every command that writes records the preprocessing that it is told`(_ words: [String]) throws {
    let (backbone, classes) = (folder.file("b.resect"), folder.file("c.resect"))
    let file = fixture("bottleneck.zip.pth")
    _ = try Program("split", file, "--backbone", backbone, "--classes", classes)
    let arguments = words.map { word in
      switch word {
      case "FILE": file
      case "BACKBONE": backbone
      case "CLASSES": classes
      default: word.contains(".") ? folder.file(word) : word
      }
    }
    #expect(try Program(list: arguments + ["--preprocessing", "keras-tf"]).status == 0)
    let output = try #require(words.first { $0.hasPrefix("OUT") })
    let json = try Program("inspect", folder.file(output), "--json").json
    #expect(json["preprocessing"]?["name"]?.string == "keras-tf")
    #expect(json["preprocessingSource"]?.string == "option")
  }

  @Test func `preprocessing is read from a file, and what does not fit is refused without output`() throws {
    let grey = #"{"filter":"bilinear","scale":0.0625,"channels":"grey","mean":[0],"std":[1]}"#
    let path = try folder.write(Array(grey.utf8), as: "grey.json")
    let output = folder.file("a.resect")
    #expect(try Program("export", digits, output, "--preprocessing", path).status == 0)
    let scale = try Program("inspect", output, "--json").json["preprocessing"]?["scale"]
    #expect(scale?.number == 0.0625)
    for wrong in ["torchvision", "no-such-preset"] {
      let refused = try Program("export", digits, folder.file("b.resect"), "--preprocessing", wrong)
      #expect(refused.status == 1)
      #expect(refused.errors.split(separator: "\n").count == 1)
    }
    #expect(try folder.names == ["a.resect", "grey.json"])
  }

  /// The sample under names that nobody knows.
  private func strangelyNamed() throws -> String {
    let model = try Model(contentsOf: digits)
    var places: [String: ParameterPath] = [:]
    for parameter in try model.network.parameters {
      let name = model.convention.name(of: parameter.path).replacing("layer", with: "floor")
        .replacing("conv", with: "mix").replacing("bn", with: "level").replacing("fc", with: "last")
      places[name] = parameter.path
    }
    let path = folder.file("strange.safetensors")
    try model.named(by: Convention(Mapping(places: places))).write(to: path)
    return path
  }

  @Test func `a mapping that was found is shown, written and read`() throws {
    let strange = try strangelyNamed()
    let shown = try Program("inspect", strange, "--show-mapping")
    #expect(shown.status == 0)
    #expect(shown.output.contains("names by no convention: inferred"))
    #expect(shown.output.contains("\nfloor2.0.mix1.weight = stage2.0.conv1.weight\n"))
    #expect(shown.errors.contains("found by the structure"))
    let mapping = folder.file("mapping.txt")
    let written = try Program("inspect", strange, "--mapping", mapping)
    #expect(written.status == 0 && written.errors.contains("wrote the mapping to"))
    let back = folder.file("back.safetensors")
    let converted = try Program("convert", strange, back, "--mapping", mapping, "--convention", "cifar-chenyaofo")
    #expect(converted.status == 0)
    #expect(try Program("diff", digits, back, "--by-name").status == 0)
    let other = try folder.write(Array("floor1.0.mix1.weight = nowhere\n".utf8), as: "wrong.txt")
    let refused = try Program("convert", strange, folder.file("no.safetensors"), "--mapping", other)
    #expect(refused.status == 1 && refused.errors.contains("line 1 of the mapping"))
    let missing = try Program("convert", strange, folder.file("no.safetensors"), "--mapping", folder.file("none.txt"))
    #expect(missing.status == 1)
  }

  @Test func `convert writes the names of a convention`() throws {
    let output = folder.file("hf.safetensors")
    let program = try Program("convert", digits, output, "--convention", "huggingface", "--allow-different-code")
    #expect(program.status == 0)
    #expect(program.errors.contains("builds no such network itself"))
    #expect(try Program("inspect", output, "--tensors").output.contains("resnet.embedder.embedder.convolution.weight"))
    #expect(try Program("diff", digits, output).status == 0)
    let refused = try Program("convert", digits, folder.file("no.safetensors"), "--convention", "cifar-wide-resnet")
    #expect(refused.status == 1)
    #expect(refused.errors.contains("has no name for") && refused.errors.contains("timm"))
    #expect(try !folder.names.contains("no.safetensors"))
  }

  @Test func `epsilon moves the variances, and refuses what would make one negative`() throws {
    let output = folder.file("keras.safetensors")
    let program = try Program("epsilon", digits, output, "--to", "1.001e-5", "--json", "--allow-different-code")
    #expect(program.status == 0)
    let json = try Program("inspect", output, "--json").json
    #expect(json["architecture"]?["epsilon"]?.number == 1.001e-5)
    let refused = try Program("epsilon", digits, folder.file("no.safetensors"), "--to", "1000")
    #expect(refused.status == 1)
    #expect(refused.errors.contains("running_var") && refused.errors.contains("at most"))
    #expect(try folder.names == ["keras.safetensors"])
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
