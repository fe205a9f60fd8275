public import ResectBytes
public import ResectTensors

/// Writes `tensor` as a `.npy` file to `file`, which the caller commits: byte by byte what `numpy.save` writes for an array in
/// C order.
///
/// Refused: a dtype that NumPy does not have, such as bfloat16.
public func writeNumPy(_ tensor: LazyTensor, to file: borrowing OutputFile) throws(ResectError) {
  let header = try numPyHeader(dtype: tensor.dtype, shape: tensor.shape)
  try file.write(header, at: 0)
  var position = UInt64(header.count)
  try tensor.stream { piece throws(ResectError) in
    try file.write(piece, at: position)
    position += UInt64(piece.byteCount)
  }
}

/// Writes `values`, row-major, as a `.npy` file of float32. Throws where they are not as many as `shape` asks for.
public func writeNumPy(
  _ values: [Float], shape: Shape, to file: borrowing OutputFile
) throws(ResectError) {
  guard values.count == shape.elementCount else {
    throw ResectError(.badArgument, "the shape \(shape) asks for \(shape.elementCount) values, not \(values.count)")
  }
  var bytes = try numPyHeader(dtype: .float32, shape: shape)
  bytes.reserveCapacity(bytes.count + values.count * 4)
  for value in values { bytes.append(littleEndian: value.bitPattern) }
  try file.write(bytes, at: 0)
}

/// All before the elements, in version 1.0 of the format.
private func numPyHeader(dtype: DType, shape: Shape) throws(ResectError) -> [UInt8] {
  guard let description = NumPyElement.description(of: dtype) else {
    throw ResectError(
      .unsupported, "NumPy has no \(dtype.rawValue)", advice: "write float32")
  }
  let axes = shape.axes.map(String.init)
  let tuple = axes.count == 1 ? "(\(axes[0]),)" : "(\(axes.joined(separator: ", ")))"
  var text = "{'descr': '\(description)', 'fortran_order': False, 'shape': \(tuple), }"
  // NumPy leaves room for the first axis to grow to 21 digits in place.
  if let first = axes.first { text += String(repeating: " ", count: 21 - first.utf8.count) }
  let prelude = NumPyPrelude.magic.count + 4
  let length = text.utf8.count + 1
  text += String(repeating: " ", count: 64 - (prelude + length) % 64) + "\n"
  var bytes = NumPyPrelude.magic + [1, 0]
  bytes.append(littleEndian: UInt16(text.utf8.count))
  return bytes + text.utf8
}
