/// The type of a tensor's elements. The raw value is the name that safetensors uses.
public enum DType: String, Sendable, Hashable, CaseIterable {
  case float64 = "F64"
  case float32 = "F32"
  case float16 = "F16"
  case bfloat16 = "BF16"
  /// OCP 8-bit: 4 bits of exponent, finite and NaN.
  case float8E4M3FN = "F8_E4M3"
  /// OCP 8-bit: 5 bits of exponent, with infinities.
  case float8E5M2 = "F8_E5M2"
  /// 4 bits of exponent, bias 8, no negative zero, one NaN.
  case float8E4M3FNUZ = "F8_E4M3FNUZ"
  /// 5 bits of exponent, bias 16, no negative zero, one NaN.
  case float8E5M2FNUZ = "F8_E5M2FNUZ"
  case int64 = "I64"
  case int32 = "I32"
  case int16 = "I16"
  case int8 = "I8"
  case uint64 = "U64"
  case uint32 = "U32"
  case uint16 = "U16"
  case uint8 = "U8"
  case bool = "BOOL"
  /// Two float32, real part first.
  case complex64 = "C64"
  /// Two float64, real part first.
  case complex128 = "C128"

  /// Bytes an element takes.
  public var byteCount: Int {
    switch self {
    case .complex128: 16
    case .float64, .int64, .uint64, .complex64: 8
    case .float32, .int32, .uint32: 4
    case .float16, .bfloat16, .int16, .uint16: 2
    case .float8E4M3FN, .float8E5M2, .float8E4M3FNUZ, .float8E5M2FNUZ, .int8, .uint8, .bool: 1
    }
  }

  /// How many numbers an element consists of: 2 for complex ones.
  public var componentCount: Int {
    self == .complex64 || self == .complex128 ? 2 : 1
  }

  /// Whether the elements are real floating-point numbers.
  public var isFloatingPoint: Bool {
    switch self {
    case .float64, .float32, .float16, .bfloat16, .float8E4M3FN, .float8E5M2, .float8E4M3FNUZ,
      .float8E5M2FNUZ:
      true
    case .int64, .int32, .int16, .int8, .uint64, .uint32, .uint16, .uint8, .bool, .complex64,
      .complex128:
      false
    }
  }

  /// Whether surgeries can compute in this dtype and write it: float64, float32, float16, bfloat16.
  public var isComputable: Bool {
    switch self {
    case .float64, .float32, .float16, .bfloat16: true
    default: false
    }
  }
}
