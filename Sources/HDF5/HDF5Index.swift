public import ResectBytes

/// What an HDF5 file holds, as a value: groups, datasets, attributes and links, nothing of the library.
///
/// Every part was checked: paths are unique, shapes and sizes fit, contiguous data lie within the file, and no dataset
/// claims far more than the file stores. A path is `group/group/dataset`, without a leading slash; the root's is empty.
public struct HDF5Index: Sendable, Hashable {
  /// The groups, the root first, each before what it contains.
  public let groups: [HDF5Group]
  /// The datasets, in the order of the walk: by name within a group.
  public let datasets: [HDF5Dataset]
  /// Further names of groups and datasets.
  public let links: [HDF5Link]
  /// Where the file keeps types for later use: they hold no data.
  public let committedTypes: [String]

  private let groupPlaces: [String: Int]
  private let datasetPlaces: [String: Int]
  private let linkPlaces: [String: Int]

  /// An index of a file of `fileSize` bytes. Throws where the parts contradict each other or the size.
  public init(
    groups: [HDF5Group], datasets: [HDF5Dataset], links: [HDF5Link], committedTypes: [String],
    fileSize: UInt64
  ) throws(ResectError) {
    self.groups = groups
    self.datasets = datasets
    self.links = links
    self.committedTypes = committedTypes
    groupPlaces = try places(of: groups.map(\.path))
    datasetPlaces = try places(of: datasets.map(\.path))
    linkPlaces = try places(of: links.map(\.path))
    var stored: UInt64 = 0
    for dataset in datasets {
      guard groupPlaces[dataset.path] == nil else {
        throw ResectError(.malformed, "a group and a dataset have this name", tensor: dataset.path)
      }
      try dataset.check(fileSize: fileSize)
      stored = try stored.adding(dataset.storedBytes, "the size of all datasets")
    }
    guard stored <= fileSize else {
      throw ResectError(
        .malformed, "the datasets are said to take \(stored) bytes of a file of \(fileSize)",
        advice: "the file is damaged: fetch it again")
    }
  }

  /// The attributes of the root.
  public var root: HDF5Group {
    group(at: "") ?? HDF5Group(path: "", attributes: [])
  }

  /// The group at `path`, through links too.
  public func group(at path: String) -> HDF5Group? {
    resolve(path).flatMap { groupPlaces[$0] }.map { groups[$0] }
  }

  /// The dataset at `path`, through links too.
  public func dataset(at path: String) -> HDF5Dataset? {
    resolve(path).flatMap { datasetPlaces[$0] }.map { datasets[$0] }
  }

  /// The path by which the object at `path` is listed, which differs where `path` leads through links; nil where nothing
  /// is there, or links lead around in a circle.
  public func resolve(_ path: String) -> String? {
    if groupPlaces[path] != nil || datasetPlaces[path] != nil { return path }
    func names(in path: String) -> [String] { path.split(separator: "/").map(String.init).filter { $0 != "." } }
    var parts = names(in: path)
    // Each step follows one link, and as many are followed as libhdf5 does. Circles never end.
    for _ in 0...16 {
      let whole = parts.joined(separator: "/")
      if groupPlaces[whole] != nil || datasetPlaces[whole] != nil { return whole }
      guard let (target, rest) = followed(parts) else { return nil }
      parts = names(in: target) + rest
      guard parts.count <= 2 * Limits.hdf5Depth else { return nil }
    }
    return nil
  }

  /// The target of the first link that a path leads through, and what follows it: that is where the groups end.
  private func followed(_ parts: [String]) -> (target: String, rest: ArraySlice<String>)? {
    // The groups before it, searched by halves: what is within no group is none.
    var (groups, others) = (0, parts.count)
    while groups < others {
      let middle = (groups + others + 1) / 2
      if groupPlaces[parts[..<middle].joined(separator: "/")] != nil { groups = middle } else { others = middle - 1 }
    }
    guard groups < parts.count, let place = linkPlaces[parts[...groups].joined(separator: "/")] else { return nil }
    return (links[place].target, parts[(groups + 1)...])
  }
}

/// The position of each name, none of which may come twice.
private func places(of names: [String]) throws(ResectError) -> [String: Int] {
  var places: [String: Int] = [:]
  places.reserveCapacity(names.count)
  for (place, name) in names.enumerated() {
    guard places.updateValue(place, forKey: name) == nil else {
      throw ResectError(.malformed, "two objects have this name", tensor: name)
    }
  }
  return places
}

/// A group and what is said of it.
public struct HDF5Group: Sendable, Hashable {
  /// Its path; empty for the root.
  public let path: String
  /// Its attributes.
  public let attributes: [HDF5Attribute]

  /// A group.
  public init(path: String, attributes: [HDF5Attribute]) {
    self.path = path
    self.attributes = attributes
  }

  /// The value of the attribute `name`.
  public subscript(name: String) -> HDF5Value? { attributes.first { $0.name == name }?.value }
}

/// A further name of a group or a dataset.
public struct HDF5Link: Sendable, Hashable {
  /// The name, as a path.
  public let path: String
  /// What it leads to, as a path from the root; nothing may be there.
  public let target: String
  /// Whether it is a soft link, which names its target, or a hard one, which is as good as the target's other names.
  public let isSoft: Bool

  /// A link.
  public init(path: String, target: String, isSoft: Bool) {
    self.path = path
    self.target = target
    self.isSoft = isSoft
  }
}

/// A named value of a group or a dataset.
public struct HDF5Attribute: Sendable, Hashable {
  /// Its name.
  public let name: String
  /// Its value.
  public let value: HDF5Value

  /// An attribute.
  public init(name: String, value: HDF5Value) {
    self.name = name
    self.value = value
  }
}

/// The value of an attribute.
public enum HDF5Value: Sendable, Hashable {
  /// One string, of fixed or variable length.
  case string(String)
  /// An array of strings, in row-major order.
  case strings([String])
  /// One number or an array of them, in row-major order; integers beyond 2⁵³ are rounded.
  case numbers([Double])
  /// Something else, which is not read: what it is.
  case other(String)

  /// The string, if it is one.
  public var string: String? {
    if case .string(let text) = self { text } else { nil }
  }

  /// The strings: of an array of them, of one, or of an empty array of numbers, as which numpy stores an empty list.
  public var strings: [String]? {
    switch self {
    case .string(let text): [text]
    case .strings(let texts): texts
    case .numbers(let numbers): numbers.isEmpty ? [] : nil
    case .other: nil
    }
  }
}
