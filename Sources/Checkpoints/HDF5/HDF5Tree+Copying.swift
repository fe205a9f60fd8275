public import ResectBytes
public import ResectHDF5
public import ResectTensors

extension HDF5Tree {
  /// The groups and attributes of another file, with `tensors`, which are called by their paths, in the place of its datasets.
  ///
  /// Also says what was left out: attributes of kinds that are not read. Links are datasets by another name, and stay out.
  public static func copying(
    _ index: HDF5Index, tensors: [OutputTensor]
  ) throws(ResectError) -> (tree: HDF5Tree, ignored: [Checkpoint.Ignored]) {
    var tree = HDF5Tree()
    var ignored: [Checkpoint.Ignored] = []
    func readable(_ attributes: [HDF5Attribute], of path: String) -> [Attribute] {
      attributes.compactMap { attribute in
        if let value = Value(attribute.value) { return Attribute(attribute.name, value) }
        ignored.append(.init(name: "\(path) attribute \(attribute.name)", reason: "an attribute of an unusual kind"))
        return nil
      }
    }
    for group in index.groups {
      try tree.addGroup(group.path)
      try tree.add(readable(group.attributes, of: group.path), to: group.path)
    }
    for tensor in tensors {
      guard let dataset = index.dataset(at: tensor.name) else {
        try tree.add(tensor)
        continue
      }
      // What says that bytes are bfloat16 comes with the dtype that is written.
      let attributes = dataset.attributes.filter { $0.name != "dtype" || dataset.element != .opaque }
      try tree.add(tensor, attributes: readable(attributes, of: tensor.name))
    }
    return (tree, ignored)
  }
}

extension HDF5Tree.Value {
  /// The value of a file's attribute, if it is of a kind that is written.
  fileprivate init?(_ value: HDF5Value) {
    switch value {
    case .string(let text): self = .string(text)
    case .strings(let texts): self = .fixedStrings(texts)
    case .numbers(let numbers): self = .numbers(numbers)
    case .other: return nil
    }
  }
}
