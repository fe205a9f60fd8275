internal import ResectBytes
internal import ResectTensors

/// The type of an array's elements, as NumPy's `dtype.descr` spells it: byte order, kind, bytes.
struct NumPyElement: Equatable {
  let dtype: DType
  let byteOrder: LazyTensor.ByteOrder

  private static let dtypes: KeyValuePairs<String, DType> = [
    "f8": .float64, "f4": .float32, "f2": .float16,
    "i8": .int64, "i4": .int32, "i2": .int16, "i1": .int8,
    "u8": .uint64, "u4": .uint32, "u2": .uint16, "u1": .uint8,
    "b1": .bool, "c8": .complex64, "c16": .complex128,
  ]

  init(_ description: String) throws(ResectError) {
    let code = description.dropFirst()
    guard let dtype = NumPyElement.dtypes.first(where: { $0.key == code })?.value else {
      throw ResectError(
        .unsupported, "the elements are \(NumPyElement.kind(of: description)), which is not read",
        advice: "store numbers: array.astype(numpy.float32)")
    }
    switch description.first {
    case "<": byteOrder = .little
    case ">": byteOrder = .big
    case "|" where dtype.byteCount == 1: byteOrder = .little
    default: throw ResectError(.malformed, "the element type \(description) has no byte order")
    }
    self.dtype = dtype
  }

  /// How `dtype` is written, little-endian; nothing where NumPy has no such type.
  static func description(of dtype: DType) -> String? {
    dtypes.first { $0.value == dtype }.map { (dtype.byteCount == 1 ? "|" : "<") + $0.key }
  }

  /// What NumPy calls elements that are no numbers.
  private static func kind(of description: String) -> String {
    switch description.first(where: { !"<>=|".contains($0) }) {
    case "O": "Python objects (\(description)), kept in a pickle"
    case "S", "a", "U": "text (\(description))"
    case "M", "m": "dates or times (\(description))"
    case "V": "raw bytes (\(description))"
    default: "of the type \(description)"
    }
  }
}
