internal import Bytes
internal import CHDF5
internal import HDF5

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
  private var budget = Budget()

  init(of file: hid_t) { self.file = file }

  mutating func index(fileSize: UInt64) throws(ResectError) -> HDF5Index {
    let root = try LibraryHandle(unsafe H5Oopen(file, "/", CHDF5_DEFAULT), "open the root")
    let rootInfo = try objectInfo(root.id, "")
    known[rootInfo.addr] = ""
    var pending = [(path: "", address: rootInfo.addr, depth: 0)]
    while let group = pending.popLast() {
      let found = try enter(group.path, at: group.address)
      guard found.isEmpty || group.depth < Limits.hdf5Depth else {
        throw ResectError(
          .limit, "groups are nested more than \(Limits.hdf5Depth) deep",
          tensor: group.path.printable(limit: 60))
      }
      // The last one is taken first: the walk keeps the order of the names.
      for child in found.reversed() {
        pending.append((child.path, child.address, group.depth + 1))
      }
    }
    return try HDF5Index(
      groups: groups, datasets: datasets, links: links, committedTypes: committedTypes,
      fileSize: fileSize)
  }

  /// Notes a group, its datasets and its links, and gives the groups in it that nobody has entered.
  private mutating func enter(
    _ path: String, at address: haddr_t
  ) throws(ResectError) -> [(path: String, address: haddr_t)] {
    let group = try LibraryHandle(H5Oopen_by_addr(file, address), "open the group", of: path)
    groups.append(
      HDF5Group(path: path, attributes: try readAttributes(of: group.id, path, &budget)))
    var children: [(path: String, address: haddr_t)] = []
    for found in try readLinks(of: group.id, path, &budget) {
      let name = path.isEmpty ? found.name : "\(path)/\(found.name)"
      try budget.spend(name: name)
      switch found.kind {
      case .hard(let address):
        if let first = known.updateValue(known[address] ?? name, forKey: address) {
          links.append(HDF5Link(path: name, target: first, isSoft: false))
        } else if try look(at: name, address) {
          children.append((name, address))
        }
      case .soft(let target):
        let base = target.hasPrefix("/") || path.isEmpty ? "" : "\(path)/"
        let whole = base + target.drop { $0 == "/" }
        links.append(HDF5Link(path: name, target: whole, isSoft: true))
      }
    }
    return children
  }

  /// Looks at an object that is new: notes it, or says that it is a group.
  private mutating func look(at path: String, _ address: haddr_t) throws(ResectError) -> Bool {
    let object = try LibraryHandle(H5Oopen_by_addr(file, address), "open the object", of: path)
    switch try objectInfo(object.id, path).type {
    case H5O_TYPE_GROUP: return true
    case H5O_TYPE_DATASET:
      let attributes = try readAttributes(of: object.id, path, &budget)
      datasets.append(try describeDataset(object.id, path, address: address, attributes))
    case H5O_TYPE_NAMED_DATATYPE: committedTypes.append(path)
    default: throw ResectError(.unsupported, "an object of an unknown kind", tensor: path)
    }
    return false
  }
}

/// What libhdf5 says of an object: its kind and its address.
func objectInfo(_ object: hid_t, _ path: String) throws(ResectError) -> H5O_info_t {
  var info = H5O_info_t()
  _ = try checked(unsafe CHDF5_object_info(object, &info), "examine the object", of: path)
  return info
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
