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
    let entries = tensors.indices.map { index in
      Entry(index: index, rest: tensors[index].name.utf8.dropFirst(prefix.utf8.count))
    }
    self.init(name: "", entries, of: tensors, depth: min(max(depth, 0), 64))
  }

  /// A tensor, by its position, and what is left of its name below a module.
  private struct Entry {
    let index: Int
    let rest: Substring.UTF8View
  }

  private init(name: String, _ entries: [Entry], of all: [Inspection.Tensor], depth: Int) {
    self.name = name
    var groups: [(name: String, entries: [Entry])] = []
    var positions: [String: Int] = [:]
    for entry in entries {
      let count = all[entry.index].shape.elementCount
      if all[entry.index].isBuffer { buffers += count } else { parameters += count }
      guard depth > 0, let dot = entry.rest.firstIndex(of: UInt8(ascii: ".")) else {
        tensors.append(all[entry.index])
        continue
      }
      let first = entry.rest[..<dot]
      let inner = Entry(index: entry.index, rest: entry.rest[entry.rest.index(after: dot)...])
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
    children = groups.map { ModuleTree(name: $0.name, $0.entries, of: all, depth: depth - 1) }
  }
}
