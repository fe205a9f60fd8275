public import ResectBytes
public import ResectTensors

/// An array in a `.npy` file, as NumPy's `save` writes it. Nothing but the header is read before it is asked for.
///
/// Source: NumPy, `numpy/lib/format.py`; versions 1.0, 2.0 and 3.0.
public struct NumPyArray: Sendable {
  /// The array, row-major.
  public let tensor: LazyTensor

  /// Opens the array in the file at `path`.
  ///
  /// Refused: what is no `.npy` file; a header that is no literal of the three members; an array of Python objects (a pickle),
  /// of records, text or dates; Fortran order; a file that has fewer or more bytes than the shape asks for.
  public init(contentsOf path: String) throws(ResectError) {
    do throws(ResectError) {
      let file = try InputFile(path: path)
      let prelude = try NumPyPrelude(file)
      let header = try NumPyHeader(
        parsing: file.read(at: prelude.headerOffset, count: prelude.headerLength))
      let start = prelude.headerOffset + UInt64(prelude.headerLength)
      let expected = UInt64(header.shape.elementCount * header.element.dtype.byteCount)
      guard file.size - start == expected else {
        throw ResectError(
          file.size - start < expected ? .truncated : .malformed,
          "the shape \(header.shape) asks for \(expected) bytes, the file holds \(file.size - start)",
          advice: "the file is damaged, or holds more than one array")
      }
      tensor = try LazyTensor(
        storage: FileStorage(file, offset: start, byteCount: expected, name: "the array"),
        dtype: header.element.dtype, shape: header.shape, byteOrder: header.element.byteOrder)
    } catch {
      var located = error.located(file: path)
      if error.code == .unknownFormat { located.advice = "give the path of an array that numpy.save wrote" }
      throw located
    }
  }

  /// The elements as float32, in row-major order.
  ///
  /// Floating-point numbers are rounded to nearest. Integers are converted only where each of them is a float32; complex
  /// numbers are refused, and so are numbers that would become infinite.
  public func floats() throws(ResectError) -> [Float] {
    if tensor.dtype.isComputable { return Float.decoded(from: try tensor.bytes(as: .float32)) }
    guard tensor.dtype.componentCount == 1 else {
      throw ResectError(.unsupported, "complex numbers are not converted to float32")
    }
    return try tensor.doubles().map { value throws(ResectError) in
      // Beyond 2⁵³, what came as a double may be another integer than the file's.
      guard value.magnitude < 0x1p53, Double(Float(value)) == value else {
        throw ResectError(
          .badValue, "\(value) is no float32", advice: "store the array as float32 or float64")
      }
      return Float(value)
    }
  }
}

extension Float {
  /// The numbers whose little-endian bytes these are.
  fileprivate static func decoded(from bytes: [UInt8]) -> [Float] {
    unsafe bytes.withUnsafeBytes { buffer in
      stride(from: 0, to: buffer.count, by: 4).map { offset in
        let bits = unsafe buffer.loadUnaligned(fromByteOffset: offset, as: UInt32.self)
        return Float(bitPattern: UInt32(littleEndian: bits))
      }
    }
  }
}
