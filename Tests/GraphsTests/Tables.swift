import Foundation
import ResectBytes
import ResectGraphs
import ResectTensors
import ResectTestSupport

/// What the scripts in this folder wrote.
enum Tables {
  /// The table in the file of this name.
  static func rows(_ name: String) -> [JSON] {
    let file = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent(name)
    guard let data = try? Data(contentsOf: file), let table = try? JSON(parsing: [UInt8](data)) else { return [] }
    return table.elements ?? []
  }
}

extension JSON {
  /// The integer of a member, or one that no table has.
  func count(_ name: String) -> Int { self[name]?.integer.map(Int.init) ?? .min }
}

/// A float32 tensor that cannot be read: shapes need no more.
func blank(_ axes: Int...) -> LazyTensor {
  guard let tensor = try? UnreadableStorage.tensor(axes) else { preconditionFailure("no tensor has the axes \(axes)") }
  return tensor
}
