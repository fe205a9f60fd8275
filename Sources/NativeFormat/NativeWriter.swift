public import Bytes
internal import ResNets
public import Tensors

/// Writes a `.resect` file, version 1, to `file`, which the caller commits.
///
/// Tensors are pulled, converted and written on all cores, and `companion` runs beside them: the header is made after both,
/// so that it can hold what only then is known, as the source's digest. The same model gives the same bytes.
public func writeNative(
  _ tensors: [OutputTensor], to file: borrowing OutputFile,
  progress: WriteProgress? = nil,
  alongside companion: (@Sendable () throws(ResectError) -> Void)? = nil,
  header: () throws(ResectError) -> NativeHeader
) throws(ResectError) {
  var position = UInt64(NativePrelude.byteCount)
  var placed: [PlacedTensor] = []
  for tensor in tensors {
    let place = PlacedTensor(
      name: tensor.name, tensor: tensor.tensor, dtype: tensor.dtype, offset: position)
    placed.append(place)
    position = aligned(position + UInt64(place.byteCount))
  }
  let checksums = try write(placed, to: file, progress: progress, alongside: companion)
  let entries = zip(placed, checksums).map { place, checksum in
    NativeTensorEntry(
      name: place.name, dtype: place.dtype, shape: place.tensor.shape, offset: place.offset,
      length: UInt64(place.byteCount),
      checksum: CRC32.extending(checksum, byZeros: padding(after: UInt64(place.byteCount))))
  }
  let headerBytes = try header().json(tensors: entries).compact
  guard headerBytes.count <= Limits.metadataBytes else {
    throw ResectError(
      .limit, "the header would have \(headerBytes.count) bytes, at most \(Limits.metadataBytes) are written",
      file: file.path)
  }
  // The zeros between payloads need no writing: a file that is extended reads as zeros.
  try file.write(headerBytes, at: position)
  let prelude = NativePrelude(
    fileLength: position + UInt64(headerBytes.count), headerOffset: position,
    headerLength: UInt64(headerBytes.count), headerChecksum: CRC32.of(headerBytes))
  try file.write(prelude.bytes, at: 0)
}

/// The next multiple of 64.
func aligned(_ position: UInt64) -> UInt64 { position + UInt64(padding(after: position)) }

/// How many zeros follow a payload of `length` bytes.
func padding(after length: UInt64) -> Int {
  Int((NativePrelude.alignment - length % NativePrelude.alignment) % NativePrelude.alignment)
}
