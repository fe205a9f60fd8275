public import ResectBytes

extension LazyTensor {
  /// A vector of `values`, which are rounded to `dtype` when they are pulled.
  public init(values: [Double], dtype: DType) {
    self.init(
      dtype: dtype, shape: Shape(vector: values.count), source: ComputedVector(values: values))
  }

  /// A tensor of `values` in row-major order, which are rounded to `dtype` when they are pulled.
  ///
  /// Throws where there are more or fewer values than the shape has elements.
  public init(values: [Double], shape: Shape, dtype: DType) throws(ResectError) {
    guard values.count == shape.elementCount else {
      throw ResectError(.mismatch, "\(values.count) values do not fill the shape \(shape)")
    }
    self.init(dtype: dtype, shape: shape, source: ComputedVector(values: values))
  }

  /// The values that this tensor has once it is stored as `dtype`: each rounded to it when it is pulled.
  public func rounded(to dtype: DType) -> LazyTensor {
    guard dtype != self.dtype, dtype.isComputable, self.dtype.isComputable else { return self }
    return LazyTensor(dtype: dtype, shape: shape, source: RoundedTensor(base: self, dtype: dtype))
  }

  /// The float32 values that this tensor has once it is stored in multiples of `step`, which is normal and above zero. When it is
  /// pulled, all of it is in memory.
  public func multiples(of step: Double, rounding: StepRounding) -> LazyTensor {
    LazyTensor(
      dtype: .float32, shape: shape, source: MultiplesTensor(base: self, step: step, rounding: rounding))
  }

  /// The same elements in the same order under another shape. Throws where that has more or fewer.
  public func reshaped(_ axes: [Int]) throws(ResectError) -> LazyTensor {
    let shape = try Shape(axes)
    guard shape.elementCount == self.shape.elementCount else {
      throw ResectError(.mismatch, "a tensor of shape \(self.shape) does not take the shape \(shape)")
    }
    return LazyTensor(dtype: dtype, shape: shape, source: source)
  }

  /// The slices of `indices` along the first axis (of a matrix: rows), in that order. Bits are kept.
  ///
  /// Throws where an index is not within the first axis. When it is pulled, the tensor is read piece by piece, and only the
  /// slices of `indices` are held in memory.
  public func rows(_ indices: [Int]) throws(ResectError) -> LazyTensor {
    guard let count = shape.axes.first else {
      throw ResectError(.mismatch, "a scalar has no rows")
    }
    if let stranger = indices.first(where: { !(0..<count ~= $0) }) {
      throw ResectError(.mismatch, "row \(stranger) is not within shape \(shape)")
    }
    return LazyTensor(
      dtype: dtype, shape: try Shape([indices.count] + shape.axes.dropFirst()),
      source: SelectedRows(base: self, indices: indices))
  }

  /// This matrix with `column` appended as its last column: rows × (columns + 1). Bits are kept; both must have one dtype.
  public func appendingColumn(_ column: LazyTensor) throws(ResectError) -> LazyTensor {
    guard shape.rank == 2, column.shape.axes == [shape.axes[0]], column.dtype == dtype else {
      throw ResectError(
        .mismatch,
        "a column of shape \(column.shape) and \(column.dtype.rawValue) does not fit a matrix of shape \(shape) and \(dtype.rawValue)"
      )
    }
    return LazyTensor(
      dtype: dtype, shape: try Shape([shape.axes[0], shape.axes[1] + 1]),
      source: AppendedColumn(matrix: self, column: column))
  }

  /// The columns of `range` of this matrix: rows × columns. Bits are kept.
  public func columns(_ range: Range<Int>) throws(ResectError) -> LazyTensor {
    guard shape.rank == 2, range.lowerBound >= 0, range.upperBound <= shape.axes[1] else {
      throw ResectError(.mismatch, "columns \(range) are not within shape \(shape)")
    }
    return LazyTensor(
      dtype: dtype, shape: try Shape([shape.axes[0], range.count]),
      source: MatrixColumns(matrix: self, range: range))
  }

  /// The column `index` of this matrix, as a vector. Bits are kept.
  public func column(_ index: Int) throws(ResectError) -> LazyTensor {
    let column = try columns(index..<index + 1)
    return LazyTensor(
      dtype: dtype, shape: Shape(vector: shape.axes[0]), source: column.source)
  }
}

private struct ComputedVector: TensorSource {
  let values: [Double]

  func stream(
    as dtype: DType, _ piece: (RawSpan) throws(ResectError) -> Void
  ) throws(ResectError) {
    var scratch = DoubleScratch()
    scratch.load(values[...])
    try scratch.encode(as: dtype, piece)
  }
}

private struct RoundedTensor: TensorSource {
  let base: LazyTensor
  let dtype: DType

  func stream(
    as target: DType, _ piece: (RawSpan) throws(ResectError) -> Void
  ) throws(ResectError) {
    guard target != dtype else { return try base.stream(as: dtype, piece) }
    var scratch = DoubleScratch()
    try base.stream(as: dtype) { bytes throws(ResectError) in
      scratch.load(bytes, as: dtype)
      try scratch.encode(as: target, piece)
    }
  }
}

private struct MultiplesTensor: TensorSource {
  let base: LazyTensor
  let step: Double
  let rounding: StepRounding

  func stream(
    as dtype: DType, _ piece: (RawSpan) throws(ResectError) -> Void
  ) throws(ResectError) {
    let multiples = StepMultiples(try base.doubles(), shape: base.shape, step: step, rounding: rounding)
    guard multiples.bad == 0 else {
      throw ResectError(.badValue, "\(multiples.bad) weights are not finite, or too large for a step of \(step)")
    }
    var scratch = DoubleScratch()
    scratch.load(multiples.integers.map { Double(Float(Double($0) * step)) }[...])
    try scratch.encode(as: dtype, piece)
  }
}

private struct SelectedRows: TensorSource {
  let base: LazyTensor
  let indices: [Int]

  func stream(
    as dtype: DType, _ piece: (RawSpan) throws(ResectError) -> Void
  ) throws(ResectError) {
    let rowSize = base.shape.axes.dropFirst().reduce(dtype.byteCount, *)
    guard !indices.isEmpty, rowSize > 0 else { return }
    var targets: [Int: [Int]] = [:]
    for (target, row) in indices.enumerated() { targets[row, default: []].append(target) }
    var selected = [UInt8](repeating: 0, count: indices.count * rowSize)
    var start = 0
    try base.stream(as: dtype) { bytes throws(ResectError) in
      let end = start + bytes.byteCount
      for row in start / rowSize..<(end + rowSize - 1) / rowSize {
        // A piece may begin or end within a row.
        let part = max(start, row * rowSize)..<min(end, (row + 1) * rowSize)
        for target in targets[row] ?? [] {
          let first = target * rowSize + part.lowerBound - row * rowSize
          unsafe bytes.withUnsafeBytes { source in
            unsafe selected.replaceSubrange(
              first..<first + part.count, with: source[part.lowerBound - start..<part.upperBound - start])
          }
        }
      }
      start = end
    }
    try selected.withRawSpan(piece)
  }
}

/// Classifiers are small: their matrices are put together in memory.
private struct AppendedColumn: TensorSource {
  let matrix: LazyTensor
  let column: LazyTensor

  func stream(
    as dtype: DType, _ piece: (RawSpan) throws(ResectError) -> Void
  ) throws(ResectError) {
    let matrixBytes = try matrix.bytes(as: dtype)
    let columnBytes = try column.bytes(as: dtype)
    let rowSize = matrix.shape.axes[1] * dtype.byteCount
    var joined: [UInt8] = []
    joined.reserveCapacity(matrixBytes.count + columnBytes.count)
    for row in 0..<matrix.shape.axes[0] {
      joined += matrixBytes[row * rowSize..<(row + 1) * rowSize]
      joined += columnBytes[row * dtype.byteCount..<(row + 1) * dtype.byteCount]
    }
    try joined.withRawSpan(piece)
  }
}

private struct MatrixColumns: TensorSource {
  let matrix: LazyTensor
  let range: Range<Int>

  func stream(
    as dtype: DType, _ piece: (RawSpan) throws(ResectError) -> Void
  ) throws(ResectError) {
    let bytes = try matrix.bytes(as: dtype)
    let rowSize = matrix.shape.axes[1] * dtype.byteCount
    var columns: [UInt8] = []
    for row in 0..<matrix.shape.axes[0] {
      let start = row * rowSize
      columns +=
        bytes[start + range.lowerBound * dtype.byteCount..<start + range.upperBound * dtype.byteCount]
    }
    try columns.withRawSpan(piece)
  }
}
