public import ResectBytes
public import ResectHDF5
public import ResectTensors

/// What an HDF5 file or a .keras archive says beside its tensors: what Keras' names are understood by.
public struct HDF5Content: Sendable {
  /// The opened file.
  public let file: HDF5File
  /// The model's configuration as JSON: `config.json` of a .keras archive, or the attribute `model_config`.
  public let configuration: String?
  /// `metadata.json` of a .keras archive.
  public let archiveMetadata: String?

  /// Groups, datasets, attributes and links.
  public var index: HDF5Index { file.index }

  /// The numbers of the dataset at `path`, through links too; nil where there is none, or one of something else.
  public func tensor(at path: String) throws(ResectError) -> LazyTensor? {
    guard let dataset = index.dataset(at: path) else { return nil }
    return try file.tensor(dataset)
  }
}
