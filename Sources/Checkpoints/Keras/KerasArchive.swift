internal import ResectBytes
internal import ResectHDF5
internal import ResectZip

/// The zip that Keras 3 writes: weights as an HDF5 file, which is read in place where it is stored as it is.
///
/// Source: Keras' `saving_lib.py`.
enum KerasArchive {
  static let weights = "model.weights.h5"
  static let configuration = "config.json"
  static let metadata = "metadata.json"

  static func recognises(_ archive: ZipArchive) -> Bool { archive[weights] != nil }

  static func checkpoint(
    _ archive: ZipArchive, key: String?, reader: String?
  ) throws(ResectError) -> Checkpoint {
    guard let entry = archive[weights] else {
      throw ResectError(.malformed, "the archive has no \(weights)")
    }
    let content = HDF5Content(
      file: try open(entry, in: archive, reader: reader),
      configuration: try text(configuration, in: archive),
      archiveMetadata: try text(metadata, in: archive))
    let checkpoint = try HDF5Container.checkpoint(archive.file, .keras, content, key: key)
    let known = [weights, configuration, metadata]
    let others = archive.entries.filter { !known.contains($0.name) && !$0.name.hasSuffix("/") }
    return checkpoint.ignoring(
      others.map { .init(name: $0.name, reason: "an entry of the archive beside the weights") })
  }

  private static func open(
    _ entry: ZipEntry, in archive: ZipArchive, reader: String?
  ) throws(ResectError) -> HDF5File {
    guard !entry.isStored else {
      let range = entry.payloadOffset..<entry.payloadOffset + entry.size
      return try HDF5File(
        archive.file, range: range, checksum: entry.crc32 == 0 ? nil : entry.crc32, reader: reader)
    }
    guard entry.size <= Limits.inflatedFileBytes else {
      throw ResectError(
        .limit, "the entry inflates to \(entry.size) bytes, at most \(Limits.inflatedFileBytes) are read",
        tensor: entry.name)
    }
    let inflated = try InputFile.inMemory(archive.file.path) { write throws(ResectError) in
      try archive.stream(entry, write)
    }
    return try HDF5File(inflated, reader: reader)
  }

  private static func text(
    _ name: String, in archive: ZipArchive
  ) throws(ResectError) -> String? {
    guard let entry = archive[name] else { return nil }
    let bytes = try archive.read(entry, limit: Limits.metadataBytes)
    guard let text = String(validating: bytes, as: UTF8.self) else {
      throw ResectError(.malformed, "the entry is not UTF-8", tensor: name)
    }
    return text
  }
}

extension Checkpoint {
  /// This checkpoint, with more that was left out.
  fileprivate func ignoring(_ more: [Ignored]) -> Checkpoint {
    Checkpoint(
      file: file, format: format, tensors: tensors, prefix: prefix, key: key,
      ignored: ignored + more, modules: modules, metadata: metadata, hdf5: hdf5, keras: keras)
  }
}
