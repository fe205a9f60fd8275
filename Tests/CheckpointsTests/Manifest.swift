internal import ResectBytes
internal import ResectTestSupport
import Testing

/// What real torch read back from each file of `Tests/Fixtures/checkpoints`.
struct Manifest {
  struct File: Sendable, CustomTestStringConvertible {
    let name: String
    let format: String
    /// The tensors under each key; the empty key is the whole file.
    let states: [(key: String, tensors: [Tensor])]
    /// Tensors that no reader of dense numbers can read.
    let refused: [String]

    var testDescription: String { name }
    var path: String { Fixtures.path("checkpoints/\(name)") }
  }

  struct Tensor: Sendable {
    let name: String
    let dtype: String
    let shape: [Int]
    let sha256: String
  }

  static let files: [File] = {
    guard let json = try? JSON(parsing: contents(of: Fixtures.path("manifest.json"))),
      let states = json["states"], let files = json["files"]?.members
    else { return [] }
    return files.map { file in
      File(
        name: file.name, format: file.value["format"]?.string ?? "",
        states: (file.value["states"]?.members ?? []).map { state in
          (state.name, (states[state.value.string ?? ""]?.elements ?? []).map(Tensor.init))
        },
        refused: (file.value["refused"]?.members ?? []).map(\.name))
    }
  }()
}

extension Manifest.Tensor {
  fileprivate init(_ json: JSON) {
    name = json["name"]?.string ?? ""
    dtype = json["dtype"]?.string ?? ""
    shape = (json["shape"]?.elements ?? []).compactMap { $0.integer.map { Int($0) } }
    sha256 = json["sha256"]?.string ?? ""
  }
}
