import ResectTestSupport
import Testing

@testable import Resect

/// What is written is read again, as a program reads it that knows nothing of Resect.
@Suite struct RereadingTests {
  private let folder: TemporaryFolder
  private let digits = Fixtures.sample("digits/digits-resnet20.pth")

  init() throws { folder = try TemporaryFolder() }

  // MARK: Names and the code behind them

  @Test(arguments: ["a.pth", "a.safetensors"])
  func `a folded network is not written under names whose code has batch-norms, unless it is for other code`(
    _ name: String
  ) throws {
    let folded = try Model(contentsOf: digits).foldingBatchNorm()
    let path = folder.file(name)
    let error = #expect(throws: ResectError.self) { try folded.write(to: path) }
    #expect(error?.code == .unsupported)
    #expect(error?.advice?.text.contains("--unfold") == true)
    #expect(error?.advice?.text.contains("--allow-different-code") == true)
    #expect(try folder.names == [])
    let report = try folded.write(to: path, options: .init(allowsDifferentCode: true))
    #expect(report.warnings.contains { $0.contains("it has batch-norms, this network has none") })
    let read = try Model(contentsOf: path)
    #expect(read.loading.warnings.contains { $0.contains("the file is for other code") })
    // Who has code for that file has it for the next one, too.
    try read.write(to: folder.file("again.safetensors"))
    try read.unfoldingBatchNorm().write(to: folder.file("unfolded.pth"))
    #expect(try Model(contentsOf: folder.file("unfolded.pth")).loading.warnings.isEmpty)
  }

  @Test func `a network of Keras' v2 is not written under the names of timm's, whose code strides elsewhere`() throws {
    let model = try Model(contentsOf: Fixtures.path("keras/v2.h5")).named(by: .timmV2)
    let error = #expect(throws: ResectError.self) { try model.write(to: folder.file("a.safetensors")) }
    #expect(error?.code == .unsupported)
    #expect(error?.message.contains("strides in the first block of a stage, this network in the last") == true)
    try model.write(to: folder.file("a.resect"))
  }

  // MARK: The network, then the numbers

  @Test(arguments: [OutputFormat.resect, .safetensors, .torch])
  func `a copy is proved by its structure, a surgery by every number`(_ format: OutputFormat) throws {
    let path = folder.file("a.\(format.fileExtensions[0])")
    let plain = try Model(contentsOf: digits).write(to: path)
    #expect(plain.rereading?.tensors == 128)
    #expect(plain.rereading?.certified == nil)
    let options = WriteOptions(overwrites: true, allowsDifferentCode: true)
    let folded = try Model(contentsOf: digits).foldingBatchNorm().write(to: path, options: options)
    #expect(folded.rereading?.certified == 271_402)
    let record = try Model(contentsOf: path).pastProvenance.surgeries.first
    #expect(record?["proof"]?["certified"]?.integer == 271_402)
    let skipped = WriteOptions(overwrites: true, verification: .skip)
    #expect(try Model(contentsOf: digits).write(to: path, options: skipped).rereading == nil)
  }

  /// What reading `other`, written in `format`, says of it where `model` was to be written.
  private func fault(
    _ model: Model, _ other: Model, _ format: OutputFormat = .resect, certifies: Bool = true
  ) throws -> ResectError? {
    let path = folder.file("other.\(format.fileExtensions[0])")
    let options = WriteOptions(encoding: .store, overwrites: true, verification: .skip, allowsDifferentCode: true)
    try other.write(to: path, options: options)
    let bytes = try contents(of: path)
    let file = try OutputFile(path: folder.file("out"), overwrite: true)
    try file.write(bytes, at: 0)
    do throws(ResectError) {
      _ = try model.reread(file, format, model.storage(options, format: format), certifies: certifies)
      return nil
    } catch {
      return error
    }
  }

  @Test func `another network in the file is told by what differs`() throws {
    let network = try ResNet.random(.small(.bottleneck))
    let model = try Model(network)
    #expect(try fault(model, model) == nil)
    let v1 = try Model(ResNet.random(.small(.bottleneck, placement: .v1)))
    #expect(try fault(model, v1)?.message.contains("stridePlacement is \"v1\", not \"v1.5\"") == true)
    let deeper = try Model(ResNet.random(.small(.bottleneck, depths: [2, 2])))
    #expect(try fault(model, deeper)?.code == .notProved)
  }

  @Test(arguments: [OutputFormat.resect, .safetensors, .torch])
  func `a weight that is off by one unit is found, and named`(_ format: OutputFormat) throws {
    let model = try Model(contentsOf: digits)
    var network = try model.network
    let weight = network.stages[1][0].units[0].convolution.weight
    var values = try weight.floats()
    values[77] = values[77].nextUp
    network.stages[1][0].units[0].convolution.weight = try LazyTensor(
      values: values.map(Double.init), shape: weight.shape, dtype: .float32)
    let other = try Model(network).named(by: model.convention)
    let error = try #require(try fault(model, other, format))
    #expect(error.code == .notProved)
    #expect(error.tensor == "layer2.0.conv1.weight")
    #expect(error.message.contains("1 of 4608 elements") && error.message.contains("the first at 77"))
  }

  @Test func `small tensors are compared even where nothing was computed`() throws {
    let model = try Model(contentsOf: digits)
    var network = try model.network
    let bias = try #require(network.head[0].bias)
    network.head[0].bias = LazyTensor(values: try bias.doubles().map { $0 + 1 }, dtype: .float32)
    let other = try Model(network).named(by: model.convention)
    #expect(try fault(model, other, .safetensors, certifies: false)?.tensor == "fc.bias")
  }

  @Test(arguments: BiasTreatment.allCases, ["resect", "safetensors", "pth"])
  func `both halves of a split are read again and joined`(_ bias: BiasTreatment, _ ending: String) throws {
    let (backbone, classes) = try Model(contentsOf: digits).split(bias: bias)
    let paths = (folder.file("b.\(ending)"), folder.file("c.\(ending)"))
    let options = WriteOptions(allowsDifferentCode: true)
    let reports = try Model.write((backbone, paths.0), (classes, paths.1), options: options)
    #expect(reports.first.rereading?.certified != nil && reports.second.rereading?.certified != nil)
    _ = try Model(contentsOf: paths.0).joined(with: Model(contentsOf: paths.1))
  }

  @Test func `halves that are none are refused`() throws {
    let (backbone, _) = try Model(contentsOf: digits).split()
    try backbone.write(to: folder.file("b.resect"))
    let bytes = try contents(of: folder.file("b.resect"))
    let one = try OutputFile(path: folder.file("one"), overwrite: true)
    let other = try OutputFile(path: folder.file("other"), overwrite: true)
    try one.write(bytes, at: 0)
    try other.write(bytes, at: 0)
    let error = #expect(throws: ResectError.self) { try backbone.checkJoining(one, other) }
    #expect(error?.code == .notProved)
  }
}
