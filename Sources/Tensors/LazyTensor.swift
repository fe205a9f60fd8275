public import ResectBytes

/// A tensor that nobody has read yet.
///
/// It knows its dtype and shape. Its elements are read, or computed, each time they are asked for, piece by piece, so a
/// tensor in hand costs no memory. Values are safe to use from several threads.
public struct LazyTensor: Sendable {
  /// The elements' type as the tensor was stored, or as a computed tensor rounds by default.
  public let dtype: DType
  /// The tensor's shape.
  public let shape: Shape
  let source: any TensorSource

  init(dtype: DType, shape: Shape, source: any TensorSource) {
    self.dtype = dtype
    self.shape = shape
    self.source = source
  }

  /// Bytes that the elements take in the tensor's own dtype, contiguous.
  public var byteCount: Int { byteCount(as: dtype) }

  /// Bytes that the elements take as `dtype`, contiguous.
  public func byteCount(as dtype: DType) -> Int { shape.elementCount * dtype.byteCount }

  /// Hands over the elements in row-major order, little-endian, as `dtype` (by default the tensor's own), in pieces of
  /// whole elements.
  ///
  /// A conversion rounds to nearest even, once. Throws where the elements cannot be read, cannot be converted
  /// (only float64, float32, float16 and bfloat16 convert into each other), or become infinite by the conversion.
  public func stream(
    as target: DType? = nil, _ piece: (RawSpan) throws(ResectError) -> Void
  ) throws(ResectError) {
    try source.stream(as: target ?? dtype, piece)
  }

  /// The elements' bytes, in row-major order, little-endian.
  public func bytes(as target: DType? = nil) throws(ResectError) -> [UInt8] {
    if target ?? dtype == dtype, let stored = source as? StoredTensor, stored.liesInPlace {
      let start = UInt64(stored.offset * dtype.byteCount)
      return try stored.storage.bytes(start..<start + UInt64(byteCount))
    }
    var bytes: [UInt8] = []
    bytes.reserveCapacity(byteCount(as: target ?? dtype))
    try stream(as: target) { piece throws(ResectError) in
      unsafe piece.withUnsafeBytes { unsafe bytes.append(contentsOf: $0) }
    }
    return bytes
  }

  /// The elements as doubles, in row-major order; two for each complex element, real part first.
  ///
  /// Exact for every dtype but 64-bit integers beyond 2⁵³.
  public func doubles() throws(ResectError) -> [Double] {
    var values: [Double] = []
    values.reserveCapacity(shape.elementCount * dtype.componentCount)
    try streamDoubles { piece throws(ResectError) in
      for index in piece.indices { values.append(piece[index]) }
    }
    return values
  }

  /// The elements as floats, in row-major order, each rounded once.
  public func floats() throws(ResectError) -> [Float] {
    var failure: ResectError?
    let count = shape.elementCount
    let values = unsafe [Float](unsafeUninitializedCapacity: count) { target, initialized in
      var filled = 0
      do throws(ResectError) {
        try stream(as: .float32) { piece throws(ResectError) in
          let here = min(piece.byteCount / 4, count - filled)
          unsafe piece.withUnsafeBytes { source in
            guard let from = source.baseAddress, let to = UnsafeMutableRawBufferPointer(target).baseAddress
            else { return }
            unsafe (to + filled * 4).copyMemory(from: from, byteCount: here * 4)
          }
          filled += here
        }
      } catch {
        failure = error
      }
      initialized = filled
    }
    if let failure { throw failure }
    return values
  }

  /// Hands over the elements as doubles, as ``doubles()`` gives them, in pieces.
  public func streamDoubles(
    _ piece: (Span<Double>) throws(ResectError) -> Void
  ) throws(ResectError) {
    var scratch = DoubleScratch()
    try stream { bytes throws(ResectError) in
      scratch.load(bytes, as: dtype)
      try piece(scratch.values.span)
    }
  }

  /// Reads all elements and counts those that are infinite or not a number; integers are only read.
  public func notFiniteCount() throws(ResectError) -> Int {
    guard dtype.isFloatingPoint || dtype.componentCount > 1 else {
      try stream { _ throws(ResectError) in }
      return 0
    }
    var count = 0
    try streamDoubles { piece throws(ResectError) in
      for index in piece.indices where !piece[index].isFinite { count += 1 }
    }
    return count
  }
}

/// Where a tensor's elements come from.
protocol TensorSource: Sendable {
  /// See ``LazyTensor/stream(as:_:)``.
  func stream(as dtype: DType, _ piece: (RawSpan) throws(ResectError) -> Void) throws(ResectError)
}
