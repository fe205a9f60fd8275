/// Copies the tensors of any model from container to container under their own names: nothing is mapped, and
/// nothing computed but the dtype that `options` asks for.
///
/// Takes whatever `Checkpoint` reads, and `.resect` files. Writes safetensors, torch's zip and HDF5, where attributes come
/// along from another HDF5 file, and a `.keras` archive from another one; `.resect` files hold ResNets.
@discardableResult
public func copyTensors(
  from input: String, to output: String, open: OpenOptions = OpenOptions(),
  options: WriteOptions = WriteOptions(), progress: WriteProgress? = nil
) throws(ResectError) -> (report: WriteReport, tensors: Int, ignored: [Checkpoint.Ignored]) {
  let format = try options.format(for: output)
  var copy = try RawCopy(Container(path: input, options: open), options)
  let file = try OutputFile(
    path: output, overwrite: options.overwrites, inputs: [copy.source.identity])
  do throws(ResectError) {
    try copy.write(as: format, to: file, progress: progress)
    let bytes = try file.committed()
    let report = WriteReport(format: format, bytes: bytes, digests: [], warnings: [], proof: nil, rereading: nil)
    return (report, copy.tensors.count, copy.ignored)
  } catch {
    throw error.located(file: input)
  }
}

/// What is copied.
private struct RawCopy {
  let tensors: [OutputTensor]
  let metadata: [String: String]
  let hdf5: HDF5Content?
  var ignored: [Checkpoint.Ignored]
  let source: InputFile

  init(_ container: Container, _ options: WriteOptions) {
    func output(_ name: String, _ tensor: LazyTensor) -> OutputTensor {
      OutputTensor(name: name, tensor: tensor, dtype: tensor.storedDType(ofWeights: options.dtype))
    }
    switch container {
    case .checkpoint(let checkpoint):
      tensors = checkpoint.tensors.map { output($0.name, $0.tensor) }
      metadata = checkpoint.metadata
      hdf5 = checkpoint.hdf5
      ignored = checkpoint.ignored
      source = checkpoint.file
    case .native(let native, let file):
      tensors = native.tensors.map { output($0.name, $0.tensor) }
      metadata = [:]
      hdf5 = nil
      ignored = []
      source = file
    }
  }

  mutating func write(
    as format: OutputFormat, to file: borrowing OutputFile, progress: WriteProgress?
  ) throws(ResectError) {
    switch format {
    case .resect:
      throw ResectError(
        .badArgument, "a .resect file holds a ResNet, not just any tensors",
        advice: "write .safetensors or .pth", file: file.path)
    case .safetensors:
      // The names are torch's unless the file says otherwise: other readers want to know.
      let metadata = metadata.merging(["format": "pt"]) { own, _ in own }
      try writeSafetensors(tensors, metadata: sorted(metadata), to: file, progress: progress)
    case .torch:
      try writeTorchZip(tensors, metadata: sorted(metadata), to: file, progress: progress)
    case .hdf5, .kerasWeights:
      try writeHDF5(tree(), to: file, progress: progress)
    case .keras:
      guard let configuration = hdf5?.configuration, let description = hdf5?.archiveMetadata else {
        throw ResectError(
          .badArgument, "only a .keras archive says what another one has to say of its network",
          advice: "write .h5", file: file.path)
      }
      try writeKerasArchive(
        weights: tree(), configuration: configuration, metadata: description, to: file, progress: progress)
    }
  }

  private func sorted(_ metadata: [String: String]) -> [(name: String, value: String)] {
    metadata.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
  }

  /// The tensors as an HDF5 file, with the groups and attributes of the one that they come from.
  private mutating func tree() throws(ResectError) -> HDF5Tree {
    if let hdf5 {
      let (tree, unread) = try HDF5Tree.copying(hdf5.index, tensors: tensors)
      ignored += unread
      return tree
    }
    var tree = HDF5Tree()
    for tensor in tensors { try tree.add(tensor) }
    for (name, value) in sorted(metadata) { try tree.add(.init(name, .string(value))) }
    return tree
  }
}
