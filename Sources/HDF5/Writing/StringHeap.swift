internal import ResectBytes

/// Where strings of variable length are kept: collections, one after the other. Source: the format's specification, III.E.
struct StringHeap {
  /// libhdf5 makes none that are smaller.
  private static let smallestCollection = 4096
  private static let headBytes = 16

  /// Where the first collection will be.
  let address: UInt64
  /// The collections that are full.
  private var full: [UInt8] = []
  private var objects: [UInt8] = []
  private var count: UInt16 = 0

  init(at address: UInt64) { self.address = address }

  /// Puts `text` into the heap; what stands for it in an attribute.
  mutating func reference(to text: String) throws(ResectError) -> [UInt8] {
    let utf8 = Array(text.utf8)
    guard utf8.count < UInt32.max else { throw ResectError(.limit, "the text is too long for HDF5") }
    var reference: [UInt8] = []
    reference.append(littleEndian: UInt32(utf8.count))
    guard !utf8.isEmpty else { return reference + [UInt8](repeating: 0, count: 12) }
    let size = StringHeap.headBytes + (utf8.count + 7) / 8 * 8
    if count > 0, 2 * StringHeap.headBytes + objects.count + size > StringHeap.smallestCollection {
      full += collection
      (objects, count) = ([], 0)
    }
    count += 1
    objects.append(littleEndian: count)
    objects += [UInt8](repeating: 0, count: 6)
    objects.append(littleEndian: UInt64(utf8.count))
    objects += utf8 + [UInt8](repeating: 0, count: size - StringHeap.headBytes - utf8.count)
    reference.append(littleEndian: address + UInt64(full.count))
    reference.append(littleEndian: UInt32(count))
    return reference
  }

  /// All collections.
  var bytes: [UInt8] { count == 0 ? full : full + collection }

  /// The objects that are in no full collection yet, as one; what is left of it is free.
  private var collection: [UInt8] {
    let used = StringHeap.headBytes + objects.count
    let size = max(used + StringHeap.headBytes, StringHeap.smallestCollection)
    var bytes = Array("GCOL".utf8) + [1, 0, 0, 0]
    bytes.append(littleEndian: UInt64(size))
    bytes += objects + [UInt8](repeating: 0, count: 8)
    bytes.append(littleEndian: UInt64(size - used))
    return bytes + [UInt8](repeating: 0, count: size - bytes.count)
  }
}
