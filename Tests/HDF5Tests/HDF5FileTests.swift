internal import ResectBytes
internal import ResectHDF5
internal import ResectHDF5Library
internal import ResectTensors
internal import ResectTestSupport
import Testing

/// What a reader of HDF5 files promises, on files that real h5py and Keras wrote.
@Suite struct HDF5FileTests {
  private func open(_ name: String) throws -> HDF5File {
    try HDF5File(InputFile(path: Fixtures.path("hdf5/\(name)")))
  }

  @Test func `the manifest names files of all kinds`() {
    #expect(H5pyManifest.files.count >= 12)
    #expect(H5pyManifest.files.allSatisfy { !$0.arrays.isEmpty })
  }

  @Test(arguments: H5pyManifest.files)
  func `every array is what h5py reads, to the bit`(_ file: H5pyManifest.File) throws {
    let opened = try HDF5File(InputFile(path: file.path))
    try expect(opened, holds: file.arrays)
    // A second reading finds the processes that the first one left.
    try expect(opened, holds: file.arrays)
  }

  @Test(arguments: H5pyManifest.files)
  func `a trusted file is read in process, with the same result`(_ file: H5pyManifest.File) throws {
    let input = try InputFile(path: file.path)
    let library = try LibraryFile(input)
    let index = try library.index()
    #expect(try index == HDF5File(input).index)
    try expect(HDF5File(index: index, file: input, offset: 0, decoder: library), holds: file.arrays)
  }

  @Test func `several threads may read at once`() throws {
    let file = try #require(H5pyManifest.files.first { $0.name == "layouts.earliest.h5" })
    let opened = try HDF5File(InputFile(path: file.path))
    let packed = opened.index.datasets.filter { !$0.filters.isEmpty }
    try parallelForEach(count: 40) { index throws(ResectError) in
      let dataset = packed[index % packed.count]
      let expected = file.arrays.first { $0.name == dataset.path }?.sha256
      guard let tensor = try opened.tensor(dataset), let expected else {
        throw ResectError(.badValue, "no tensor")
      }
      var hash = try SHA256()
      try tensor.stream { piece throws(ResectError) in hash.update(piece) }
      guard hash.hexadecimal() == expected else { throw ResectError(.badValue, "other bytes") }
    }
  }

  @Test(arguments: ["attributes.earliest.h5", "attributes.v110.h5"])
  func `attributes are texts, lists of texts and numbers`(_ name: String) throws {
    let index = try open(name).index
    let root = index.root
    #expect(root["text"] == .string("plain"))
    #expect(root["unicode"] == .string("Größe ✓"))
    #expect(root["bytes"] == .string("fixed"))
    #expect(root["variable list"] == .strings(["a", "", "ccc"]))
    #expect(root["fixed list"] == .strings(["first", "", "third"]))
    #expect(root["empty list"] == .numbers([]))
    #expect(root["empty list"]?.strings == [])
    #expect(root["number"] == .numbers([3]))
    #expect(root["numbers"] == .numbers([1.5, -2, 0, 1e300]))
    #expect(root["flag"] == .numbers([1]))
    #expect(root["half"] == .numbers([0.5]))
    #expect(root["nothing"] == .other("nothing"))
    #expect(root["pair"] == .other("compounds"))
    #expect(root["absent"] == nil)
    let group = try #require(index.group(at: "group"))
    #expect(group["of group"]?.string == "yes")
    for index in 0..<40 {
      #expect(group["dense\(index < 10 ? "0" : "")\(index)"] == .numbers([Double(index)]))
    }
    #expect(index.dataset(at: "weight")?["of dataset"]?.string == "too")
  }

  @Test(arguments: ["links.earliest.h5", "links.v110.h5"])
  func `every object is listed once, and found by each of its names`(_ name: String) throws {
    let index = try open(name).index
    #expect(index.datasets.map(\.path) == ["a/weight"])
    #expect(index.groups.map(\.path) == ["", "a"])
    for path in ["a/weight", "/a/weight", "b/weight", "c", "d", "a/e", "b/e", "a/back/a/weight", "b/back/b/back/d"] {
      #expect(index.dataset(at: path)?.path == "a/weight", "\(path)")
    }
    #expect(index.group(at: "b")?.path == "a")
    #expect(index.group(at: "/")?.path == "")
    for path in ["nowhere", "circle", "ping", "pong", "a/../a/weight", "a/weight/x", "e"] {
      #expect(index.resolve(path) == nil, "\(path)")
    }
  }

  @Test func `what is no array of numbers is listed with what it is`() throws {
    let file = try open("others.earliest.h5")
    var reasons: [String: String] = [:]
    for dataset in file.index.datasets {
      reasons[dataset.path] = dataset.whyNotNumeric
      #expect(try (file.tensor(dataset) == nil) == (dataset.whyNotNumeric != nil))
    }
    #expect(
      reasons == [
        "array": "compounds", "colour": "an enumeration's values", "nothing": "an empty dataspace",
        "opaque": "opaque bytes", "pairs": "compounds", "ragged": "sequences of variable length",
        "reference": "references", "text": "strings", "texts": "strings",
      ])
    #expect(file.index.committedTypes == ["kind"])
  }

  @Test(arguments: [
    ("external_link", ResectError.Code.unsupported, "external link", "other"),
    ("external_storage", .unsupported, "external files", "weight"),
    ("virtual", .unsupported, "virtual dataset", "weight"),
    ("filter", .unsupported, "lzf", "weight"),
    ("scaleoffset", .unsupported, "scaleoffset", "weight"),
    ("unwritten", .limit, "nothing was ever stored", "weight"),
    ("bomb", .limit, "too many", "weight"),
    ("deep", .limit, "128 deep", "g/g/g/"),
  ])
  func `what leads out of the file or claims too much is refused by name`(
    _ name: String, _ code: ResectError.Code, _ hint: String, _ place: String
  ) throws {
    let error = #expect(throws: ResectError.self) { _ = try open("refused.\(name).h5") }
    #expect(error?.code == code)
    #expect(error?.message.contains(hint) == true)
    #expect(error?.tensor?.hasPrefix(place) == true)
  }

  @Test func `an HDF5 file may begin behind a block of something else`() throws {
    let file = try InputFile(path: Fixtures.path("hdf5/userblock.h5"))
    #expect(try HDF5File.recognises(file))
    #expect(try file.read(at: 1024, count: 8) == HDF5File.signature)
  }
}
