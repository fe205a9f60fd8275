internal import ResectBytes
@testable internal import ResectHDF5
internal import ResectHDF5Library
internal import ResectTensors
internal import ResectTestSupport
import Testing

/// Files that are written. Their judge is libhdf5, which compares every checksum of the metadata.
@Suite struct HDF5WritingTests {
  private let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  private func write(_ tree: HDF5Tree, as name: String = "out.h5") throws -> String {
    let path = folder.file(name)
    let file = try OutputFile(path: path, overwrite: false)
    try writeHDF5(tree, to: file)
    _ = try file.committed()
    return path
  }

  private func tensor(_ name: String, _ dtype: DType, _ axes: [Int]) throws -> OutputTensor {
    let shape = try Shape(axes)
    var random = SeededRandom(seed: UInt64(shape.elementCount))
    let bytes = (0..<shape.elementCount * dtype.byteCount).map { _ in
      // What is neither zero nor one is no bool.
      UInt8(truncatingIfNeeded: random.next()) & (dtype == .bool ? 1 : 255)
    }
    let tensor = try LazyTensor(storage: MemoryStorage(bytes), dtype: dtype, shape: shape)
    return OutputTensor(name: name, tensor: tensor, dtype: dtype)
  }

  /// lookup3.c's own examples, and the superblock of a file that h5py 3 wrote with `libver='v108'`.
  @Test(
    arguments: [
      ([], 0xDEAD_BEEF), (Array("Four score and seven years ago".utf8), 0x1777_0551),
      (
        [
          0x89, 0x48, 0x44, 0x46, 0x0D, 0x0A, 0x1A, 0x0A, 2, 8, 8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255, 255, 255, 255,
          255, 255, 255, 0x43, 0x18, 0, 0, 0, 0, 0, 0, 0x30, 0, 0, 0, 0, 0, 0, 0,
        ], 0xB554_2EE9
      ),
    ] as [([UInt8], UInt32)])
  func `the checksum is that of lookup3`(bytes: [UInt8], value: UInt32) {
    #expect(metadataChecksum(bytes) == value)
  }

  @Test func `the bytes are those of the specification`() throws {
    var tree = HDF5Tree()
    try tree.add(OutputTensor(name: "x", tensor: LazyTensor(values: [1, -2], dtype: .float32), dtype: .float32))
    try tree.add(.init("n", .fixedStrings(["ab", "c"])))
    let path = try write(tree)
    let nowhere = [UInt8](repeating: 255, count: 8)
    func address(_ value: UInt8, _ high: UInt8 = 0) -> [UInt8] { [value, high, 0, 0, 0, 0, 0, 0] }
    func sealed(_ bytes: [UInt8]) -> [UInt8] {
      var sealed = bytes
      sealed.append(littleEndian: metadataChecksum(bytes))
      return sealed
    }
    var messages: [UInt8] = [2, 18, 0, 0, 0, 0] + nowhere + nowhere + [10, 2, 0, 0, 0, 0]
    messages += [6, 14, 0, 0, 1, 0x11, 1, 1, 0, 0x78] + address(147)
    messages += [12, 35, 0, 0, 3, 0, 2, 0, 8, 0, 12, 0, 1, 0x6E, 0, 0x13, 1, 0, 0, 2, 0, 0, 0]
    messages += [2, 1, 0, 1] + address(2) + [0x61, 0x62, 0x63, 0]
    let root = sealed(Array("OHDR".utf8) + [2, 2, UInt8(messages.count), 0, 0, 0] + messages)
    #expect(48 + root.count == 147)
    var dataset: [UInt8] = [1, 12, 0, 0, 2, 1, 0, 1] + address(2)
    // Little-endian IEEE: sign at 31, 32 bits, exponent at 23 with 8 bits, fraction at 0 with 23, bias 127.
    dataset += [3, 20, 0, 0, 0x11, 0x20, 31, 0, 4, 0, 0, 0, 0, 0, 32, 0, 23, 8, 0, 23, 127, 0, 0, 0]
    dataset += [5, 2, 0, 0, 3, 0x0A]
    dataset += [8, 18, 0, 0, 3, 1] + address(0, 1) + address(8)
    var expected = sealed(
      [0x89, 0x48, 0x44, 0x46, 0x0D, 0x0A, 0x1A, 0x0A, 2, 8, 8, 0] + address(0) + nowhere + address(8, 1) + address(48))
    expected += root
    expected += sealed(Array("OHDR".utf8) + [2, 2, UInt8(dataset.count), 0, 0, 0] + dataset)
    expected += [UInt8](repeating: 0, count: 256 - expected.count)
    expected += [0, 0, 0x80, 0x3F, 0, 0, 0, 0xC0]
    #expect(try contents(of: path) == expected)
    let index = try LibraryFile(InputFile(path: path)).index()
    #expect(index.root["n"] == .strings(["ab", "c"]))
    #expect(index.datasets.map(\.layout) == [.contiguous(offset: 256)])
  }

  @Test func `every dtype and shape comes back to the bit`() throws {
    let shapes = [[], [0], [3, 0, 2], [1], [5], [2, 3, 4], [300_000]]
    var tree = HDF5Tree()
    var tensors: [OutputTensor] = []
    for dtype in DType.allCases where !dtype.rawValue.hasPrefix("F8") {
      for shape in shapes {
        let added = try tensor("\(dtype.rawValue)/\(shape)", dtype, shape)
        tensors.append(added)
        try tree.add(added)
      }
    }
    let file = try HDF5File(InputFile(path: write(tree)))
    #expect(file.index.datasets.count == tensors.count)
    for written in tensors {
      let dataset = try #require(file.index.dataset(at: written.name))
      let read = try #require(try file.tensor(dataset))
      #expect(read.dtype == written.dtype)
      #expect(read.shape == written.tensor.shape)
      #expect(try read.bytes() == written.tensor.bytes())
      guard case .contiguous(let offset) = dataset.layout, written.tensor.byteCount > 0 else { continue }
      #expect(offset % 64 == 0)
    }
  }

  @Test func `attributes come back, of groups and of datasets`() throws {
    // More than a collection of the heap holds, and a string that is larger than one.
    let many = (0..<500).map { "name \($0) é" }
    let long = String(repeating: "0123456789", count: 20_000)
    var tree = HDF5Tree()
    try tree.add(.init("text", .string("Größe ✓")))
    try tree.add(.init("none", .string("")))
    try tree.add(.init("long", .string(long)))
    try tree.add(.init("many", .strings(many + [""])), to: "a/b")
    try tree.add(.init("fixed", .fixedStrings(["a", "", "éé"])), to: "a")
    try tree.add(.init("no strings", .fixedStrings([])), to: "a")
    try tree.add(.init("numbers", .numbers([1, -0.5, .infinity])), to: "a")
    try tree.add(.init("no numbers", .numbers([])), to: "a")
    try tree.add(try tensor("a/x", .int8, [3]), attributes: [.init("text", .string("of a dataset"))])
    let index = try HDF5File(InputFile(path: write(tree))).index
    #expect(index.root["text"] == .string("Größe ✓"))
    #expect(index.root["none"] == .string(""))
    #expect(index.root["long"] == .string(long))
    #expect(index.group(at: "a/b")?["many"] == .strings(many + [""]))
    let group = try #require(index.group(at: "a"))
    #expect(group["fixed"] == .strings(["a", "", "éé"]))
    #expect(group["no strings"]?.strings == [])
    #expect(group["numbers"] == .numbers([1, -0.5, .infinity]))
    #expect(group["no numbers"] == .numbers([]))
    #expect(index.dataset(at: "a/x")?["text"] == .string("of a dataset"))
  }

  @Test func `a file of nothing, and one of many groups, are read`() throws {
    #expect(try HDF5File(InputFile(path: write(HDF5Tree()))).index.groups.map(\.path) == [""])
    var tree = HDF5Tree()
    for number in 0..<3000 { try tree.addGroup("groups/\(number)") }
    let index = try HDF5File(InputFile(path: write(tree, as: "many.h5"))).index
    #expect(index.groups.count == 3002)
    #expect(index.group(at: "groups/2999") != nil)
  }

  @Test func `a path that is taken, or that HDF5 reads otherwise, is refused`() throws {
    var tree = HDF5Tree()
    try tree.add(try tensor("a/x", .int8, [1]))
    let deep = [String](repeating: "a", count: 200).joined(separator: "/")
    for path in ["a/x", "a", "a/x/y", "", "/b", "b/", "b//c", "b/./c", "b\0", deep] {
      let one = try tensor(path, .int8, [1])
      let error = #expect(throws: ResectError.self) { try tree.add(one) }
      #expect(error?.code == .badArgument, "\(path)")
    }
    try tree.add(.init("n", .numbers([1])), to: "a")
    #expect(refusal { () throws(ResectError) in try tree.add(.init("n", .numbers([2])), to: "a") } == .badArgument)
  }

  @Test func `what HDF5 cannot hold is refused, and nothing is left`() throws {
    var small = HDF5Tree()
    try small.add(try tensor("x", .float8E5M2, [2]))
    let error = #expect(throws: ResectError.self) { _ = try write(small) }
    #expect(error?.code == .unsupported)
    #expect(error?.tensor == "x")
    var large = HDF5Tree()
    try large.add(.init("n", .fixedStrings([String](repeating: "0123456789", count: 7000))))
    #expect(throws: ResectError.self) { _ = try write(large) }
    #expect(try folder.names.isEmpty)
  }

  @Test func `the same tree gives the same bytes, in whatever order it was filled`() throws {
    var written: Set<[UInt8]> = []
    for round in 0..<4 {
      var tree = HDF5Tree()
      let names = round % 2 == 0 ? ["b", "a", "c"] : ["c", "b", "a"]
      for name in names {
        try tree.add(.init("name", .string(name)), to: name)
        let storage = MemoryStorage([UInt8](repeating: UInt8(name.utf8.count), count: 4096), delay: round * 1000)
        try tree.add(
          OutputTensor(
            name: "\(name)/x", tensor: LazyTensor(storage: storage, dtype: .float32, shape: Shape([1024])),
            dtype: .float32))
      }
      written.insert(try contents(of: try write(tree, as: "\(round).h5")))
    }
    #expect(written.count == 1)
  }
}
