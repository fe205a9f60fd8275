internal import ResectBytes
internal import CResectHDF5
internal import ResectHDF5

/// A walk over all that a file holds. Links are looked at before they are followed, only hard ones are, and no object is
/// entered twice; the walk keeps a list of what is left to do and does not recurse.
struct Walk {
  private let file: hid_t
  private var groups: [HDF5Group] = []
  private var datasets: [HDF5Dataset] = []
  private var links: [HDF5Link] = []
  private var committedTypes: [String] = []
  /// The paths of the objects that were met, by their addresses.
  private var known: [haddr_t: String] = [:]
  /// What is left to do, the next step last: the walk goes down before it goes on.
  private var pending: [Step] = []
  private var budget = Budget()

  private struct Step {
    let path: String
    let link: FoundLink.Kind
    let depth: Int
  }

  init(of file: hid_t) { self.file = file }

  mutating func index(fileSize: UInt64) throws(ResectError) -> HDF5Index {
    let root = try LibraryHandle(unsafe H5Oopen(file, "/", CHDF5_DEFAULT), "open the root")
    pending = [Step(path: "", link: .hard(CHDF5_address(root.id)), depth: 0)]
    while let step = pending.popLast() {
      switch step.link {
      case .hard(let address):
        if let first = known.updateValue(known[address] ?? step.path, forKey: address) {
          links.append(HDF5Link(path: step.path, target: first, isSoft: false))
        } else {
          try visit(step, at: address)
        }
      case .soft(let target):
        links.append(HDF5Link(path: step.path, target: target, isSoft: true))
      }
    }
    return try HDF5Index(
      groups: groups, datasets: datasets, links: links, committedTypes: committedTypes,
      fileSize: fileSize)
  }

  /// Notes an object that is new, and what a group links to as steps to do.
  private mutating func visit(_ step: Step, at address: haddr_t) throws(ResectError) {
    let path = step.path
    let object = try LibraryHandle(H5Oopen_by_addr(file, address), "open the object", of: path)
    switch H5Iget_type(object.id) {
    case H5I_GROUP:
      let attributes = try readAttributes(of: object.id, path, &budget)
      groups.append(HDF5Group(path: path, attributes: attributes))
      try enter(object.id, path, depth: step.depth)
    case H5I_DATASET:
      let attributes = try readAttributes(of: object.id, path, &budget)
      datasets.append(try describeDataset(object.id, path, address: address, attributes))
    case H5I_DATATYPE: committedTypes.append(path)
    default: throw ResectError(.unsupported, "an object of an unknown kind", tensor: path)
    }
  }

  private mutating func enter(
    _ group: hid_t, _ path: String, depth: Int
  ) throws(ResectError) {
    let found = try readLinks(of: group, path)
    guard found.isEmpty || depth < Limits.hdf5Depth else {
      throw ResectError(
        .limit, "groups are nested more than \(Limits.hdf5Depth) deep",
        tensor: path.printable(limit: 60))
    }
    for link in found.reversed() {
      let name = path.isEmpty ? link.name : "\(path)/\(link.name)"
      try budget.spend(name: name)
      pending.append(Step(path: name, link: link.kind.resolved(in: path), depth: depth + 1))
    }
  }
}

/// What a walk may still find, whatever a file claims.
struct Budget {
  private var links = Limits.hdf5Links
  private var attributes = Limits.hdf5Attributes
  private var bytes = Limits.nameBytes

  /// Counts an object's name.
  mutating func spend(name: String) throws(ResectError) {
    links -= 1
    guard links >= 0 else {
      throw ResectError(.limit, "the file has more than \(Limits.hdf5Links) groups, datasets and links")
    }
    try spend(bytes: name.utf8.count)
  }

  /// Counts an attribute.
  mutating func spendAttribute() throws(ResectError) {
    attributes -= 1
    guard attributes >= 0 else {
      throw ResectError(.limit, "the file has more than \(Limits.hdf5Attributes) attributes")
    }
  }

  /// Counts bytes that the index takes.
  mutating func spend(bytes count: Int) throws(ResectError) {
    bytes -= count
    guard bytes >= 0 else {
      throw ResectError(
        .limit, "names and attributes have more than \(Limits.nameBytes) bytes together")
    }
  }
}
