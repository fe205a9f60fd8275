public import ResectBytes
public import ResectHDF5
public import ResectTensors
internal import ResectZip

/// Writes a `.keras` archive to `file`, which the caller commits: what Keras 3 makes of a model.
///
/// - Parameters:
///   - weights: The weights, as `HDF5Tree.init(keras:attributes:)` arranges them.
///   - configuration: The text of `config.json`, from which Keras builds the model.
///   - metadata: The text of `metadata.json`.
///   - file: The file to write, which the caller commits.
///   - progress: Is told of bytes as they are written.
///   - companion: Work that goes on beside the writing.
///
/// Entries are stored as they are, so the tensors can be read in place. Source: Keras' `saving_lib.py`.
public func writeKerasArchive(
  weights: HDF5Tree, configuration: String, metadata: String, to file: borrowing OutputFile,
  progress: WriteProgress? = nil,
  alongside companion: (@Sendable () throws(ResectError) -> Void)? = nil
) throws(ResectError) {
  let outline = try HDF5Outline(weights)
  var zip = ZipLayout()
  var checksums: [UInt32] = []
  for (name, text) in [(KerasArchive.metadata, metadata), (KerasArchive.configuration, configuration)] {
    let bytes = Array(text.utf8)
    try file.write(bytes, at: zip.append(name, byteCount: UInt64(bytes.count)))
    checksums.append(CRC32.of(bytes))
  }
  let start = try zip.append(
    KerasArchive.weights, byteCount: outline.byteCount, alignment: HDF5Outline.alignment)
  try file.write(outline.metadata, at: start)
  let placed = outline.tensors.map {
    PlacedTensor(name: $0.name, tensor: $0.tensor, dtype: $0.dtype, offset: start + $0.offset)
  }
  let tensorChecksums = try write(placed, to: file, progress: progress, alongside: companion)
  checksums.append(outline.checksum(of: tensorChecksums))
  try zip.write(checksums: checksums, to: file)
}

extension HDF5Outline {
  /// The whole file's CRC-32, where those of its tensors' elements are known.
  fileprivate func checksum(of tensorChecksums: [UInt32]) -> UInt32 {
    var checksum = CRC32.of(metadata)
    var position = UInt64(metadata.count)
    for (tensor, value) in zip(tensors, tensorChecksums) {
      checksum = CRC32.extending(checksum, byZeros: Int(tensor.offset - position))
      checksum = CRC32.joining(checksum, value, count: UInt64(tensor.byteCount))
      position = tensor.offset + UInt64(tensor.byteCount)
    }
    return checksum
  }
}
