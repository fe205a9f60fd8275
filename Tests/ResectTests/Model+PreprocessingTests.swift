import ResectGraphs
internal import Resect
internal import ResectTestSupport
import Testing

/// What a model knows of how images become its input.
@Suite struct ModelPreprocessingTests {
  private let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  private func fixture(_ name: String) -> String { Fixtures.path("checkpoints/\(name)") }
  private let digits = Fixtures.sample("digits/digits-resnet20.pth")

  @Test func `a convention says how its own code prepares images, and that it is the convention's word`() throws {
    let torchvision = try Model(contentsOf: fixture("bottleneck.zip.pth"))
    #expect(torchvision.preprocessing == .init(.torchvision, from: .convention("torchvision")))
    let akamaster = try Model(contentsOf: fixture("akamaster.stream.pth"))
    #expect(
      akamaster.preprocessing == .init(.cifarWithImageNetStatistics, from: .convention("cifar-akamaster")))
  }

  @Test(arguments: ["kuangliu.stream.pth", "chenyaofo.stream.pth"])
  func `where the classes are not those of CIFAR, nothing is guessed`(file: String) throws {
    #expect(try Model(contentsOf: fixture(file)).preprocessing == .unknown)
  }

  @Test func `where the network takes other channels, nothing is guessed`() throws {
    #expect(try Model(contentsOf: digits).preprocessing == .unknown)
  }

  @Test func `the caller's word has to fit the network's channels`() throws {
    let model = try Model(contentsOf: digits)
    #expect(refusal { () throws(ResectError) in try model.preprocessed(by: .cifar10) } == .badArgument)
    let classes = try model.split().classes
    #expect(refusal { () throws(ResectError) in try classes.preprocessed(by: .cifar10) } == .badArgument)
  }

  private func grey() throws -> Preprocessing {
    try Preprocessing(
      resize: .exact(.init(width: 8, height: 8)), scale: 1.0 / 16, channelOrder: .grey, mean: [0.5], std: [0.25])
  }

  @Test(arguments: formatsOfAnyModel)
  func `preprocessing and its source survive every format, and surgery`(format: OutputFormat) throws {
    let model = try Model(contentsOf: digits).preprocessed(by: grey())
    #expect(model.preprocessing == .init(try grey(), from: .option))
    let path = folder.file("model.\(format.fileExtensions[0])")
    try model.foldingBatchNorm().write(to: path, options: .init(allowsDifferentCode: true))
    let copy = try Model(contentsOf: path)
    #expect(copy.preprocessing == model.preprocessing)
    let halves = try copy.split()
    #expect(halves.backbone.preprocessing == model.preprocessing)
    #expect(halves.classes.preprocessing == .unknown)
    #expect(try halves.backbone.joined(with: halves.classes).preprocessing == model.preprocessing)
  }

  @Test(arguments: formatsOfAnyModel)
  func `a convention's guess stays one, and where nothing was known nothing is added`(format: OutputFormat) throws {
    for name in ["bottleneck.zip.pth", "kuangliu.stream.pth"] {
      let model = try Model(contentsOf: fixture(name))
      let path = folder.file("\(name).\(format.fileExtensions[0])")
      try model.write(to: path)
      #expect(try Model(contentsOf: path).preprocessing == model.preprocessing)
    }
  }

  @Test(arguments: [
    ("\"filter\":\"bilinear\"", "\"filter\":\"bilinaer\""), ("\"channels\":\"grey\"", "\"channels\":\"rgba\""),
    ("\"std\":[0.25]", "\"std\":[0.00]"), ("\"scale\"", "\"skale\""),
  ])
  func `a safetensors file whose preprocessing is malformed is refused`(part: String, damaged: String) throws {
    let path = folder.file("model.safetensors")
    try Model(contentsOf: digits).preprocessed(by: grey()).write(to: path)
    // Inside a string of the header, quotes are escaped.
    let (old, new) = (part.replacing("\"", with: "\\\""), damaged.replacing("\"", with: "\\\""))
    var bytes = try contents(of: path)
    let place = try #require(bytes.firstRange(of: Array(old.utf8)))
    bytes.replaceSubrange(place, with: Array(new.utf8))
    let bad = try folder.write(bytes, as: "bad.safetensors")
    let error = #expect(throws: ResectError.self) { try Model(contentsOf: bad) }
    #expect(error?.code == .malformed)
    #expect(error?.message.contains("preprocessing") == true)
    #expect(error?.file == bad)
  }

  // MARK: Naming it

  @Test func `a preset or a JSON file says the preprocessing`() throws {
    #expect(try Preprocessing(presetOrFile: "keras-caffe") == .kerasCaffe)
    let path = try folder.write(grey().json.compact, as: "grey.json")
    #expect(try Preprocessing(presetOrFile: path) == grey())
  }

  @Test func `neither preset nor file is refused with the presets' names`() throws {
    let error = #expect(throws: ResectError.self) { try Preprocessing(presetOrFile: "torchvison") }
    #expect(error?.code == .system)
    #expect(error?.advice?.text.contains("torchvision, cifar10") == true)
    let path = try folder.write(Array("{".utf8), as: "bad.json")
    #expect(throws: ResectError.self) { try Preprocessing(presetOrFile: path) }
  }

  // MARK: Into the network

  @Test(arguments: formatsOfAnyModel, [false, true])
  func `what is in the network is no longer in the preprocessing, and survives every format`(
    format: OutputFormat, folds: Bool
  ) throws {
    let model = try Model(contentsOf: fixture("bottleneck.zip.pth"))
    let normalized = try model.normalizing(folds: folds)
    #expect(normalized.preprocessing.value == Preprocessing.torchvision.withoutNormalization)
    #expect(normalized.preprocessing.source == .convention("torchvision"))
    let path = folder.file("model.\(format.fileExtensions[0])")
    let report = try normalized.write(to: path, options: .init(allowsDifferentCode: true))
    #expect(report.warnings.isEmpty == (format == .resect || folds))
    let copy = try Model(contentsOf: path)
    #expect(copy.architecture == normalized.architecture)
    #expect(copy.architecture?.inputNormalization == (folds ? nil : InputNormalization(.torchvision)))
    #expect(copy.preprocessing == normalized.preprocessing)
    #expect(copy.pastProvenance.surgeries.map { $0["surgery"]?.string } == ["normalize"])
  }

  @Test func `a network that normalises its input gets no preprocessing that does it again`() throws {
    let normalized = try Model(contentsOf: fixture("bottleneck.zip.pth")).normalizing()
    #expect(refusal { () throws(ResectError) in try normalized.preprocessed(by: .torchvision) } == .badArgument)
    #expect(refusal { () throws(ResectError) in try normalized.normalizing() } == .notApplicable)
    #expect(try normalized.preprocessed(by: .none).preprocessing.value == Preprocessing.none)
  }

  @Test func `what nobody knows cannot go into the network`() throws {
    let model = try Model(contentsOf: digits)
    let error = #expect(throws: ResectError.self) { _ = try model.normalizing() }
    #expect(error?.code == .notApplicable)
    #expect(error?.advice?.code.rawValue == "sayPreprocessing")
    let normalized = try model.preprocessed(by: grey()).normalizing()
    #expect(normalized.architecture?.inputNormalization?.channels == [0])
    #expect(normalized.preprocessing.value?.channelOrder == .grey)
    #expect(normalized.preprocessing.value?.resize == .exact(.init(width: 8, height: 8)))
  }
}
