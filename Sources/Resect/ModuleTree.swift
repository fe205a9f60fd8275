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
    let names = tensors.map { Array($0.name.utf8) }
    let start = prefix.utf8.count
    let entries = tensors.indices.map { Entry(index: $0, start: min(start, names[$0].count)) }
    self.init(name: "", entries, of: tensors, names, depth: min(max(depth, 0), 64))
  }

  /// A tensor, by its position, and where what is left of its name below a module begins.
  private struct Entry {
    let index: Int
    let start: Int
  }

  /// `names` are the bytes of the names of `all`.
  private init(name: String, _ entries: [Entry], of all: [Inspection.Tensor], _ names: [[UInt8]], depth: Int) {
    self.name = name
    var groups: [(name: ArraySlice<UInt8>, entries: [Entry])] = []
    var positions: [ArraySlice<UInt8>: Int] = [:]
    for entry in entries {
      let count = all[entry.index].shape.elementCount
      if all[entry.index].isBuffer { buffers += count } else { parameters += count }
      guard depth > 0, let dot = names[entry.index][entry.start...].firstIndex(of: UInt8(ascii: ".")) else {
        tensors.append(all[entry.index])
        continue
      }
      let first = names[entry.index][entry.start..<dot]
      let inner = Entry(index: entry.index, start: dot + 1)
      // Mostly a module's tensors follow each other.
      if let last = groups.indices.last, groups[last].name == first {
        groups[last].entries.append(inner)
      } else if let position = positions[first] {
        groups[position].entries.append(inner)
      } else {
        positions[first] = groups.count
        groups.append((first, [inner]))
      }
    }
    children = groups.map { group in
      ModuleTree(
        name: String(decoding: group.name, as: UTF8.self), group.entries, of: all, names, depth: depth - 1)
    }
  }
}
