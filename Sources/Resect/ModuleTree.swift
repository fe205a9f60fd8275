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
    let dot = UInt8(ascii: ".")
    let depth = min(max(depth, 0), 64)
    let entries = tensors.map { tensor in
      let name = tensor.name.utf8.dropFirst(prefix.utf8.count)
      let parts = name.split(separator: dot, maxSplits: depth, omittingEmptySubsequences: false)
      return (path: parts.map { Substring($0) }[...], tensor: tensor)
    }
    self.init(name: "", entries)
  }

  private init(name: String, _ entries: [(path: ArraySlice<Substring>, tensor: Inspection.Tensor)]) {
    self.name = name
    var order: [Substring] = []
    var groups: [Substring: [(path: ArraySlice<Substring>, tensor: Inspection.Tensor)]] = [:]
    for (path, tensor) in entries {
      if tensor.isBuffer {
        buffers += tensor.shape.elementCount
      } else {
        parameters += tensor.shape.elementCount
      }
      guard path.count > 1, let first = path.first else {
        tensors.append(tensor)
        continue
      }
      if groups[first] == nil { order.append(first) }
      groups[first, default: []].append((path.dropFirst(), tensor))
    }
    children = order.map { ModuleTree(name: String($0), groups[$0] ?? []) }
  }
}
