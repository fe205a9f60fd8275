internal import ResectBytes
internal import ResectHDF5
internal import ResectTensors

/// Any HDF5 file: a tree of arrays, each named by its path.
enum HDF5Container {
  static func checkpoint(
    _ file: InputFile, key: String?, reader: String?
  ) throws(ResectError) -> Checkpoint {
    let hdf5 = try HDF5File(file, reader: reader)
    let content = HDF5Content(
      file: hdf5, configuration: hdf5.index.root["model_config"]?.string, archiveMetadata: nil)
    return try checkpoint(file, .hdf5, content, key: key)
  }

  /// The arrays of numbers that `content` lists; all else is ignored for a reason.
  static func checkpoint(
    _ file: InputFile, _ format: Checkpoint.Format, _ content: HDF5Content, key: String?
  ) throws(ResectError) -> Checkpoint {
    guard key == nil else {
      throw ResectError(.badArgument, "an HDF5 file has no keys to choose from")
    }
    let keras = try content.kerasModel()
    let buffers = Set(((try? keras?.get())?.weights ?? []).lazy.filter(\.isBuffer).compactMap(\.path))
    var tensors: [Checkpoint.Entry] = []
    var ignored: [Checkpoint.Ignored] = []
    for dataset in content.index.datasets {
      if let tensor = try content.file.tensor(dataset) {
        tensors.append(
          .init(name: dataset.path, tensor: tensor, isBuffer: keras == nil ? nil : buffers.contains(dataset.path)))
      } else {
        ignored.append(
          .init(name: dataset.path, reason: "\(dataset.whyNotNumeric ?? "nothing"), no tensor"))
      }
    }
    guard !tensors.isEmpty else {
      throw ResectError(.unsupported, "the file holds no array of numbers")
    }
    guard tensors.count <= Limits.tensors else {
      throw ResectError(.limit, "the file holds more than \(Limits.tensors) tensors")
    }
    ignored += content.index.links.map { link in
      let isThere = content.index.resolve(link.path) != nil
      return .init(
        name: link.path,
        reason: isThere ? "another name of \(link.target)" : "a link to \(link.target), which is not there")
    }
    ignored += content.index.committedTypes.map { .init(name: $0, reason: "a type, no tensor") }
    return Checkpoint(
      file: file, format: format, tensors: tensors, prefix: "", key: nil, ignored: ignored,
      modules: [:], metadata: metadata(of: content.index.root), hdf5: content, keras: keras)
  }

  private static func metadata(of root: HDF5Group) -> [String: String] {
    var metadata: [String: String] = [:]
    for attribute in root.attributes {
      if let text = attribute.value.string { metadata[attribute.name] = text }
    }
    return metadata
  }
}
