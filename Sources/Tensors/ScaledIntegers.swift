public import ResectBytes
internal import CResectTensorKernels

/// A tensor as 8-bit integers, each slice along its first axis (a weight's output channel) times a scale of its own.
public struct ScaledIntegers: Sendable, Hashable {
  /// The integers, −127 to 127, row-major.
  public let values: [Int8]
  /// What the integers of each slice are multiplied by: normal and above zero.
  public let scales: [Float]

  /// The integers that `tensor` holds (``LazyTensor/init(integers:scales:name:)``) or else its elements, each rounded to the nearest, to
  /// the even one of two. The largest magnitude of a slice becomes 127.
  ///
  /// Throws `ResectError.Code.badValue` where an element is not finite.
  public init(_ tensor: LazyTensor) throws(ResectError) {
    if let source = tensor.source as? ScaledIntegersSource {
      self = try source.integers()
      return
    }
    let numbers = try tensor.floats()
    let rows = tensor.shape.axes.first ?? 1
    let size = numbers.count / max(rows, 1)
    var scales = [Float](repeating: 1, count: rows)
    values = unsafe [Int8](unsafeUninitializedCapacity: numbers.count) { target, filled in
      unsafe numbers.withUnsafeBufferPointer { numbers in
        guard let from = numbers.baseAddress, let to = target.baseAddress else { return }
        for row in 0..<rows {
          scales[row] = unsafe resect_integer_scale(from + row * size, size)
          unsafe resect_round_to_integers(from + row * size, scales[row], to + row * size, size)
        }
      }
      filled = numbers.count
    }
    guard scales.allSatisfy(\.isFinite) else {
      throw ResectError(.badValue, "weights are not finite, which no integer can be")
    }
    self.scales = scales
  }

  /// Integers and their scales, as a file holds them.
  fileprivate init(values: [Int8], scales: [Float]) { (self.values, self.scales) = (values, scales) }
}

extension LazyTensor {
  /// The float32 tensor that has, in each slice along its first axis, the elements of `integers` times the slice's element of
  /// `scales`, the product rounded once.
  ///
  /// `integers` is int8, `scales` a vector of float32. When they are read, an integer of −128 and a scale that is not normal and above
  /// zero are refused; `name` is the tensor's in these errors. Throws where there are more or fewer scales than slices.
  public init(integers: LazyTensor, scales: LazyTensor, name: String) throws(ResectError) {
    guard integers.dtype == .int8, scales.dtype == .float32, scales.shape.rank == 1,
      scales.shape.axes.first == integers.shape.axes.first
    else {
      throw ResectError(
        .mismatch, "\(scales.shape) scales do not fit integers of shape \(integers.shape)")
    }
    self.init(
      dtype: .float32, shape: integers.shape, source: ScaledIntegersSource(values: integers, scales: scales, name: name)
    )
  }

  /// The float32 values that this tensor has once it is stored as ``ScaledIntegers``. When it is pulled, all of it is in memory.
  public func roundedToScaledIntegers() -> LazyTensor {
    source is ScaledIntegersSource
      ? self : LazyTensor(dtype: .float32, shape: shape, source: RoundedToIntegers(base: self))
  }
}

private struct ScaledIntegersSource: TensorSource {
  let values: LazyTensor
  let scales: LazyTensor
  let name: String

  /// What the file holds, checked.
  func integers() throws(ResectError) -> ScaledIntegers {
    let scales = try scales.floats()
    if let row = scales.firstIndex(where: { !($0.isNormal && $0 > 0) }) {
      throw ResectError(
        .malformed, "the scale \(scales[row]) of output channel \(row) is not a normal number above zero",
        advice: "export the model again", tensor: name)
    }
    let bytes = try values.bytes()
    var lowest = Int8.max
    let integers = unsafe [Int8](unsafeUninitializedCapacity: bytes.count) { target, filled in
      for index in bytes.indices {
        let integer = Int8(bitPattern: bytes[index])
        lowest = min(lowest, integer)
        unsafe target[index] = integer
      }
      filled = bytes.count
    }
    guard lowest > .min else {
      throw ResectError(
        .malformed, "an integer is -128, the least is -127", advice: "export the model again", tensor: name)
    }
    return ScaledIntegers(values: integers, scales: scales)
  }

  func stream(
    as dtype: DType, _ piece: (RawSpan) throws(ResectError) -> Void
  ) throws(ResectError) {
    try integers().stream(as: dtype, piece)
  }
}

private struct RoundedToIntegers: TensorSource {
  let base: LazyTensor

  func stream(
    as dtype: DType, _ piece: (RawSpan) throws(ResectError) -> Void
  ) throws(ResectError) {
    try ScaledIntegers(base).stream(as: dtype, piece)
  }
}

extension ScaledIntegers {
  /// Hands over the products as `dtype`, slice by slice.
  fileprivate func stream(
    as dtype: DType, _ piece: (RawSpan) throws(ResectError) -> Void
  ) throws(ResectError) {
    guard !values.isEmpty else { return }
    let size = values.count / scales.count
    var products = [Float](repeating: 0, count: size)
    var scratch = DoubleScratch()
    for row in scales.indices {
      unsafe values.withUnsafeBufferPointer { values in
        unsafe products.withUnsafeMutableBufferPointer { products in
          guard let from = values.baseAddress, let to = products.baseAddress else { return }
          unsafe resect_scale_integers(from + row * size, scales[row], to, size)
        }
      }
      guard dtype != .float32 else {
        unsafe try piece(products.span.bytes)
        continue
      }
      unsafe scratch.load(products.span.bytes, as: .float32)
      try scratch.encode(as: dtype, piece)
    }
  }
}
