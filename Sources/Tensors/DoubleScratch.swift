internal import ResectBytes
internal import CResectTensorKernels

/// A buffer of doubles between a stored format and another: surgeries compute here.
struct DoubleScratch {
  /// The numbers in hand.
  private(set) var values: [Double] = []
  private var encoded: [UInt8] = []

  /// Replaces ``values`` by the elements of `bytes`, which are `dtype`, widened.
  mutating func load(_ bytes: RawSpan, as dtype: DType) {
    let count = bytes.byteCount / dtype.byteCount * dtype.componentCount
    if values.count != count { values = [Double](repeating: 0, count: count) }
    unsafe bytes.withUnsafeBytes { source in
      unsafe values.withUnsafeMutableBufferPointer { target in
        guard let from = source.baseAddress, let to = target.baseAddress else { return }
        switch dtype {
        case .float32, .complex64: unsafe resect_decode_f32(from, to, count)
        case .float16: unsafe resect_decode_f16(from, to, count)
        case .bfloat16: unsafe resect_decode_bf16(from, to, count)
        case .float64, .complex128: unsafe fill(target, from, Double.self) { $0 }
        case .float8E4M3FN: unsafe fill(target, from, UInt8.self) { Float8.e4m3fn.value($0) }
        case .float8E5M2: unsafe fill(target, from, UInt8.self) { Float8.e5m2.value($0) }
        case .float8E4M3FNUZ: unsafe fill(target, from, UInt8.self) { Float8.e4m3fnuz.value($0) }
        case .float8E5M2FNUZ: unsafe fill(target, from, UInt8.self) { Float8.e5m2fnuz.value($0) }
        case .int64: unsafe fill(target, from, Int64.self) { Double($0) }
        case .int32: unsafe fill(target, from, Int32.self) { Double($0) }
        case .int16: unsafe fill(target, from, Int16.self) { Double($0) }
        case .int8: unsafe fill(target, from, Int8.self) { Double($0) }
        case .uint64: unsafe fill(target, from, UInt64.self) { Double($0) }
        case .uint32: unsafe fill(target, from, UInt32.self) { Double($0) }
        case .uint16: unsafe fill(target, from, UInt16.self) { Double($0) }
        case .uint8, .bool: unsafe fill(target, from, UInt8.self) { Double($0) }
        }
      }
    }
  }

  /// Replaces ``values``.
  mutating func load(_ new: ArraySlice<Double>) { values = Array(new) }

  /// Multiplies the values of `range` by `factor`, so that one more rounding, to a narrower dtype than float64, is the only one.
  /// Returns how many products are not finite, and how many are too close to a double for `factor` to tell on which side they are.
  mutating func scale(_ range: Range<Int>, by factor: DoubleDouble) -> (broken: Int, unsure: Int) {
    unsafe values.withUnsafeMutableBufferPointer { buffer in
      let part = unsafe UnsafeMutableBufferPointer(rebasing: buffer[range])
      guard let base = part.baseAddress else { return (0, 0) }
      var unsure = 0
      let broken = unsafe resect_scale_to_odd(base, factor.high, factor.low, part.count, &unsure)
      return (broken, unsure)
    }
  }

  /// How many values of `written` in `range` are not surely the product of the value here and `factor`, rounded once to `dtype`.
  func unsureCount(of written: DoubleScratch, _ range: Range<Int>, factor: DoubleDouble, dtype: DType) -> Int {
    let format = FloatFormat(dtype)
    return unsafe values.withUnsafeBufferPointer { source in
      unsafe written.values.withUnsafeBufferPointer { target in
        guard let from = source.baseAddress, let to = target.baseAddress else { return 0 }
        return unsafe resect_count_unsure(
          from + range.lowerBound, factor.high, factor.low, to + range.lowerBound, format.half, format.smallest,
          range.count)
      }
    }
  }

  /// Replaces the value at `index`.
  mutating func replace(_ index: Int, by value: Double) { values[index] = value }

  /// Hands over ``values`` as `dtype`, each rounded once.
  mutating func encode(
    as dtype: DType, _ piece: (RawSpan) throws(ResectError) -> Void
  ) throws(ResectError) {
    guard dtype.isComputable else {
      throw ResectError(.unsupported, "values cannot be computed as \(dtype.rawValue)")
    }
    let byteCount = values.count * dtype.byteCount
    if encoded.count != byteCount { encoded = [UInt8](repeating: 0, count: byteCount) }
    let count = values.count
    let overflows = unsafe encoded.withUnsafeMutableBytes { target -> Int in
      unsafe values.withUnsafeBufferPointer { source -> Int in
        guard let from = source.baseAddress, let to = target.baseAddress else { return 0 }
        switch dtype {
        case .float32: return unsafe resect_encode_f32(from, to, count)
        case .float16: return unsafe resect_encode_f16(from, to, count)
        case .bfloat16: return unsafe resect_encode_bf16(from, to, count)
        default:
          unsafe target.copyMemory(from: UnsafeRawBufferPointer(source))
          return 0
        }
      }
    }
    guard overflows == 0 else {
      throw ResectError(
        .badValue, "\(overflows) values are too large for \(dtype.rawValue) and would become infinite",
        advice: "write bf16 or f32")
    }
    unsafe try piece(encoded.span.bytes)
  }
}

private func fill<Element: BitwiseCopyable>(
  _ target: UnsafeMutableBufferPointer<Double>, _ source: UnsafeRawPointer, _: Element.Type,
  _ widen: (Element) -> Double
) {
  for index in target.indices {
    let offset = index * MemoryLayout<Element>.size
    unsafe target[index] = widen(source.loadUnaligned(fromByteOffset: offset, as: Element.self))
  }
}

/// The four 8-bit floating-point formats, as their published tables define them.
struct Float8 {
  let exponentBits: Int
  let bias: Int
  /// Whether infinities and several NaNs exist, as IEEE 754 has them.
  let isIEEE: Bool
  /// Whether the negative zero's pattern is the only NaN.
  let isUnsignedZero: Bool

  static let e4m3fn = Float8(exponentBits: 4, bias: 7, isIEEE: false, isUnsignedZero: false)
  static let e5m2 = Float8(exponentBits: 5, bias: 15, isIEEE: true, isUnsignedZero: false)
  static let e4m3fnuz = Float8(exponentBits: 4, bias: 8, isIEEE: false, isUnsignedZero: true)
  static let e5m2fnuz = Float8(exponentBits: 5, bias: 16, isIEEE: false, isUnsignedZero: true)

  func value(_ bits: UInt8) -> Double {
    let fractionBits = 7 - exponentBits
    let exponent = Int(bits & 0x7F) >> fractionBits
    let fraction = Int(bits & 0x7F) & (1 << fractionBits - 1)
    let sign: Double = bits & 0x80 == 0 ? 1 : -1
    if isUnsignedZero, bits == 0x80 { return .nan }
    if !isUnsignedZero, !isIEEE, bits & 0x7F == 0x7F { return .nan }
    if isIEEE, exponent == 1 << exponentBits - 1 { return fraction == 0 ? sign * .infinity : .nan }
    let significand = exponent == 0 ? Double(fraction) : Double(fraction + 1 << fractionBits)
    let power = max(exponent, 1) - bias - fractionBits
    return sign * significand * Double(sign: .plus, exponent: power, significand: 1)
  }
}
