internal import ResectBytes
internal import ResectHDF5
internal import ResectTensors
internal import ResectTestSupport
import Testing

/// What real h5py read back from each file of `Tests/Fixtures/hdf5`.
struct H5pyManifest {
  struct File: Sendable, CustomTestStringConvertible {
    let name: String
    let arrays: [Array]

    var testDescription: String { name }
    var path: String { Fixtures.path("hdf5/\(name)") }
  }

  struct Array: Sendable {
    let name: String
    let dtype: String
    let shape: [Int]
    let sha256: String
  }

  /// The HDF5 files; the archives beside them are zips.
  static let files: [File] = {
    let json = try? JSON(parsing: contents(of: Fixtures.path("hdf5/manifest.json")))
    return (json?.members ?? []).filter { $0.name.hasSuffix(".h5") }.map { file in
      File(name: file.name, arrays: (file.value.members ?? []).map { Array($0.name, $0.value) })
    }
  }()
}

extension H5pyManifest.Array {
  fileprivate init(_ name: String, _ json: JSON) {
    self.name = name
    dtype = json["dtype"]?.string ?? ""
    shape = (json["shape"]?.elements ?? []).compactMap { $0.integer.map { Int($0) } }
    sha256 = json["sha256"]?.string ?? ""
  }
}

/// Expects that `file` has the arrays that h5py found, to the bit, and no other.
func expect(_ file: HDF5File, holds arrays: [H5pyManifest.Array]) throws {
  var found: [String: LazyTensor] = [:]
  for dataset in file.index.datasets { found[dataset.path] = try file.tensor(dataset) }
  #expect(Set(found.keys) == Set(arrays.map(\.name)))
  for array in arrays {
    let tensor = try #require(found[array.name])
    #expect(tensor.dtype.rawValue == array.dtype, "\(array.name)")
    #expect(tensor.shape.axes == array.shape, "\(array.name)")
    var hash = try SHA256()
    try tensor.stream { piece throws(ResectError) in hash.update(piece) }
    #expect(hash.hexadecimal() == array.sha256, "\(array.name)")
  }
}
