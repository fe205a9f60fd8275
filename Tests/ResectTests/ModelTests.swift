internal import Foundation
internal import Resect
internal import ResectTestSupport
import Testing

/// The formats that hold every model; those of Keras hold what keras.applications has.
let formatsOfAnyModel: [OutputFormat] = [.resect, .safetensors, .torch]

/// The façade, on files that real torch wrote.
@Suite struct ModelTests {
  private let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  private func fixture(_ name: String) -> String { Fixtures.path("checkpoints/\(name)") }

  @Test(arguments: [
    ("bottleneck.zip.pth", "torchvision"), ("bottleneck.stream.pth", "torchvision"),
    ("bottleneck.tar.pth", "torchvision"), ("bottleneck.safetensors", "torchvision"),
    ("akamaster.stream.pth", "cifar-akamaster"), ("kuangliu.stream.pth", "cifar-kuangliu"),
    ("chenyaofo.stream.pth", "cifar-chenyaofo"), ("script.script.pt", "torchvision"),
    ("training.zip.pth", "torchvision"),
  ])
  func `the convention of each family is found`(_ file: String, _ convention: String) throws {
    let model = try Model(contentsOf: fixture(file))
    #expect(model.convention.name == convention)
    #expect(model.classCount == 5)
  }

  @Test func `the sample is a ResNet-20 for grey digits`() throws {
    let model = try Model(contentsOf: Fixtures.sample("digits/digits-resnet20.pth"))
    let architecture = try #require(model.architecture)
    #expect(architecture.name == "cifar-resnet20")
    #expect(architecture.inputChannels == 1)
    #expect(try model.network.parameterCount == 272_186)
  }

  @Test func `a whole module says epsilon and strides itself`() throws {
    let v15 = try Model(contentsOf: fixture("module.zip.pth")).architecture
    #expect(v15?.epsilon == .init(1e-3, from: .module))
    #expect(v15?.stridePlacement == .init(.v15, from: .module))
    let v1 = try Model(contentsOf: fixture("module_v1.stream.pth")).architecture
    #expect(v1?.stridePlacement == .init(.v1, from: .module))
  }

  @Test func `the caller's word is over the file's`() throws {
    var options = OpenOptions()
    options.network.epsilon = 0.5
    options.network.stridePlacement = .v1
    let architecture = try Model(contentsOf: fixture("module.zip.pth"), options: options).architecture
    #expect(architecture?.epsilon == .init(0.5, from: .option))
    #expect(architecture?.stridePlacement == .init(.v1, from: .option))
  }

  @Test(arguments: formatsOfAnyModel)
  func `what weights cannot tell survives every format`(_ format: OutputFormat) throws {
    let module = try Model(contentsOf: fixture("module_v1.stream.pth"))
    let path = folder.file("copy.\(format.fileExtensions[0])")
    try module.write(to: path)
    let copy = try Model(contentsOf: path)
    #expect(copy.architecture == module.architecture)
    #expect(copy.convention.name == module.convention.name)
    #expect(try Comparison(fixture("module_v1.stream.pth"), path).isEqual)
  }

  @Test(arguments: formatsOfAnyModel)
  func `labels and the record of surgeries survive every format`(_ format: OutputFormat) throws {
    let labels = ["a", "b\n", "c\"", "d\u{0}", "ü"]
    let model = try Model(contentsOf: fixture("bottleneck.zip.pth")).labelled(labels)
      .foldingBatchNorm().droppingClassifierBias()
    let path = folder.file("copy.\(format.fileExtensions[0])")
    try model.write(to: path, options: .init(allowsDifferentCode: true))
    let copy = try Model(contentsOf: path)
    #expect(copy.labels == labels)
    #expect(
      copy.pastProvenance.surgeries.map { $0["surgery"]?.string } == ["fold-bn", "drop-fc-bias"])
    #expect(copy.architecture?.normalization == Architecture.Normalization.none)
  }

  @Test func `a native file knows its source by name, format and digest`() throws {
    let path = folder.file("copy.resect")
    let source = fixture("bottleneck.zip.pth")
    let report = try Model(contentsOf: source).write(to: path)
    let sha256 = try shellDigest(of: source)
    #expect(report.digests == [sha256])
    #expect(
      try Model(contentsOf: path).pastProvenance.sources
        == [.init(name: "bottleneck.zip.pth", format: "torch-zip", sha256: sha256)])
  }

  @Test(arguments: ["a.resect", "a.safetensors", "a.pth"])
  func `the same input gives the same bytes`(_ name: String) throws {
    let model = try Model(contentsOf: Fixtures.sample("digits/digits-resnet20.pth"))
      .foldingBatchNorm()
    var written: Set<[UInt8]> = []
    for round in 0..<4 {
      let path = folder.file("\(round)-\(name)")
      try model.write(to: path, options: .init(dtype: .float16, allowsDifferentCode: true))
      written.insert(try contents(of: path))
    }
    #expect(written.count == 1)
  }

  @Test(arguments: [BiasTreatment.keep, .feature], formatsOfAnyModel)
  func `joining what was split gives every bit back`(
    _ bias: BiasTreatment, _ format: OutputFormat
  ) throws {
    let source = fixture("bottleneck.zip.pth")
    let halves = try Model(contentsOf: source).labelled(["a", "b", "c", "d", "e"]).split(bias: bias)
    let (backbone, classes) = (
      folder.file("b.\(format.fileExtensions[0])"), folder.file("c.\(format.fileExtensions[0])")
    )
    // No framework's features end in a constant 1.
    let options = WriteOptions(allowsDifferentCode: bias == .feature)
    _ = try Model.write((halves.backbone, backbone), (halves.classes, classes), options: options)
    let joined = folder.file("joined.safetensors")
    let opened = try Model(contentsOf: classes)
    #expect(try opened.classes.classes == 5)
    #expect(try opened.classes.features == (bias == .feature ? 17 : 16))
    #expect(opened.labels == ["a", "b", "c", "d", "e"])
    try Model(contentsOf: backbone).joined(with: opened).write(to: joined)
    let comparison = try Comparison(source, joined)
    #expect(comparison.rows.allSatisfy { $0.difference == .none })
    #expect(comparison.facts.filter(\.isDecisive).allSatisfy { $0.name.hasPrefix("labels") })
    #expect(try Model(contentsOf: joined).labels == ["a", "b", "c", "d", "e"])
    #expect(
      try Model(contentsOf: joined).architecture == Model(contentsOf: source).architecture)
  }

  @Test func `a head of several layers has no single class embedding`() throws {
    let model = try Model(contentsOf: fixture("mlp_head.stream.pth"))
    let error = #expect(throws: ResectError.self) { _ = try model.split() }
    #expect(error?.code == .notApplicable)
    #expect(error?.message.contains("single class embedding") == true)
    // Batch-norms fold all the same.
    #expect(try model.foldingBatchNorm().architecture?.normalization == Architecture.Normalization.none)
  }

  @Test func `folding twice says that there is nothing to fold`() throws {
    let folded = try Model(contentsOf: fixture("basic.stream.pth")).foldingBatchNorm()
    let again = try folded.foldingBatchNorm()
    #expect(again.surgeries.last?.summary.contains("nothing to fold") == true)
    #expect(again.architecture == folded.architecture)
  }

  @Test func `errors of a surgery name the tensor as the file does`() throws {
    let error = #expect(throws: ResectError.self) {
      _ = try Model(contentsOf: fixture("norm_without_statistics.stream.pth")).foldingBatchNorm()
    }
    #expect(error?.code == .notApplicable)
    #expect(error?.file == fixture("norm_without_statistics.stream.pth"))
  }

  @Test func `weights are stored as asked, vectors as float32`() throws {
    let path = folder.file("half.resect")
    try Model(contentsOf: fixture("bottleneck.zip.pth")).foldingBatchNorm()
      .write(to: path, options: .init(dtype: .bfloat16))
    for parameter in try Model(contentsOf: path).network.parameters {
      let expected: DType = parameter.tensor.shape.rank > 1 ? .bfloat16 : .float32
      #expect(parameter.tensor.dtype == expected, "\(parameter.path)")
    }
  }

  @Test func `a mapped tensor is used in place by several tasks at once`() async throws {
    let path = folder.file("model.resect")
    let source = try Model(contentsOf: fixture("bottleneck.zip.pth"))
    try source.write(to: path)
    let model = try Model(contentsOf: path)
    let expected = try source.network.parameters.map { try $0.tensor.bytes() }
    try await withThrowingTaskGroup(of: [[UInt8]].self) { group in
      for _ in 0..<8 {
        group.addTask {
          try model.network.parameters.map { parameter in
            try parameter.tensor.withBytes { span in
              (0..<span.byteCount).map { unsafe span.unsafeLoad(fromByteOffset: $0, as: UInt8.self) }
            }
          }
        }
      }
      for try await bytes in group { #expect(bytes == expected) }
    }
  }

  @Test func `labels have to be as many as the classes`() throws {
    let model = try Model(contentsOf: fixture("bottleneck.zip.pth"))
    let error = #expect(throws: ResectError.self) { _ = try model.labelled(["only one"]) }
    #expect(error?.code == .badArgument)
    #expect(throws: ResectError.self) { _ = try model.split().backbone.labelled(["a"]) }
  }

  @Test func `a name that promises another digest is a warning that names both`() throws {
    let bytes = try contents(of: fixture("bottleneck.zip.pth"))
    let digest = try shellDigest(of: fixture("bottleneck.zip.pth"))
    let right = try folder.write(bytes, as: "resnet-\(digest.prefix(8)).pth")
    let wrong = try folder.write(bytes, as: "resnet-0123abcd.pth")
    #expect(try Inspection(path: right).digest().warning == nil)
    let warning = try #require(try Inspection(path: wrong).digest().warning)
    #expect(warning.contains("0123abcd") && warning.contains(digest))
    let report = try Model(contentsOf: wrong).write(to: folder.file("a.resect"))
    #expect(report.warnings == [warning])
  }

  @Test func `damage that a checksum finds leaves no output`() throws {
    var bytes = try contents(of: fixture("bottleneck.zip.pth"))
    let weight = try Model(contentsOf: fixture("bottleneck.zip.pth")).network.stem.convolution.weight
    let needle = try weight.bytes()
    let position = try #require(
      bytes.indices.first { bytes[$0...].starts(with: needle) })
    bytes[position + 5] ^= 0x10
    let path = try folder.write(bytes, as: "damaged.pth")
    let error = #expect(throws: ResectError.self) {
      try Model(contentsOf: path).write(to: folder.file("out.resect"))
    }
    #expect(error?.code == .checksum)
    #expect(error?.tensor == "conv1.weight")
    #expect(try folder.names == ["damaged.pth"])
  }

  @Test func `the output may not be the input`() throws {
    let path = folder.file("model.safetensors")
    try Model(contentsOf: fixture("bottleneck.zip.pth")).write(to: path)
    let before = try contents(of: path)
    let error = #expect(throws: ResectError.self) {
      try Model(contentsOf: path).write(to: path, options: .init(overwrites: true))
    }
    #expect(error?.code == .outputExists)
    #expect(try contents(of: path) == before)
  }

  /// The digest by a program of somebody else's.
  private func shellDigest(of path: String) throws -> String {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = ["sha256sum", path]
    let pipe = Pipe()
    process.standardOutput = pipe
    try process.run()
    let output = pipe.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    return String(String(decoding: output, as: UTF8.self).prefix(64))
  }
}
