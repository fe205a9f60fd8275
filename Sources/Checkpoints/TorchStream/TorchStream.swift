internal import ResectBytes
internal import ResectPickle
internal import ResectTensors

/// torch.save from 0.1.10 to 1.5: five pickles one after the other, then the storages.
///
/// Source: torch's `_legacy_save` and `_legacy_load`. Storages are little-endian whatever machine wrote them.
enum TorchStream {
  /// 0x1950a86a20f9469cfc6c.
  private static let magic: [UInt8] = [0x6C, 0xFC, 0x9C, 0x46, 0xF9, 0x20, 0x6A, 0xA8, 0x50, 0x19]
  private static let protocolVersion: Int64 = 1001

  /// Whether the file begins with a pickle of the magic number, by any protocol.
  static func recognises(_ head: [UInt8]) throws(ResectError) -> Bool {
    // PROTO, or what protocols 0 and 1 begin a large integer with.
    guard head[0] == 0x80 || head[0] == UInt8(ascii: "L") else { return false }
    do throws(ResectError) {
      let pickle = try Pickle(parsing: head, policy: .torch)
      return pickle.isInteger(pickle.root, equalToLittleEndian: magic)
    } catch {
      // What a bare pickle asks for is worth saying, even though it is no checkpoint.
      if error.code == .unsafePickle { throw error }
      return false
    }
  }

  static func checkpoint(_ file: InputFile, key: String?) throws(ResectError) -> Checkpoint {
    var position: UInt64 = 0
    func next(_ name: String, window: Int = 1024) throws(ResectError) -> Pickle {
      let (pickle, end) = try Pickle.at(
        position, of: file, before: file.size, window: window, name: name)
      position = end
      return pickle
    }
    _ = try next("the magic number")
    let version = try next("the protocol version")
    guard version.integer(version.root) == protocolVersion else {
      throw ResectError(.unsupported, "the protocol version is not \(protocolVersion)")
    }
    let systemInfo = try next("the system's description")
    guard systemInfo.entries(of: systemInfo.root) != nil else {
      throw ResectError(.malformed, "the system's description is no dict")
    }
    let pickle = try next("the object", window: 256 << 10)
    let keys = try next("the storage keys", window: 64 << 10)

    // What the object says of its storages comes before the storages themselves.
    var ids: [String: PersistentStorage] = [:]
    for id in pickle.values(of: .persistentID) {
      guard case .persistentID(let value) = pickle[id],
        let storage = try PersistentStorage(value, in: pickle, isStream: true)
      else { continue }
      if let before = ids[storage.key], before.byteCount != storage.byteCount {
        throw ResectError(
          .malformed,
          "storage \(storage.key) is said to have \(before.byteCount) and \(storage.byteCount) bytes")
      }
      ids[storage.key] = storage
    }
    let storages = try TorchStream.storages(file, from: position, keys: keys, ids: ids)
    let objects = try TorchObjects(pickle) { value throws(ResectError) in
      guard let id = try PersistentStorage(value, in: pickle, isStream: true) else {
        return .nothing
      }
      guard let whole = storages[id.key] else {
        throw ResectError(.malformed, "the file does not list storage \(id.key)")
      }
      guard let view = id.view else { return id.resolved(whole, .little) }
      let part = try FileStorage(
        file, offset: whole.offset + view.bytes.lowerBound,
        byteCount: view.bytes.upperBound - view.bytes.lowerBound, name: "storage \(view.key)")
      return id.resolved(part, .little)
    }
    return Checkpoint(file, .torchStream, try StateDictSelection(objects, key: key))
  }

  /// Finds the storages: for each key, in order, the number of elements and then the elements.
  private static func storages(
    _ file: InputFile, from start: UInt64, keys: Pickle, ids: [String: PersistentStorage]
  ) throws(ResectError) -> [String: FileStorage] {
    guard let list = keys.list(keys.root) else {
      throw ResectError(.malformed, "the storage keys are no list")
    }
    var position = start
    var storages: [String: FileStorage] = [:]
    for element in list {
      guard let key = keys.string(element) ?? keys.integer(element).map(String.init) else {
        throw ResectError(.malformed, "a storage key is \(keys.kind(of: element))")
      }
      guard let id = ids[key] else {
        throw ResectError(.malformed, "the file lists storage \(key), which nothing refers to")
      }
      guard storages[key] == nil else {
        throw ResectError(.malformed, "the file lists storage \(key) twice")
      }
      var reader = ByteReader(try file.read(at: position, count: 8))
      let count = try reader.integer(UInt64.self)
      var size: UInt64 = 1
      if case .typed(let dtype) = id.storageClass { size = UInt64(dtype.byteCount) }
      let byteCount = try count.multiplying(size, "the length of storage \(key)")
      // Nothing is known of the element size of quantised storages: their tensors are refused when they are asked for.
      if case .quantised = id.storageClass {
        throw ResectError(.unsupported, "storage \(key) is quantised, which is not read")
      }
      guard byteCount == id.byteCount else {
        throw ResectError(
          .malformed, "storage \(key) has \(byteCount) bytes, the pickle says \(id.byteCount)",
          offset: position)
      }
      storages[key] = try FileStorage(
        file, offset: position + 8, byteCount: byteCount, name: "storage \(key)")
      position = try position.adding(8, "an offset").adding(byteCount, "an offset")
    }
    guard position == file.size else {
      throw ResectError(
        .malformed, "\(file.size - position) bytes follow the last storage", offset: position)
    }
    return storages
  }
}
