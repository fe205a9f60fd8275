internal import ResectBytes
internal import ResectPickle
internal import Synchronization
internal import ResectTensors
internal import ResectZip

/// torch.save since 1.6: a zip of a pickle and one record a storage.
///
/// Source: torch's `serialization.py` and `caffe2/serialize/inline_container.cc`.
enum TorchZip {
  /// The record, below the folder, of what Resect writes beside the tensors: an object of strings.
  static let metadataRecord = "extra/resect.json"

  static func checkpoint(_ archive: ZipArchive, key: String?) throws(ResectError) -> Checkpoint {
    let folder = try folder(of: archive)
    guard let record = archive[folder + "data.pkl"] else {
      throw ResectError(.malformed, "the archive has no data.pkl")
    }
    let byteOrder = try byteOrder(of: archive, folder)
    let bytes = try archive.read(record, limit: Limits.metadataBytes)
    let pickle: Pickle
    do throws(ResectError) {
      pickle = try Pickle(parsing: bytes, policy: .torch)
      guard pickle.end == bytes.count else {
        throw ResectError(
          .malformed, "\(bytes.count - pickle.end) bytes follow the pickle", offset: UInt64(pickle.end))
      }
    } catch {
      throw error.located(tensor: record.name)
    }
    let storages = StorageRecords(archive: archive, folder: folder)
    var known: [String: any TensorStorage] = [:]
    var declared: [String: UInt64] = [:]
    let objects = try TorchObjects(pickle) { value throws(ResectError) in
      guard let id = try PersistentStorage(value, in: pickle, isStream: false) else {
        return .nothing
      }
      if let before = declared[id.key], before != id.byteCount {
        throw ResectError(
          .malformed, "storage \(id.key) is said to have \(before) and \(id.byteCount) bytes")
      }
      declared[id.key] = id.byteCount
      if let storage = known[id.key] { return id.resolved(storage, byteOrder) }
      let storage = try storages.storage(id)
      known[id.key] = storage
      return id.resolved(storage, byteOrder)
    }
    var selection = try StateDictSelection(objects, key: key)
    if archive[folder + "constants.pkl"] != nil {
      selection.ignored.append(
        .init(name: "constants.pkl", reason: "constants and code of TorchScript"))
    }
    return Checkpoint(
      archive.file, .torchZip, selection, metadata: try metadata(of: archive, folder))
  }

  /// The one folder with a data.pkl. Its name is that of the file when it was saved, so it says nothing.
  private static func folder(of archive: ZipArchive) throws(ResectError) -> String {
    let name = "data.pkl"
    let folders = archive.entries.map(\.name)
      .filter { $0 == name || $0.hasSuffix("/\(name)") }.map { String($0.dropLast(name.count)) }
    guard let folder = folders.first else {
      throw ResectError(
        .unknownFormat, "this zip has no data.pkl and no model.weights.h5",
        advice: "give a file written by torch.save or Keras")
    }
    guard folders.count == 1 else {
      throw ResectError(
        .malformed, "the archive has \(folders.count) pickles: \(folders.joined(separator: ", "))")
    }
    return folder
  }

  /// What Resect wrote beside the tensors; nothing in a file of another's.
  private static func metadata(
    of archive: ZipArchive, _ folder: String
  ) throws(ResectError) -> [String: String] {
    guard let record = archive[folder + metadataRecord] else { return [:] }
    let bytes = try archive.read(record, limit: Limits.metadataBytes)
    do throws(ResectError) {
      return try JSON(parsing: bytes).strings(of: metadataRecord)
    } catch {
      throw error.located(tensor: record.name)
    }
  }

  private static func byteOrder(
    of archive: ZipArchive, _ folder: String
  ) throws(ResectError) -> LazyTensor.ByteOrder {
    guard let record = archive[folder + "byteorder"] else { return .little }
    switch String(decoding: try archive.read(record, limit: 64), as: UTF8.self) {
    case "little": return .little
    case "big": return .big
    case let other:
      throw ResectError(
        .malformed, "expected little or big, found \(other)", tensor: record.name)
    }
  }
}

/// The records of an archive that hold storages.
private struct StorageRecords {
  let archive: ZipArchive
  let folder: String

  func storage(_ id: PersistentStorage) throws(ResectError) -> any TensorStorage {
    let name = "\(folder)data/\(id.key)"
    guard id.key.utf8.count <= 256, let entry = archive[name] else {
      throw ResectError(
        .malformed, "the archive has no record \(name.printable(limit: 80))",
        advice: "the file is damaged: fetch it again")
    }
    guard entry.size == id.byteCount else {
      throw ResectError(
        .malformed, "the record has \(entry.size) bytes, the pickle says \(id.byteCount)",
        tensor: name)
    }
    guard entry.isStored else { return InflatedStorage(archive: archive, entry: entry) }
    return try FileStorage(
      archive.file, offset: entry.payloadOffset, byteCount: entry.size,
      checksum: entry.crc32 == 0 ? nil : entry.crc32, name: name)
  }
}

/// A deflated record. It can be read from its beginning only, so the one that was read last is kept.
private final class InflatedStorage: TensorStorage {
  private static let latest = Mutex<(owner: ObjectIdentifier, bytes: [UInt8])?>(nil)
  private let archive: ZipArchive
  private let entry: ZipEntry

  init(archive: ZipArchive, entry: ZipEntry) {
    self.archive = archive
    self.entry = entry
  }

  deinit {
    InflatedStorage.latest.withLock { latest in
      if latest?.owner == ObjectIdentifier(self) { latest = nil }
    }
  }

  var byteCount: UInt64 { entry.size }

  func stream(_ range: Range<UInt64>, _ piece: (RawSpan) throws(ResectError) -> Void)
    throws(ResectError)
  {
    let owner = ObjectIdentifier(self)
    let bytes: [UInt8]
    if let known = InflatedStorage.latest.withLock({ $0?.owner == owner ? $0?.bytes : nil }) {
      bytes = known
    } else {
      let inflated = try archive.read(entry, limit: Int(entry.size))
      InflatedStorage.latest.withLock { $0 = (owner, inflated) }
      bytes = inflated
    }
    var start = Int(range.lowerBound)
    while start < Int(range.upperBound) {
      let end = min(start + InputFile.pieceBytes, Int(range.upperBound))
      try bytes.withRawSpan { span throws(ResectError) in
        try piece(span.extracting(start..<end))
      }
      start = end
    }
  }
}
