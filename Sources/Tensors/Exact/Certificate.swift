internal import CResectTensorKernels
package import ResectBytes

/// How many elements of a tensor, as a file has them, are what they are exactly, rounded once to the file's dtype.
package struct Certificate: Sendable, Hashable {
  /// All elements that were compared.
  package private(set) var elements = 0
  /// Those that are not.
  package private(set) var wrong = 0
  /// The first of those.
  package private(set) var firstWrong: Int?

  mutating func add(sure count: Int) { elements += count }

  mutating func count(_ isRight: Bool, at index: Int) {
    elements += 1
    guard !isRight else { return }
    wrong += 1
    firstWrong = firstWrong ?? index
  }
}

/// The elements of a tensor as a file has them.
struct WrittenElements {
  let dtype: DType
  let format: FloatFormat
  private let bytes: [UInt8]

  init(_ tensor: LazyTensor) throws(ResectError) {
    dtype = tensor.dtype
    format = FloatFormat(tensor.dtype)
    bytes = try tensor.bytes()
  }

  /// The elements of `range` as doubles.
  func load(_ range: Range<Int>) -> DoubleScratch {
    let part = range.lowerBound * dtype.byteCount..<range.upperBound * dtype.byteCount
    var scratch = DoubleScratch()
    unsafe scratch.load(bytes.span.bytes.extracting(part), as: dtype)
    return scratch
  }

  /// Whether the elements from `first` on have the bits of `other`.
  func haveBits(_ other: RawSpan, from first: Int) -> Bool {
    let start = first * dtype.byteCount
    guard start + other.byteCount <= bytes.count else { return false }
    return unsafe other.withUnsafeBytes { one in
      unsafe bytes.withUnsafeBytes { two in
        guard let here = one.baseAddress, let there = two.baseAddress else { return one.count == 0 }
        return unsafe resect_same_bytes(here, there + start, one.count) != 0
      }
    }
  }

  /// Whether a number that is off `value` by `difference`, known up to `error`, surely rounds to it.
  func isSurelyNearest(_ value: Double, _ difference: DoubleDouble, error: Double) -> Bool {
    guard value.isFinite else { return false }
    let power = max(value == 0 ? 0 : value.binade.magnitude, format.smallest)
    let room = power * format.half * (value.significandBitPattern == 0 ? 0.5 : 1)
    return abs(difference.high) + error < room * (1 - 0x1p-20)
  }
}

extension LazyTensor {
  /// Compares `written`, this tensor as a file has it, with what its elements are exactly: what a surgery computes of the elements
  /// that it takes, or this tensor's own elements, rounded once to the dtype of `written`, to nearest even.
  package func certify(_ written: LazyTensor) throws(ResectError) -> Certificate {
    guard shape == written.shape else {
      throw ResectError(.mismatch, "the file has shape \(written.shape), it should be \(shape)")
    }
    let elements = try WrittenElements(written)
    if written.dtype.isComputable, let exact = source as? any ExactSource { return try exact.certify(elements) }
    guard written.dtype != dtype, written.dtype.isComputable, dtype.isComputable else {
      return try compare(elements)
    }
    return try ScaledTensor(
      base: try reshaped([1, shape.elementCount]), factors: [AffineRoot()]
    ).certify(elements)
  }

  /// Compares bits, element by element only where a piece differs.
  private func compare(_ written: WrittenElements) throws(ResectError) -> Certificate {
    var certificate = Certificate()
    guard written.dtype == dtype else {
      throw ResectError(.mismatch, "the file has \(written.dtype.rawValue), it should be \(dtype.rawValue)")
    }
    var first = 0
    try stream { bytes throws(ResectError) in
      let count = bytes.byteCount / dtype.byteCount
      if written.haveBits(bytes, from: first) {
        certificate.add(sure: count)
      } else {
        for index in 0..<count {
          let element = bytes.extracting(index * dtype.byteCount..<(index + 1) * dtype.byteCount)
          certificate.count(written.haveBits(element, from: first + index), at: first + index)
        }
      }
      first += count
    }
    return certificate
  }
}
