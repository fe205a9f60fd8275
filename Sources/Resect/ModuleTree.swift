/// The modules that the dotted names of tensors form, with what each of them holds.
public struct ModuleTree: Sendable {
  /// The module's name within its parent; empty for the root.
  public let name: String
  /// The modules within it, in the file's order.
  public private(set) var children: [ModuleTree] = []
  /// The tensors that are its own.
  public private(set) var tensors: [Inspection.Tensor] = []
  /// Trained elements of the module and all within it.
  public private(set) var parameters = 0
  /// Elements of buffers of the module and all within it.
  public private(set) var buffers = 0

  /// The tree of `tensors`, whose names all begin with `prefix`, down to `depth` levels: what lies deeper belongs to the
  /// module there, under the rest of its name.
  public init(_ tensors: [Inspection.Tensor], prefix: String = "", depth: Int = 64) {
    let entries = tensors.map { tensor in
      Entry(tensor: tensor, rest: tensor.name.utf8.dropFirst(prefix.utf8.count))
    }
    self.init(name: "", entries, depth: min(max(depth, 0), 64))
  }

  /// A tensor and what is left of its name below a module.
  private struct Entry {
    let tensor: Inspection.Tensor
    let rest: Substring.UTF8View
  }

  private init(name: String, _ entries: [Entry], depth: Int) {
    self.name = name
    var groups: [(name: String, entries: [Entry])] = []
    var positions: [String: Int] = [:]
    for entry in entries {
      if entry.tensor.isBuffer {
        buffers += entry.tensor.shape.elementCount
      } else {
        parameters += entry.tensor.shape.elementCount
      }
      guard depth > 0, let dot = entry.rest.firstIndex(of: UInt8(ascii: ".")) else {
        tensors.append(entry.tensor)
        continue
      }
      let first = entry.rest[..<dot]
      let inner = Entry(tensor: entry.tensor, rest: entry.rest[entry.rest.index(after: dot)...])
      // Mostly a module's tensors follow each other.
      if let last = groups.indices.last, groups[last].name.utf8.elementsEqual(first) {
        groups[last].entries.append(inner)
        continue
      }
      let child = String(Substring(first))
      if let position = positions[child] {
        groups[position].entries.append(inner)
      } else {
        positions[child] = groups.count
        groups.append((child, [inner]))
      }
    }
    children = groups.map { ModuleTree(name: $0.name, $0.entries, depth: depth - 1) }
  }
}
