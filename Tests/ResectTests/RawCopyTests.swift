internal import Resect
internal import ResectTestSupport
import Testing

/// Copying the tensors of any model.
@Suite struct RawCopyTests {
  @Test(
    arguments: ["layouts.zip.pth", "dtypes_recent.recent.pth", "module.zip.pth", "mlp_head.stream.pth"],
    ["safetensors", "pth", "h5"])
  func `every tensor arrives under its own name, to the bit`(_ name: String, _ ending: String) throws {
    // HDF5 has no float8.
    if name.hasPrefix("dtypes"), ending == "h5" { return }
    let folder = try TemporaryFolder()
    let source = Fixtures.path("checkpoints/\(name)")
    let copy = folder.file("copy.\(ending)")
    let result = try copyTensors(from: source, to: copy)
    let before = try Checkpoint(InputFile(path: source)).tensors
    let after = try Checkpoint(InputFile(path: copy)).tensors
    #expect(result.tensors == before.count)
    let copies = Dictionary(after.map { ($0.name, $0.tensor) }, uniquingKeysWith: { a, _ in a })
    #expect(copies.count == before.count)
    for entry in before {
      let copied = try #require(copies[entry.name])
      #expect(copied.dtype == entry.tensor.dtype)
      #expect(copied.shape == entry.tensor.shape)
      #expect(try copied.bytes() == entry.tensor.bytes())
    }
  }

  @Test(arguments: ["model.h5", "model.weights.h5", "model.keras", "legacy.earliest.h5"])
  func `a file of Keras keeps its groups, attributes and configuration`(_ name: String) throws {
    let folder = try TemporaryFolder()
    let copy = folder.file("copy.\(name.split(separator: ".").last ?? "")")
    let result = try copyTensors(from: Fixtures.path("hdf5/\(name)"), to: copy)
    #expect(result.ignored.isEmpty)
    let before = try #require(try Checkpoint(InputFile(path: Fixtures.path("hdf5/\(name)"))).hdf5)
    let after = try #require(try Checkpoint(InputFile(path: copy)).hdf5)
    #expect(after.configuration == before.configuration)
    #expect(after.archiveMetadata == before.archiveMetadata)
    // Groups and their attributes come by name.
    #expect(Set(after.index.groups) == Set(before.index.groups))
    #expect(Set(after.index.datasets.map(\.path)) == Set(before.index.datasets.map(\.path)))
    for dataset in before.index.datasets {
      #expect(after.index.dataset(at: dataset.path)?.attributes == dataset.attributes)
      #expect(try after.tensor(at: dataset.path)?.bytes() == before.tensor(at: dataset.path)?.bytes())
    }
  }

  @Test func `a dataset is not called bfloat16 once it is another dtype`() throws {
    let folder = try TemporaryFolder()
    let kernel = LazyTensor(values: [1, -2], dtype: .bfloat16)
    var tree = HDF5Tree()
    try tree.add(OutputTensor(name: "x", tensor: kernel, dtype: .bfloat16))
    let file = try OutputFile(path: folder.file("in.h5"), overwrite: false)
    try writeHDF5(tree, to: file)
    _ = try file.committed()
    for dtype in [DType.float64, nil] {
      try copyTensors(
        from: folder.file("in.h5"), to: folder.file("out.h5"), options: .init(dtype: dtype, overwrites: true))
      let copy = try #require(try Checkpoint(InputFile(path: folder.file("out.h5"))).hdf5)
      #expect(copy.index.dataset(at: "x")?["dtype"] == (dtype == nil ? .string("bfloat16") : nil))
      #expect(try copy.tensor(at: "x")?.dtype == dtype ?? .bfloat16)
      #expect(try copy.tensor(at: "x")?.doubles() == [1, -2])
    }
  }

  @Test func `only an archive of Keras becomes one`() throws {
    let folder = try TemporaryFolder()
    let error = #expect(throws: ResectError.self) {
      _ = try copyTensors(from: Fixtures.path("hdf5/model.h5"), to: folder.file("copy.keras"))
    }
    #expect(error?.code == .badArgument)
    #expect(try folder.names.isEmpty)
  }

  @Test func `a native file holds no other tensors than a ResNet's`() throws {
    let folder = try TemporaryFolder()
    let error = #expect(throws: ResectError.self) {
      _ = try copyTensors(
        from: Fixtures.path("checkpoints/layouts.zip.pth"), to: folder.file("copy.resect"))
    }
    #expect(error?.code == .badArgument)
    #expect(try folder.names.isEmpty)
  }
}
