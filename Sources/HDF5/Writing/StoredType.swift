internal import ResectBytes
internal import ResectTensors

/// Types as an HDF5 file describes them: the bytes of a datatype message. Source: the format's specification, IV.A.2.d.
enum StoredType {
  /// A string of variable length in UTF-8, kept in a heap: a sequence of bytes that calls itself a string.
  static let variableString = header(9, version: 1, bits: (1, 1), size: 16) + unsigned(bytes: 1)

  /// A string of `length` bytes, filled up with zeros.
  static func fixedString(length: Int) -> [UInt8] { header(3, version: 1, bits: (1, 0), size: length) }

  static let float64 = float(bytes: 8, exponentBits: 11, fractionBits: 52)

  /// The type of a dataset of `dtype`, as h5py has it; bfloat16 is two bytes that say nothing of themselves.
  static func element(_ dtype: DType) throws(ResectError) -> [UInt8] {
    switch dtype {
    case .float64: float64
    case .float32: float(bytes: 4, exponentBits: 8, fractionBits: 23)
    case .float16: float(bytes: 2, exponentBits: 5, fractionBits: 10)
    case .bfloat16: header(5, version: 1, bits: (0, 0), size: 2)
    case .int64, .int32, .int16, .int8: signed(bytes: dtype.byteCount)
    case .uint64, .uint32, .uint16, .uint8: unsigned(bytes: dtype.byteCount)
    case .bool: boolean
    case .complex64: complex(float(bytes: 4, exponentBits: 8, fractionBits: 23), componentBytes: 4)
    case .complex128: complex(float64, componentBytes: 8)
    case .float8E4M3FN, .float8E5M2, .float8E4M3FNUZ, .float8E5M2FNUZ:
      throw ResectError(
        .unsupported, "HDF5 has no name for \(dtype.rawValue)", advice: "keep it in safetensors")
    }
  }

  private static func header(
    _ kind: UInt8, version: UInt8, bits: (UInt8, UInt8), size: Int
  ) -> [UInt8] {
    var bytes = [version << 4 | kind, bits.0, bits.1, 0]
    bytes.append(littleEndian: UInt32(size))
    return bytes
  }

  private static func unsigned(bytes size: Int) -> [UInt8] { integer(size, isSigned: false) }

  private static func signed(bytes size: Int) -> [UInt8] { integer(size, isSigned: true) }

  private static func integer(_ size: Int, isSigned: Bool) -> [UInt8] {
    var bytes = header(0, version: 1, bits: (isSigned ? 8 : 0, 0), size: size)
    bytes.append(littleEndian: UInt16(0))
    bytes.append(littleEndian: UInt16(8 * size))
    return bytes
  }

  /// IEEE 754's formats: the sign first, and a leading one that is implied.
  private static func float(bytes size: Int, exponentBits: Int, fractionBits: Int) -> [UInt8] {
    var bytes = header(1, version: 1, bits: (0x20, UInt8(8 * size - 1)), size: size)
    bytes.append(littleEndian: UInt16(0))
    bytes.append(littleEndian: UInt16(8 * size))
    bytes += [UInt8(fractionBits), UInt8(exponentBits), 0, UInt8(fractionBits)]
    bytes.append(littleEndian: UInt32(1) << UInt32(exponentBits - 1) - 1)
    return bytes
  }

  /// An enumeration of FALSE and TRUE. Names fill multiples of eight bytes.
  private static let boolean =
    header(8, version: 1, bits: (2, 0), size: 1) + signed(bytes: 1)
    + Array("FALSE\0\0\0TRUE\0\0\0\0".utf8) + [0, 1]

  /// A compound of r and i.
  private static func complex(_ component: [UInt8], componentBytes: Int) -> [UInt8] {
    header(6, version: 3, bits: (2, 0), size: 2 * componentBytes)
      + Array("r\0\0".utf8) + component + Array("i\0".utf8) + [UInt8(componentBytes)] + component
  }
}
