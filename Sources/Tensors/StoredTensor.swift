public import ResectBytes

extension LazyTensor {
  /// The order of the bytes of a stored number.
  public enum ByteOrder: Sendable, Hashable {
    case little
    case big
  }

  /// A view of `storage`: offset and strides count elements, as torch's do.
  ///
  /// Refused: a negative offset or stride, strides that do not fit the shape, and a view that reaches past the storage.
  /// A view that repeats elements (stride 0) may have more bytes than its storage only up to `Limits.expandedBytes`.
  public init(
    storage: any TensorStorage, dtype: DType, shape: Shape, offset: Int = 0, strides: [Int]? = nil,
    byteOrder: ByteOrder = .little
  ) throws(ResectError) {
    let strides = strides ?? StoredTensor.rowMajorStrides(of: shape)
    guard strides.count == shape.rank else {
      throw ResectError(
        .malformed, "the shape has \(shape.rank) dimensions, the strides \(strides.count)")
    }
    guard offset >= 0, strides.allSatisfy({ $0 >= 0 }) else {
      throw ResectError(.malformed, "offset \(offset) and strides \(strides) may not be negative")
    }
    let available = storage.byteCount / UInt64(dtype.byteCount)
    // One past the last element that the view touches.
    var end = shape.elementCount == 0 ? 0 : UInt64(offset)
    if shape.elementCount > 0 {
      for (axis, stride) in zip(shape.axes, strides) {
        let (step, overflow) = UInt64(axis - 1).multipliedReportingOverflow(by: UInt64(stride))
        guard !overflow else { throw ResectError(.malformed, "the strides \(strides) overflow") }
        end = try end.adding(step, "the view's extent")
      }
      end = try end.adding(1, "the view's extent")
    }
    guard end <= available, UInt64(offset) <= available else {
      throw ResectError(
        .malformed,
        "the view (offset \(offset), shape \(shape.axes), strides \(strides)) needs \(max(end, UInt64(offset))) elements of its storage, which holds \(available)"
      )
    }
    let byteCount = UInt64(shape.elementCount * dtype.byteCount)
    guard byteCount <= storage.byteCount || byteCount <= UInt64(Limits.expandedBytes) else {
      throw ResectError(
        .limit,
        "the view repeats \(storage.byteCount) stored bytes to \(byteCount), at most \(Limits.expandedBytes) are made"
      )
    }
    // Along an axis of length 1 no step is taken: whatever stands there must not be computed with.
    let steps = zip(shape.axes, strides).map { $0 > 1 ? $1 : 0 }
    self.init(
      dtype: dtype, shape: shape,
      source: StoredTensor(
        storage: storage, dtype: dtype, shape: shape, offset: offset, strides: steps, end: Int(end),
        byteOrder: byteOrder))
  }
}

extension LazyTensor {
  /// The storage of which this tensor is all, byte by byte; nothing where it is a part or another order of one, and where it is
  /// computed.
  public var wholeStorage: (any TensorStorage)? {
    guard let stored = source as? StoredTensor, stored.liesInPlace, stored.offset == 0, stored.dtype == dtype,
      stored.storage.byteCount == UInt64(byteCount)
    else { return nil }
    return stored.storage
  }
}

/// A checked view of a storage.
struct StoredTensor: TensorSource {
  let storage: any TensorStorage
  let dtype: DType
  let shape: Shape
  let offset: Int
  let strides: [Int]
  let end: Int
  let byteOrder: LazyTensor.ByteOrder

  static func rowMajorStrides(of shape: Shape) -> [Int] {
    var strides = [Int](repeating: 1, count: shape.rank)
    for axis in strides.indices.dropLast().reversed() {
      // Cannot overflow where the element count does not, except beside an axis of length 0, where no stride is used.
      strides[axis] = strides[axis + 1].multipliedReportingOverflow(by: shape.axes[axis + 1]).0
    }
    return strides.map { max($0, 0) }
  }

  /// Whether the stored bytes are what a reader expects: contiguous and little-endian.
  var liesInPlace: Bool { isContiguous && (byteOrder == .little || dtype.byteCount == 1) }

  /// Whether the elements lie in the storage one after the other in row-major order.
  private var isContiguous: Bool {
    // The product of an empty shape's other axes may overflow.
    guard shape.elementCount > 0 else { return true }
    var expected = 1
    for (axis, stride) in zip(shape.axes, strides).reversed() where axis != 1 {
      if stride != expected { return false }
      expected *= axis
    }
    return true
  }

  func stream(
    as target: DType, _ piece: (RawSpan) throws(ResectError) -> Void
  ) throws(ResectError) {
    guard shape.elementCount > 0 else { return }
    guard target != dtype else { return try streamStored(piece) }
    guard dtype.isComputable, target.isComputable else {
      throw ResectError(
        .unsupported, "\(dtype.rawValue) is not converted to \(target.rawValue)",
        advice: "keep the dtype of this tensor")
    }
    var scratch = DoubleScratch()
    try streamStored { bytes throws(ResectError) in
      scratch.load(bytes, as: dtype)
      try scratch.encode(as: target, piece)
    }
  }

  private func streamStored(
    _ piece: (RawSpan) throws(ResectError) -> Void
  ) throws(ResectError) {
    let size = UInt64(dtype.byteCount)
    let range = UInt64(offset) * size..<UInt64(end) * size
    guard isContiguous else { return try gather(storage.bytes(range), piece) }
    guard byteOrder == .big, dtype.byteCount > 1 else { return try storage.stream(range, piece) }
    var swapped: [UInt8] = []
    try storage.stream(range) { bytes throws(ResectError) in
      unsafe bytes.withUnsafeBytes { unsafe swapped = Array($0) }
      swapBytes(of: &swapped)
      unsafe try piece(swapped.span.bytes)
    }
  }

  private func swapBytes(of bytes: inout [UInt8]) {
    let size = dtype.byteCount / dtype.componentCount
    guard size > 1 else { return }
    for start in stride(from: 0, to: bytes.count - size + 1, by: size) {
      bytes[start..<start + size].reverse()
    }
  }

  /// Puts the elements of a view into row-major order. `bytes` begins at the view's first element.
  private func gather(
    _ bytes: [UInt8], _ piece: (RawSpan) throws(ResectError) -> Void
  ) throws(ResectError) {
    switch dtype.byteCount {
    case 1: try gather(bytes, UInt8.self, piece)
    case 2: try gather(bytes, UInt16.self, piece)
    case 4: try gather(bytes, UInt32.self, piece)
    case 8: try gather(bytes, UInt64.self, piece)
    default: try gather(bytes, SIMD2<UInt64>.self, piece)
    }
  }

  private func gather<Element: BitwiseCopyable>(
    _ bytes: [UInt8], _ type: Element.Type, _ piece: (RawSpan) throws(ResectError) -> Void
  ) throws(ResectError) {
    let size = MemoryLayout<Element>.size
    let innerCount = shape.axes.last ?? 1
    let innerStride = (strides.last ?? 1) * size
    // The odometer over all axes but the last, which runs in the inner loop.
    var position = [Int](repeating: 0, count: max(shape.rank - 1, 0))
    var start = 0
    let capacity = max(InputFile.pieceBytes / size / max(innerCount, 1), 1) * innerCount
    var gathered: [UInt8] = []
    gathered.reserveCapacity(min(capacity, shape.elementCount) * size)
    while true {
      unsafe bytes.withUnsafeBytes { source in
        for index in 0..<innerCount {
          let element = unsafe source.loadUnaligned(
            fromByteOffset: start + index * innerStride, as: Element.self)
          unsafe withUnsafeBytes(of: element) { unsafe gathered.append(contentsOf: $0) }
        }
      }
      var axis = position.count - 1
      while axis >= 0 {
        position[axis] += 1
        start += strides[axis] * size
        if position[axis] < shape.axes[axis] { break }
        start -= strides[axis] * size * shape.axes[axis]
        position[axis] = 0
        axis -= 1
      }
      if axis < 0 || gathered.count >= capacity * size {
        if byteOrder == .big { swapBytes(of: &gathered) }
        unsafe try piece(gathered.span.bytes)
        gathered.removeAll(keepingCapacity: true)
      }
      if axis < 0 { return }
    }
  }
}
