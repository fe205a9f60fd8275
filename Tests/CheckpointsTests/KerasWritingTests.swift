internal import ResectBytes
internal import ResectCheckpoints
internal import ResectHDF5
internal import ResectTensors
internal import ResectTestSupport
import Testing

/// Files of weights in Keras' layouts; `Tests/Peers/test_writers.py` has real Keras load them.
@Suite struct KerasWritingTests {
  private let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  private func weight(_ name: String, _ values: [Double]) -> OutputTensor {
    .init(name: name, tensor: LazyTensor(values: values, dtype: .float32), dtype: .float32)
  }

  private var layers: [KerasLayerWeights] {
    [
      .init(name: "stem", layerClass: .convolution, weights: [weight("kernel", [1]), weight("bias", [2])]),
      .init(name: "norm", layerClass: .batchNormalization, weights: [weight("gamma", [3])]),
      .init(name: "shortcut", layerClass: .convolution, weights: [weight("kernel", [4])]),
      .init(name: "top", layerClass: .dense, weights: [weight("kernel", [5])]),
      .init(name: "bare", layerClass: .batchNormalization, weights: []),
    ]
  }

  private func open(_ tree: HDF5Tree) throws -> HDF5Content {
    let path = folder.file("out.h5")
    let file = try OutputFile(path: path, overwrite: true)
    try writeHDF5(tree, to: file)
    _ = try file.committed()
    return try #require(try Checkpoint(InputFile(path: path)).hdf5)
  }

  @Test func `a legacy file lists layers and weights in order`() throws {
    let content = try open(HDF5Tree(legacyKeras: layers))
    let read = try #require(try content.layerWeights())
    #expect(read.map(\.layer) == layers.map(\.name))
    #expect(
      read.map { $0.weights.map(\.name) } == [
        ["stem/kernel:0", "stem/bias:0"], ["norm/gamma:0"], ["shortcut/kernel:0"], ["top/kernel:0"], [],
      ])
    #expect(try content.tensor(at: "stem/stem/bias:0")?.doubles() == [2])
    #expect(content.index.root["backend"]?.string == "tensorflow")
    #expect(content.index.root["keras_version"] != nil)
  }

  @Test func `lists that are too large for one attribute are divided as Keras divides them`() throws {
    let many = (0..<3000).map {
      KerasLayerWeights(
        name: "layer_with_a_long_name_and_a_number_\($0)", layerClass: .convolution,
        weights: $0 == 0 ? [weight("kernel", [1])] : [])
    }
    let content = try open(HDF5Tree(legacyKeras: many))
    #expect(content.index.root["layer_names"] == nil)
    #expect(content.index.root["layer_names1"] != nil)
    #expect(try content.layerWeights()?.map(\.layer) == many.map(\.name))
  }

  @Test func `a layer that is named twice is refused`() throws {
    var tree = HDF5Tree()
    try tree.add(.init("layer_names", .fixedStrings(["a", "a"])))
    try tree.add(.init("weight_names", .numbers([])), to: "a")
    try tree.add(OutputTensor(name: "a/b", tensor: LazyTensor(values: [1], dtype: .float32), dtype: .float32))
    #expect(throws: ResectError.self) { try open(tree) }
  }

  @Test func `layers of models within each other that have one number come in the order of their groups`() throws {
    var tree = HDF5Tree()
    for (number, group) in ["layers/functional/layers/dense", "layers/dense", "layers/other/layers/dense"].enumerated()
    {
      try tree.add(.init("name", .string("\(number)")), to: "\(group)/vars")
      let tensor = LazyTensor(values: [1], dtype: .float32)
      try tree.add(OutputTensor(name: "\(group)/vars/0", tensor: tensor, dtype: .float32))
    }
    let model = try #require(try open(tree).kerasModel()).get()
    #expect(model.weights.map(\.name) == ["1.weight", "0.weight", "2.weight"])
  }

  @Test func `a file of Keras 3 numbers layers by their class`() throws {
    let content = try open(HDF5Tree(keras: layers))
    #expect(
      content.index.datasets.map(\.path) == [
        "layers/batch_normalization/vars/0", "layers/conv2d/vars/0", "layers/conv2d/vars/1",
        "layers/conv2d_1/vars/0", "layers/dense/vars/0",
      ])
    #expect(try content.tensor(at: "layers/conv2d_1/vars/0")?.doubles() == [4])
    #expect(content.index.group(at: "layers/conv2d_1/vars")?["name"]?.string == "shortcut")
    #expect(content.index.group(at: "layers/batch_normalization_1/vars")?["name"]?.string == "bare")
  }

  @Test func `bfloat16 is marked as Keras marks it`() throws {
    let tensor = LazyTensor(values: [1, 0.5], dtype: .bfloat16)
    let content = try open(
      HDF5Tree(keras: [
        .init(name: "a", layerClass: .dense, weights: [.init(name: "kernel", tensor: tensor, dtype: .bfloat16)])
      ]))
    let read = try #require(try content.tensor(at: "layers/dense/vars/0"))
    #expect(read.dtype == .bfloat16)
    #expect(try read.doubles() == [1, 0.5])
  }

  @Test func `an archive gives weights and texts back, and its checksums are right`() throws {
    let path = folder.file("out.keras")
    let file = try OutputFile(path: path, overwrite: false)
    try writeKerasArchive(
      weights: HDF5Tree(keras: layers), configuration: #"{"a": 1.0}"#, metadata: "{}", to: file)
    _ = try file.committed()
    let checkpoint = try Checkpoint(InputFile(path: path))
    #expect(checkpoint.format == .keras)
    #expect(checkpoint.hdf5?.configuration == #"{"a": 1.0}"#)
    #expect(checkpoint.hdf5?.archiveMetadata == "{}")
    #expect(checkpoint.tensors.count == 5)
    // The archive's checksum is compared when a tensor is read.
    #expect(try checkpoint.hdf5?.tensor(at: "layers/dense/vars/0")?.doubles() == [5])
  }

  @Test func `kernels are laid out as Keras has them`() throws {
    let kernel = try LazyTensor(
      storage: MemoryStorage((0..<2 * 3 * 5 * 7).map { UInt8($0) }), dtype: .uint8, shape: Shape([2, 3, 5, 7]))
    let laidOut = try kernel.asKerasKernel()
    #expect(laidOut.shape.axes == [5, 7, 3, 2])
    var expected: [UInt8] = []
    for row in 0..<5 {
      for column in 0..<7 {
        for channel in 0..<3 {
          for out in 0..<2 { expected.append(UInt8(((out * 3 + channel) * 5 + row) * 7 + column)) }
        }
      }
    }
    #expect(try laidOut.bytes() == expected)
    let matrix = try LazyTensor(storage: MemoryStorage([1, 2, 3, 4, 5, 6]), dtype: .uint8, shape: Shape([2, 3]))
    #expect(try matrix.asKerasMatrix().bytes() == [1, 4, 2, 5, 3, 6])
  }
}
