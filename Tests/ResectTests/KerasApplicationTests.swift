internal import Resect
internal import ResectTestSupport
import Testing

/// Networks that are written for keras.applications; `Tests/Peers/test_writers.py` has real Keras load them.
@Suite struct KerasApplicationTests {
  private let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  /// A network of bottlenecks that strides and normalises as keras.applications does.
  private func model(stride: Architecture.StridePlacement = .v1, epsilon: Double = 1.001e-5) throws -> Model {
    var options = OpenOptions()
    options.network.stridePlacement = stride
    options.network.epsilon = epsilon
    return try Model(contentsOf: Fixtures.path("checkpoints/bottleneck.zip.pth"), options: options)
  }

  private func content(_ name: String) throws -> HDF5Content {
    try #require(try Checkpoint(InputFile(path: folder.file(name))).hdf5)
  }

  @Test func `layers come in the order of the application's code`() throws {
    try model().write(to: folder.file("out.h5"))
    let layers = try #require(try content("out.h5").layerWeights())
    let blocks = [2, 3].flatMap { stage in
      ["1_conv", "1_bn", "2_conv", "2_bn", "0_conv", "3_conv", "0_bn", "3_bn"].map { "conv\(stage)_block1_\($0)" }
    }
    #expect(layers.map(\.layer) == ["conv1_conv", "conv1_bn"] + blocks + ["predictions"])
    #expect(
      layers[1].weights.map(\.name).map { $0.split(separator: "/").last } == [
        "gamma:0", "beta:0", "moving_mean:0", "moving_variance:0",
      ])
  }

  /// Files of Keras, and the convention of their names.
  static let networks = [
    ("v1.keras", "keras"), ("v2.h5", "keras-v2"), ("before-2019.names.h5", "keras-legacy"),
    ("keras2-before-2019.h5", "keras-legacy"),
  ]

  @Test(arguments: networks, ["out.h5", "out.weights.h5", "out.keras"])
  func `every bit of Keras' own networks comes back, under their names and computing the same`(
    _ network: (file: String, convention: String), _ output: String
  ) throws {
    let source = Fixtures.path("keras/\(network.file)")
    let original = try Model(contentsOf: source)
    try original.write(to: folder.file(output))
    let model = try Model(contentsOf: folder.file(output))
    #expect(model.convention.name == network.convention)
    #expect(model.loading.warnings.isEmpty)
    #expect(model.architecture == original.architecture)
    let comparison = try Comparison(source, folder.file(output))
    #expect(comparison.isEqual && comparison.isByPlace)
  }

  @Test func `names that are none of Keras' are refused for its files, and its own are not`() throws {
    let model = try Model(contentsOf: Fixtures.path("keras/v1.keras"))
    let named = try model.named(by: .torchvision)
    #expect(refusal { () throws(ResectError) in try named.write(to: folder.file("a.h5")) } == .badArgument)
    // Before 2019, Keras added 1e-3 to variances.
    let older = try model.named(by: .kerasLegacy)
    #expect(refusal { () throws(ResectError) in try older.write(to: folder.file("a.h5")) } == .unsupported)
    try older.rebasingEpsilon(to: 1e-3).write(to: folder.file("a.h5"))
    #expect(try content("a.h5").layerWeights()?.first?.layer == "conv1")
    #expect(try Model(contentsOf: folder.file("a.h5")).convention.name == "keras-legacy")
  }

  @Test(arguments: ["out.h5", "out.weights.h5", "out.keras"])
  func `what Resect knows beside the weights is attributes of the root`(_ name: String) throws {
    try model().labelled(["a", "b", "c", "d", "e"]).write(to: folder.file(name))
    let metadata = try Checkpoint(InputFile(path: folder.file(name))).metadata
    #expect(metadata["resect.labels"] == #"["a","b","c","d","e"]"#)
    #expect(metadata["resect.architecture"] != nil)
  }

  @Test func `the endings say the layout`() throws {
    #expect(try OutputFormat(path: "a.h5") == .hdf5)
    #expect(try OutputFormat(path: "a.weights.h5") == .kerasWeights)
    #expect(try OutputFormat(path: "a.b.keras") == .keras)
    #expect(try OutputFormat(path: "a/b.pt") == .torch)
    for path in ["h5", "a", "a.h5/b", "a.H5", ""] {
      #expect(refusal { () throws(ResectError) in try OutputFormat(path: path) } == .badArgument)
    }
  }

  @Test func `biases that Keras wants are zeros, and a warning says so`() throws {
    let report = try model().write(to: folder.file("out.weights.h5"))
    #expect(report.warnings.contains { $0.hasPrefix("9 biases") })
    #expect(report.warnings.contains { $0.hasPrefix("9 counts of batches") })
    #expect(try content("out.weights.h5").tensor(at: "layers/conv2d/vars/1")?.doubles() == [0, 0])
  }

  @Test func `a network that the application would compute otherwise is refused, and nothing is left`() throws {
    let others = [
      try model(stride: .v15), try model(epsilon: 1e-5), try model().foldingBatchNorm(),
      try Model(contentsOf: Fixtures.path("checkpoints/akamaster.stream.pth")),
      try Model(contentsOf: Fixtures.path("checkpoints/grouped.stream.pth")),
    ]
    for other in others {
      let error = #expect(throws: ResectError.self) { try other.write(to: folder.file("out.h5")) }
      #expect(error?.code == .unsupported, "\(error.debugDescription)")
    }
    #expect(try folder.names.isEmpty)
  }

  @Test func `a backbone is an application without its top; an embedding of classes is none`() throws {
    let halves = try model().split(bias: .keep)
    let (backbone, classes) = (folder.file("b.h5"), folder.file("c.resect"))
    _ = try Model.write((halves.backbone, backbone), (halves.classes, classes))
    #expect(try content("b.h5").layerWeights()?.last?.layer == "conv3_block1_3_bn")
    let error = #expect(throws: ResectError.self) {
      _ = try Model.write((halves.backbone, folder.file("b2.h5")), (halves.classes, folder.file("c2.h5")))
    }
    #expect(error?.code == .unsupported)
    #expect(try folder.names == ["b.h5", "c.resect"])
  }

  @Test(arguments: ["out.h5", "out.weights.h5", "out.keras"])
  func `the same network gives the same bytes`(_ name: String) throws {
    var written: Set<[UInt8]> = []
    for round in 0..<3 {
      try model().write(to: folder.file("\(round).\(name)"))
      written.insert(try contents(of: folder.file("\(round).\(name)")))
    }
    #expect(written.count == 1)
  }
}
