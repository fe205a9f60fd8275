public import ResectBytes
public import ResectTensors

/// An HDF5 file that is to be written: all of it but the tensors' elements, and where those belong.
///
/// libhdf5 writes a file by itself, through a path, or whole in memory. Here all cores write at once into a file that has no
/// name yet, at places known before. What is needed for that is little and is written here: a superblock, headers whose
/// links and attributes stand in them, strings in a heap, and data that lie as they are. libhdf5 reads it from 1.8 on. No
/// times are kept, so the same tree gives the same bytes.
public struct HDF5Outline: Sendable {
  /// Where tensors' elements begin: multiples of this.
  public static let alignment: UInt64 = 64

  /// What precedes the elements: the file from its beginning.
  public let metadata: [UInt8]
  /// The tensors in the order in which their elements lie in the file, at offsets from its beginning; zeros are between them.
  public let tensors: [PlacedTensor]
  /// Bytes of the whole file.
  public let byteCount: UInt64

  /// Lays out `tree`. Refused: a dtype that HDF5 has no name for, and an attribute that it has no room for.
  public init(_ tree: HDF5Tree) throws(ResectError) {
    let objects = PlacedObject.all(in: tree)
    // Addresses follow from sizes, and no size depends on an address: the first time they mean nothing.
    var places = Places(objects, headerSizes: objects.map { _ in 0 }, heapSize: 0)
    let (drafts, draftHeap) = try Self.headers(of: objects, at: places)
    places = Places(objects, headerSizes: drafts.map(\.count), heapSize: draftHeap.count)
    let (headers, heap) = try Self.headers(of: objects, at: places)
    var bytes = Superblock.bytes(root: places.headers[0], fileSize: places.end)
    for header in headers { bytes += header }
    bytes += [UInt8](repeating: 0, count: Int(places.heap) - bytes.count) + heap
    metadata = bytes
    tensors = zip(objects, places.data).compactMap { object, offset in
      object.node.tensor.map {
        PlacedTensor(name: $0.name, tensor: $0.tensor, dtype: $0.dtype, offset: offset)
      }
    }
    byteCount = places.end
  }

  private static func headers(
    of objects: [PlacedObject], at places: Places
  ) throws(ResectError) -> (headers: [[UInt8]], heap: [UInt8]) {
    var heap = StringHeap(at: places.heap)
    var headers: [[UInt8]] = []
    for (object, offset) in zip(objects, places.data) {
      do throws(ResectError) {
        var header =
          if let tensor = object.node.tensor { try ObjectHeader(of: tensor, at: offset) } else {
            try ObjectHeader(links: object.children.map { ($0.name, places.headers[$0.index]) })
          }
        for attribute in object.node.attributes { try header.append(attribute, heap: &heap) }
        headers.append(header.bytes)
      } catch {
        throw error.located(tensor: object.path)
      }
    }
    return (headers, heap.bytes)
  }
}

/// A group or a dataset in the list of all of them, the root first.
private struct PlacedObject {
  let path: String
  let node: HDF5Tree.Node
  var children: [(name: String, index: Int)] = []

  /// All objects of `tree`, in the order of their names within a group.
  static func all(in tree: HDF5Tree) -> [PlacedObject] {
    var objects = [PlacedObject(path: "", node: tree.root)]
    var next = 0
    while next < objects.count {
      let object = objects[next]
      let children = object.node.children.sorted { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }
      for (name, node) in children {
        objects[next].children.append((name, objects.count))
        objects.append(PlacedObject(path: object.path.isEmpty ? name : "\(object.path)/\(name)", node: node))
      }
      next += 1
    }
    return objects
  }
}

/// Where everything lies.
private struct Places {
  let headers: [UInt64]
  let heap: UInt64
  /// Where the elements of each object are; those of groups, which have none, take no room.
  let data: [UInt64]
  /// Where the file ends.
  let end: UInt64

  init(_ objects: [PlacedObject], headerSizes: [Int], heapSize: Int) {
    var position = UInt64(Superblock.byteCount)
    headers = headerSizes.map { size in
      defer { position += UInt64(size) }
      return position
    }
    heap = position.rounded(upTo: 8)
    position = heapSize > 0 ? heap + UInt64(heapSize) : position
    var end = position
    data = objects.map { object in
      guard let tensor = object.node.tensor else { return end }
      let size = UInt64(tensor.tensor.byteCount(as: tensor.dtype))
      let start = size > 0 ? end.rounded(upTo: HDF5Outline.alignment) : end
      end = start + size
      return start
    }
    self.end = end
  }
}

/// What the file begins with. Source: the format's specification, II.B.
private enum Superblock {
  static let byteCount = 48

  static func bytes(root: UInt64, fileSize: UInt64) -> [UInt8] {
    // Version 2; addresses and lengths have eight bytes; nobody has the file open.
    var bytes = Array("\u{89}HDF\r\n\u{1A}\n".unicodeScalars.map { UInt8($0.value) }) + [2, 8, 8, 0]
    for address in [0, ObjectHeader.nowhere, fileSize, root] { bytes.append(littleEndian: address) }
    bytes.append(littleEndian: metadataChecksum(bytes))
    return bytes
  }
}

extension UInt64 {
  fileprivate func rounded(upTo multiple: UInt64) -> UInt64 {
    (self + multiple - 1) / multiple * multiple
  }
}

/// Writes the HDF5 file that `tree` describes to `file`, which the caller commits.
public func writeHDF5(
  _ tree: HDF5Tree, to file: borrowing OutputFile, progress: WriteProgress? = nil,
  alongside companion: (@Sendable () throws(ResectError) -> Void)? = nil
) throws(ResectError) {
  let outline = try HDF5Outline(tree)
  try file.write(outline.metadata, at: 0)
  _ = try write(
    outline.tensors, to: file, checksummed: false, progress: progress, alongside: companion)
}
