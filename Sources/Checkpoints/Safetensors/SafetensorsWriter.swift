public import ResectBytes
public import ResectTensors

/// Writes a safetensors file to `file`, which the caller commits.
///
/// Larger elements come first, so that each tensor is aligned to its own; within a size, tensors keep their order. The same
/// tensors give the same bytes. Refused: a dtype that the format has no name for, and a tensor called `__metadata__`.
public func writeSafetensors(
  _ tensors: [OutputTensor], metadata: [(name: String, value: String)], to file: borrowing OutputFile,
  progress: WriteProgress? = nil,
  alongside companion: (@Sendable () throws(ResectError) -> Void)? = nil
) throws(ResectError) {
  var members: [JSON.Member] = []
  if !metadata.isEmpty {
    members.append(
      .init(
        Safetensors.metadataKey,
        .object(metadata.map { JSON.Member($0.name, .string($0.value)) })))
  }
  var placed: [PlacedTensor] = []
  var position: UInt64 = 0
  let order = tensors.indices.sorted {
    (tensors[$1].dtype.byteCount, $0) < (tensors[$0].dtype.byteCount, $1)
  }
  for tensor in order.map({ tensors[$0] }) {
    guard tensor.dtype != .complex128 else {
      throw ResectError(
        .unsupported, "safetensors has no complex128", advice: "convert it to another dtype before",
        tensor: tensor.name)
    }
    guard tensor.name != Safetensors.metadataKey else {
      throw ResectError(
        .unsupported, "safetensors keeps this name for itself", tensor: tensor.name)
    }
    let place = PlacedTensor(
      name: tensor.name, tensor: tensor.tensor, dtype: tensor.dtype, offset: position)
    placed.append(place)
    let end = position + UInt64(place.byteCount)
    members.append(
      .init(
        tensor.name,
        .object([
          "dtype": .string(tensor.dtype.rawValue),
          "shape": .array(tensor.tensor.shape.axes.map { .integer($0) }),
          "data_offsets": .array([.integer(position), .integer(end)]),
        ])))
    position = end
  }
  var header = JSON.object(members).compact
  header += [UInt8](repeating: 0x20, count: (8 - header.count % 8) % 8)
  guard header.count <= Limits.safetensorsHeaderBytes else {
    throw ResectError(.limit, "the header would be larger than safetensors allows", file: file.path)
  }
  var start: [UInt8] = []
  start.append(littleEndian: UInt64(header.count))
  start += header
  try file.write(start, at: 0)
  let dataStart = UInt64(start.count)
  _ = try write(
    placed.map {
      PlacedTensor(
        name: $0.name, tensor: $0.tensor, dtype: $0.dtype, offset: dataStart + $0.offset)
    }, to: file, checksummed: false, progress: progress, alongside: companion)
}
