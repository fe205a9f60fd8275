internal import ResectBytes
internal import ResectCheckpoints
internal import ResectHDF5
internal import ResectTensors
internal import ResectTestSupport
import Testing

/// What HDF5 files and .keras archives are as checkpoints; expected values are h5py's.
@Suite struct HDF5ContainerTests {
  private func path(_ name: String) -> String { Fixtures.path("hdf5/\(name)") }

  private func open(_ name: String) throws -> Checkpoint {
    try Checkpoint(InputFile(path: path(name)))
  }

  private func expect(_ checkpoint: Checkpoint, isWhatH5pyReadsFrom name: String) throws {
    let manifest = try JSON(parsing: contents(of: path("manifest.json")))
    let expected = try #require(manifest[name]?.members)
    #expect(Set(checkpoint.tensors.map(\.name)) == Set(expected.map(\.name)))
    for array in expected {
      let tensor = try #require(checkpoint.tensors.first { $0.name == array.name }?.tensor)
      #expect(tensor.dtype.rawValue == array.value["dtype"]?.string)
      #expect(tensor.shape.axes.map { .integer($0) } == array.value["shape"]?.elements)
      var hash = try SHA256()
      try tensor.stream { piece throws(ResectError) in hash.update(piece) }
      #expect(hash.hexadecimal() == array.value["sha256"]?.string)
    }
  }

  @Test(arguments: [
    ("model.h5", Checkpoint.Format.hdf5), ("model.weights.h5", .hdf5), ("model.keras", .keras),
    ("model.deflated.keras", .keras), ("brain_float.earliest.h5", .hdf5),
  ])
  func `tensors are named by their paths and are what h5py reads`(
    _ name: String, _ format: Checkpoint.Format
  ) throws {
    let checkpoint = try open(name)
    #expect(checkpoint.format == format)
    try expect(checkpoint, isWhatH5pyReadsFrom: name)
  }

  @Test(arguments: ["model.keras", "model.deflated.keras"])
  func `an archive gives the configuration beside the weights`(_ name: String) throws {
    let content = try #require(try open(name).hdf5)
    let configuration = try JSON(parsing: Array(try #require(content.configuration).utf8))
    #expect(configuration["class_name"]?.string == "Sequential")
    let metadata = try JSON(parsing: Array(try #require(content.archiveMetadata).utf8))
    #expect(metadata["keras_version"]?.string?.hasPrefix("3.") == true)
    #expect(try content.tensor(at: "layers/dense/vars/0")?.shape.axes == [4, 5])
    #expect(content.index.group(at: "layers/dense/vars")?["name"]?.string == "dense")
    #expect(try content.layerWeights() == nil)
  }

  @Test func `a legacy file gives its attributes, and its weights by layer`() throws {
    let checkpoint = try open("legacy.earliest.h5")
    let content = try #require(checkpoint.hdf5)
    #expect(content.configuration == #"{"class_name": "Functional"}"#)
    #expect(content.index.root["backend"]?.string == "tensorflow")
    #expect(checkpoint.metadata["keras_version"] == "2.15.0")
    let layers = try #require(try content.layerWeights())
    #expect(layers.map(\.layer) == ["conv", "relu", "dense"])
    #expect(layers.map { $0.weights.map(\.name) } == [["conv/kernel:0", "conv/bias:0"], [], ["dense/kernel:0"]])
    #expect(layers[2].weights[0].dataset.path == "model_weights/dense/dense/kernel:0")
  }

  @Test func `a legacy file of Keras 3 gives its weights by layer, too`() throws {
    let content = try #require(try open("model.h5").hdf5)
    let layers = try #require(try content.layerWeights())
    #expect(layers.filter { !$0.weights.isEmpty }.map(\.layer) == ["conv", "bn", "dense"])
    #expect(layers.map(\.weights.count).reduce(0, +) == 8)
    #expect(content.configuration?.contains("\"class_name\": \"Sequential\"") == true)
  }

  @Test func `everything that is no tensor is ignored for a reason`() throws {
    let others = try open("others.earliest.h5")
    #expect(others.tensors.map(\.name) == ["weight"])
    #expect(others.ignored.count == 10)
    #expect(others.ignored.contains(.init(name: "text", reason: "strings, no tensor")))
    let links = try open("links.earliest.h5")
    #expect(links.ignored.contains(.init(name: "b", reason: "another name of a")))
    #expect(
      links.ignored.contains(
        .init(name: "nowhere", reason: "a link to missing/one, which is not there")))
  }

  @Test(arguments: [
    ("no_numbers", ResectError.Code.unsupported, "no array of numbers"),
    ("no_weight_names", .malformed, "no weight_names"),
    ("missing_weight", .malformed, "no dataset of its layer"),
    ("text_weight", .unsupported, "found strings"),
    ("climbing_weight", .malformed, "no dataset of its layer"),
    ("external_link", .unsupported, "external link"),
  ])
  func `a file whose weights are not there is refused`(
    _ name: String, _ code: ResectError.Code, _ hint: String
  ) throws {
    let error = #expect(throws: ResectError.self) { _ = try open("refused.\(name).h5") }
    #expect(error?.code == code)
    #expect(error?.message.contains(hint) == true)
    #expect(error?.file == path("refused.\(name).h5"))
  }

  @Test func `a flipped bit of a weight in an archive is found by the archive's checksum`() throws {
    let folder = try TemporaryFolder()
    let original = try open("model.keras")
    let weight = try #require(original.tensors.first { $0.name == "layers/conv2d/vars/0" }?.tensor)
    let bytes = try weight.bytes()
    var archive = try contents(of: path("model.keras"))
    let start = try #require(archive.indices.first { archive[$0...].starts(with: bytes.prefix(64)) })
    archive[start + 5] ^= 4
    let damaged = try Checkpoint(InputFile(path: folder.write(archive, as: "model.keras")))
    for entry in damaged.tensors {
      #expect(refusal { () throws(ResectError) in try entry.tensor.bytes() } == .checksum)
    }
  }

  @Test func `there is no key to choose`() throws {
    for name in ["model.h5", "model.keras"] {
      let file = try InputFile(path: path(name))
      #expect(refusal { () throws(ResectError) in try Checkpoint(file, key: "a") } == .badArgument)
    }
  }
}
