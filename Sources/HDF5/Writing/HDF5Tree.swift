public import ResectBytes
public import ResectTensors

/// What an HDF5 file is to hold: groups, their attributes, and tensors that nobody has read yet.
///
/// ```swift
/// var tree = HDF5Tree()
/// try tree.add(OutputTensor(name: "layer/kernel", tensor: kernel, dtype: .float32))
/// try tree.add(.init("weight_names", .fixedStrings(["kernel"])), to: "layer")
/// try writeHDF5(tree, to: file)
/// ```
public struct HDF5Tree: Sendable {
  /// A named value of a group or a dataset.
  public struct Attribute: Sendable {
    /// Its name.
    public let name: String
    /// Its value.
    public let value: Value

    /// An attribute.
    public init(_ name: String, _ value: Value) {
      self.name = name
      self.value = value
    }
  }

  /// The value of an attribute.
  public enum Value: Sendable, Hashable {
    /// A string of variable length, in UTF-8: a `str` of h5py.
    case string(String)
    /// An array of them.
    case strings([String])
    /// An array of strings as long as the longest of them, filled up with zeros: an array of `bytes` of numpy.
    case fixedStrings([String])
    /// An array of float64. An empty one is what numpy makes of an empty list.
    case numbers([Double])
  }

  /// A group or a dataset.
  struct Node: Sendable {
    /// What a dataset holds; a group holds no tensor.
    var tensor: OutputTensor?
    var attributes: [Attribute] = []
    /// What a group contains.
    var children: [String: Node] = [:]
  }

  private(set) var root = Node()

  /// A file of nothing but its root.
  public init() {}

  /// Adds a dataset whose path is the tensor's name, and the groups that lead there. Refused: a path that is taken.
  ///
  /// HDF5 has no bfloat16: such a dataset says in an attribute `dtype` what its bytes are, as Keras has it.
  public mutating func add(_ tensor: OutputTensor, attributes: [Attribute] = []) throws(ResectError) {
    try root.change(at: HDF5Tree.names(in: tensor.name)[...]) { node throws(ResectError) in
      guard !tensor.name.isEmpty, node.tensor == nil, node.children.isEmpty, node.attributes.isEmpty else {
        throw ResectError(.badArgument, "two objects of the file have this path", tensor: tensor.name)
      }
      node.tensor = tensor
      node.attributes = attributes
      if tensor.dtype == .bfloat16 { node.attributes.append(Attribute("dtype", .string("bfloat16"))) }
    }
  }

  /// Adds a group, unless it is there, and the groups that lead to it.
  public mutating func addGroup(_ path: String) throws(ResectError) {
    try root.change(at: HDF5Tree.names(in: path)[...]) { node throws(ResectError) in
      guard node.tensor == nil else {
        throw ResectError(.badArgument, "two objects of the file have this path", tensor: path)
      }
    }
  }

  /// Adds attributes to the group or the dataset at `path`; where nothing is there, to a new group.
  ///
  /// Refused: a name that the object has already.
  public mutating func add(_ attributes: [Attribute], to path: String = "") throws(ResectError) {
    try root.change(at: HDF5Tree.names(in: path)[...]) { node throws(ResectError) in
      node.attributes += attributes
      var names: Set<String> = []
      if let twice = node.attributes.first(where: { !names.insert($0.name).inserted }) {
        throw ResectError(.badArgument, "two attributes are called \(twice.name)", tensor: path)
      }
    }
  }

  /// Adds an attribute to the group or the dataset at `path`; where nothing is there, to a new group.
  ///
  /// Refused: a name that the object has already.
  public mutating func add(_ attribute: Attribute, to path: String = "") throws(ResectError) {
    try add([attribute], to: path)
  }

  /// The names that lead to `path`, none of which may be one that HDF5 understands otherwise.
  private static func names(in path: String) throws(ResectError) -> [String] {
    guard !path.isEmpty else { return [] }
    let names = path.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
    guard names.count <= Limits.hdf5Depth,
      names.allSatisfy({ !["", "."].contains($0) && !$0.utf8.contains(0) && $0.utf8.count <= 1024 })
    else { throw ResectError(.badArgument, "HDF5 has no such path", tensor: path) }
    return names
  }
}

extension HDF5Tree.Node {
  /// Changes what is at `path`, which begins as an empty group.
  fileprivate mutating func change(
    at path: ArraySlice<String>, _ body: (inout Self) throws(ResectError) -> Void
  ) throws(ResectError) {
    guard let name = path.first else { return try body(&self) }
    guard tensor == nil else {
      throw ResectError(.badArgument, "a dataset contains nothing", tensor: name)
    }
    try children[name, default: Self()].change(at: path.dropFirst(), body)
  }
}
