internal import Resect
internal import ResectTestSupport
import Testing

/// What a user can rely on of the commands that run networks. The expected digits are the names of the files.
@Suite struct RunningCommandTests {
  private let folder: TemporaryFolder
  private let digits = Fixtures.sample("digits/digits-resnet20.pth")
  private let labels = Fixtures.sample("digits/labels.txt")
  private let preprocessing = Fixtures.sample("digits/preprocessing.json")
  private let images = Fixtures.sample("digits/images")

  init() throws { folder = try TemporaryFolder() }

  /// The sample as a complete model: folded, labelled, with its preprocessing.
  private func exported(_ flags: String...) throws -> String {
    let path = folder.file("digits.resect")
    let arguments = ["export", digits, path, "--labels", labels, "--preprocessing", preprocessing, "--force"]
    #expect(try Program(list: arguments + flags).status == 0)
    return path
  }

  /// Writes a NumPy array of float32.
  private func array(_ values: [Float], _ shape: [Int], as name: String) throws -> String {
    let file = try OutputFile(path: folder.file(name), overwrite: true)
    try writeNumPy(values, shape: try Shape(shape), to: file)
    _ = try file.committed()
    return folder.file(name)
  }

  private func predictions(_ program: Program) throws -> [(name: String, label: String?)] {
    try #require(program.json.elements).map { image in
      let name = String(image["image"]?.string?.split(separator: "/").last?.split(separator: "-").first ?? "")
      return (name, image["predictions"]?.elements?.first?["label"]?.string)
    }
  }

  @Test(arguments: ["f32", "bf16", "int8"])
  func `classify reads the sample's digits`(_ dtype: String) throws {
    let program = try Program("classify", try exported("--fold-bn"), images, "--json", "--dtype", dtype)
    #expect(program.status == 0)
    let found = try predictions(program)
    #expect(found.count == 12)
    for image in found { #expect(image.label == image.name) }
  }

  /// Of the 300 digits that the network never saw, it reads 297 in float32.
  @Test(arguments: ["probes", "statistics", "images"])
  func `8-bit integers read as many held-out digits as float32 does, wherever their ranges come from`(_ source: String)
    throws
  {
    let program = try Program(
      "classify", digits, Fixtures.sample("digits/heldout"), "--json", "--top", "1", "--dtype", "int8", "--labels",
      labels,
      "--preprocessing", preprocessing, "--calibrate", source == "images" ? images : source)
    #expect(program.status == 0)
    let found = try predictions(program)
    #expect(found.count == 300)
    #expect(found.count { $0.label == $0.name } == 297)
  }

  @Test(arguments: ["", "probes", "images"])
  func `a file of 8-bit integers classifies in them, and says so`(_ source: String) throws {
    let calibration = source.isEmpty ? [] : ["--calibrate", source == "images" ? images : source]
    let path = folder.file("digits.resect")
    let program = try Program(
      list: [
        "export", digits, path, "--labels", labels, "--preprocessing", preprocessing, "--fold-bn", "--dtype", "int8",
      ] + calibration)
    #expect(program.status == 0)
    #expect(program.output.contains(" % of the largest logit (allowed 25 %)"))
    #expect(program.output.contains("top-1 the same on 4 of 4 probes"))
    for flags in [[], ["--dtype", "f32"]] {
      let found = try predictions(Program(list: ["classify", path, images, "--json"] + flags))
      #expect(found.count == 12)
      for image in found { #expect(image.label == image.name) }
    }
    let inspected = try Program("inspect", path).output
    #expect(inspected.contains("8-bit weights, with the ranges of 22 activations from"))
    #expect(try Program("inspect", path, "--json").json["calibration"]?["ranges"]?.members?.count == 22)
    let verified = try Program("verify", digits, path, "--images", images, "--preprocessing", preprocessing)
    #expect(verified.status == 0)
  }

  @Test(arguments: ["probes", "statistics", "images"])
  func `the halves of a split run in 8-bit integers`(_ source: String) throws {
    let (backbone, classes) = (folder.file("b.resect"), folder.file("c.resect"))
    #expect(
      try Program(
        "split", digits, "--backbone", backbone, "--classes", classes, "--labels", labels, "--preprocessing",
        preprocessing
      ).status == 0)
    let program = try Program(
      "classify", "--backbone", backbone, "--classes", classes, images, "--json", "--dtype", "int8", "--calibrate",
      source == "images" ? images : source)
    #expect(program.status == 0)
    for image in try predictions(program) { #expect(image.label == image.name) }
  }

  @Test func `8-bit integers are stored by export alone, folded, and ranges are for them`() throws {
    let output = folder.file("out.resect")
    let unfolded = try Program("export", digits, output, "--dtype", "int8")
    #expect(unfolded.status == 1)
    #expect(unfolded.errors.contains("--fold-bn folds them"))
    for arguments in [
      ["fold-bn", digits, output, "--dtype", "int8"], ["convert", digits, output, "--dtype", "int8"],
      ["split", digits, "--backbone", output, "--classes", folder.file("c.resect"), "--dtype", "int8"],
      ["export", digits, output, "--fold-bn", "--calibrate", "probes"],
      ["export", digits, output, "--fold-bn", "--dtype", "int8", "--quality", "good"],
    ] {
      #expect(try Program(list: arguments).status == 64, "\(arguments)")
    }
    #expect(try filesInFolder(folder.path).isEmpty)
  }

  @Test func `ranges are asked for where there are none, and only for 8-bit integers`() throws {
    let folded = try Program(
      "classify", try exported("--fold-bn"), images, "--dtype", "int8", "--calibrate", "statistics")
    #expect(folded.status == 1)
    #expect(folded.errors.contains("the network has no batch-norms that tell the ranges of its activations"))
    #expect(try Program("classify", digits, images, "--calibrate", images).status == 64)
  }

  @Test func `the halves of a split classify as the whole does, to the bit`() throws {
    let (backbone, classes) = (folder.file("b.resect"), folder.file("c.resect"))
    let whole = try exported()
    #expect(try Program("split", whole, "--backbone", backbone, "--classes", classes, "--bias", "feature").status == 0)
    let joined = try Program("classify", whole, images, "--json")
    let halves = try Program("classify", "--backbone", backbone, "--classes", classes, images, "--json")
    #expect(halves.status == 0)
    #expect(halves.output == joined.output)
  }

  @Test func `embed writes a row of features for each image, and their names`() throws {
    let output = folder.file("features.npy")
    let program = try Program("embed", try exported(), images, "-o", output)
    #expect(program.status == 0)
    let tensor = try NumPyArray(contentsOf: output).tensor
    #expect(tensor.shape.axes == [12, 64])
    let names = String(decoding: try contents(of: folder.file("features.txt")), as: UTF8.self)
    #expect(names.split(separator: "\n").count == 12)
    #expect(names.hasPrefix("\(images)/eight-1468.png\n"))
  }

  @Test func `a network without preprocessing asks for it`() throws {
    let program = try Program("classify", digits, images)
    #expect(program.status == 1)
    #expect(program.errors.contains("how images become this network's input is unknown"))
    #expect(program.errors.contains("--preprocessing"))
  }

  @Test func `run compares with what is expected, and fails where it differs`() throws {
    let input = try array((0..<2 * 1024).map { Float($0 % 19) / 9 - 1 }, [2, 1, 32, 32], as: "x.npy")
    let output = folder.file("y.npy")
    #expect(try Program("run", digits, "--input", input, "--output", output).status == 0)
    #expect(try NumPyArray(contentsOf: output).tensor.shape.axes == [2, 10])
    let same = try Program("run", digits, "--input", input, "--expect", output, "--reference", "--json")
    #expect(same.status == 0)
    #expect(try #require(same.json["max_error"]?.number) <= 1e-4)
    let other = try array([Float](repeating: 0, count: 20), [2, 10], as: "other.npy")
    let differs = try Program("run", digits, "--input", input, "--expect", other)
    #expect(differs.status == 1)
    #expect(differs.output.contains("more than"))
    let timed = try Program("run", digits, "--input", input, "--bench", "3", "--json")
    #expect(try timed.json["times_ms"]?.elements?.count == 3)
    #expect(try timed.json["cpu_ms"]?.elements?.count == 3)
  }

  @Test func `input that does not fit is one line and exit 1`() throws {
    let inputs = [
      try array([Float](repeating: 0, count: 3 * 1024), [1, 3, 32, 32], as: "channels.npy"),
      try array([Float](repeating: 0, count: 1024), [1, 32, 32], as: "axes.npy"),
      try array([], [0, 1, 32, 32], as: "empty.npy"),
      try folder.write(Array("\u{93}NUMPY".utf8), as: "cut.npy"),
      Fixtures.sample("digits/labels.txt"), folder.file("missing.npy"),
    ]
    for input in inputs {
      let program = try Program("run", digits, "--input", input)
      #expect(program.status == 1, "\(input)")
      #expect(program.errors.split(separator: "\n").count == 1, "\(program.errors)")
      #expect(program.output.isEmpty)
    }
    let image = try folder.write(Array("no image".utf8), as: "bad.png")
    let program = try Program("classify", try exported(), image)
    #expect(program.status == 1)
    #expect(program.errors.split(separator: "\n").count == 1 && program.errors.contains("bad.png"))
  }

  @Test func `an empty array whose other axes overflow is refused, however often it is to be repeated`() throws {
    let header = "{'descr': '<f4', 'fortran_order': False, 'shape': (0, 4611686018427387904, 4, 4), }"
    let padded = header + String(repeating: " ", count: 117 - header.utf8.count) + "\n"
    let bytes = [0x93] + Array("NUMPY".utf8) + [1, 0, UInt8(padded.utf8.count), 0] + Array(padded.utf8)
    let input = try folder.write(bytes, as: "overflow.npy")
    for repetition in [[], ["--batch", "2"]] {
      let program = try Program(list: ["run", digits, "--input", input] + repetition)
      #expect(program.status == 1)
      #expect(program.errors.contains("the array is empty") && program.errors.split(separator: "\n").count == 1)
    }
  }

  @Test func `verify agrees with a folded copy, and not with a network of other weights`() throws {
    let folded = folder.file("folded.resect")
    #expect(try Program("fold-bn", digits, folded).status == 0)
    let same = try Program("verify", digits, folded, "--json")
    #expect(same.status == 0)
    #expect(try same.json["topOne"]?.number == 1)
    let other = folder.file("other.resect")
    #expect(try Program("head", digits, other, "--replace", "10", "--seed", "3").status == 0)
    let differs = try Program("verify", digits, other, "--json")
    #expect(differs.status == 1)
    #expect(try differs.json["agrees"]?.bool == false)
    let fewer = folder.file("fewer.resect")
    #expect(try Program("head", digits, fewer, "--keep", "0,3").status == 0)
    let incomparable = try Program("verify", digits, fewer)
    #expect(incomparable.status == 1)
    #expect(incomparable.errors.contains("one gives 10 logits, the other 2"))
  }

  @Test func `what is said of one model is not meant of the other, and verify is the same both ways`() throws {
    // Such names belong to code whose eps is another one.
    let rebased = folder.file("rebased.safetensors")
    #expect(try Program("epsilon", digits, rebased, "--to", "1e-3", "--allow-different-code").status == 0)
    func verified(_ arguments: String...) throws -> Program { try Program(list: ["verify"] + arguments + ["--json"]) }
    let (there, back) = (try verified(digits, rebased), try verified(rebased, digits))
    #expect(there.status == 0)
    #expect(there.output == back.output)
    // The other's own eps stays.
    #expect(try verified(digits, rebased, "--epsilon", "1e-5").status == 0)
    #expect(try verified(rebased, digits, "--epsilon-b", "1e-5").status == 0)
    let (first, second) = (
      try verified(digits, rebased, "--epsilon", "1"), try verified(rebased, digits, "--epsilon-b", "1")
    )
    #expect(first.status == 1)
    #expect(first.output == second.output)
    #expect(try Program("verify", digits, digits, "--epsilon-b=-1").errors.contains("--epsilon-b has to be"))
  }

  @Test(arguments: [[], ["--tolerance", "inf"]])
  func `logits that are not finite agree with nothing`(_ flags: [String]) throws {
    // Weights of more than the square root of float32's largest number: products overflow.
    let model = try Model(contentsOf: digits)
    let huge = folder.file("huge.safetensors")
    let file = try OutputFile(path: huge, overwrite: false)
    let tensors = try model.network.parameters.map { parameter in
      let isScaled = parameter.path.module == .classifier(layer: nil) && parameter.path.kind == .weight
      let values = try parameter.tensor.doubles().map { isScaled ? $0.sign == .minus ? -3e38 : 3e38 : $0 }
      let tensor = try LazyTensor(values: values, dtype: .float32).reshaped(parameter.tensor.shape.axes)
      return OutputTensor(name: model.convention.name(of: parameter.path), tensor: tensor, dtype: .float32)
    }
    try writeSafetensors(tensors, metadata: [], to: file)
    _ = try file.committed()
    for (one, other) in [(huge, huge), (digits, huge), (huge, digits)] {
      let program = try Program(list: ["verify", one, other] + flags)
      #expect(program.status == 1)
      #expect(program.output.isEmpty)
      #expect(program.errors.contains("huge.safetensors: the network's logits are not finite"))
    }
  }

  @Test func `verify gives a network that normalises pixels itself the pixels, and others what they take`() throws {
    let plain = try exported("--fold-bn")
    let normalizing = folder.file("normalizing.resect")
    #expect(try Program("normalize", plain, normalizing).status == 0)
    for (first, second) in [(plain, normalizing), (normalizing, plain), (digits, plain), (plain, digits)] {
      for inputs in [[], ["--images", images]] {
        let program = try Program(list: ["verify", first, second, "--json"] + inputs)
        #expect(program.status == 0, "\(first) \(second) \(inputs)")
        #expect(try program.json["topOne"]?.number == 1)
      }
    }
    for first in [digits, normalizing] {
      let unknown = try Program("verify", first, digits, "--images", images)
      #expect(unknown.status == 1 && unknown.errors.contains("how images become this network's input is unknown"))
    }
  }

  @Test func `a surgery that moves the logits too far leaves no output`() throws {
    let output = folder.file("narrow.resect")
    let refused = try Program("export", digits, output, "--fold-bn", "--dtype", "bf16", "--tolerance", "1e-7")
    #expect(refused.status == 1)
    #expect(refused.errors.contains("not proved: the logits differ by"))
    #expect(try folder.names.isEmpty)
    #expect(try Program("export", digits, output, "--fold-bn", "--dtype", "bf16").status == 0)
  }

  @Test func `the proof stands in the file, or that there was none`() throws {
    let proved = try exported("--fold-bn")
    let record = try #require(Program("inspect", proved, "--json").json["provenance"]?["surgeries"]?.elements?.first)
    #expect(record["proof"]?["probes"]?.integer == 4)
    #expect(try #require(record["proof"]?["largestDifference"]?.number) < 1e-3)
    let skipped = try exported("--fold-bn", "--no-verify")
    let silent = try Program("inspect", skipped, "--json").json["provenance"]?["surgeries"]?.elements?.first
    #expect(silent?["proof"]?.string == "skipped")
  }
}
