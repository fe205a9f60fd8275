public import ResectBytes

extension LazyTensor {
  /// A tensor of `numbers` in row-major order: each rounded once, correctly, to the dtype that it is pulled as.
  ///
  /// Throws where there are more or fewer numbers than the shape has elements.
  package init<Number: ExactNumber>(
    exact numbers: [Number], shape: Shape, dtype: DType
  ) throws(ResectError) {
    guard numbers.count == shape.elementCount else {
      throw ResectError(.mismatch, "\(numbers.count) values do not fill the shape \(shape)")
    }
    self.init(dtype: dtype, shape: shape, source: ExactNumbers(numbers))
  }

  /// A vector of `numbers`: each rounded once, correctly, to the dtype that it is pulled as.
  package init<Number: ExactNumber>(exact numbers: [Number], dtype: DType) {
    self.init(dtype: dtype, shape: Shape(vector: numbers.count), source: ExactNumbers(numbers))
  }

  /// This tensor with each slice along its first axis multiplied by its factor: each product rounded once, correctly, to the dtype
  /// that it is pulled as.
  ///
  /// Requires a dtype that is computable and as many factors as the first axis has.
  public func scalingFirstAxis(by factors: [Double]) throws(ResectError) -> LazyTensor {
    try scalingFirstAxis(by: factors.map { AffineRoot(factor: $0) })
  }

  /// The same with factors that are no doubles: of each, its `factor`, `divisor` and `radicand`.
  package func scalingFirstAxis(by factors: [AffineRoot]) throws(ResectError) -> LazyTensor {
    guard dtype.isComputable else {
      throw ResectError(.unsupported, "\(dtype.rawValue) weights are not computed with")
    }
    guard shape.axes.first == factors.count else {
      throw ResectError(
        .mismatch, "the weight has shape \(shape), the batch-norm \(factors.count) channels")
    }
    return LazyTensor(dtype: dtype, shape: shape, source: ScaledTensor(base: self, factors: factors))
  }
}

/// A source whose elements are known exactly before they are rounded.
protocol ExactSource: TensorSource {
  /// Compares the elements of `written` with what they are exactly.
  func certify(_ written: WrittenElements) throws(ResectError) -> Certificate
}

struct ExactNumbers<Number: ExactNumber>: ExactSource {
  private let numbers: [Number]
  private let approximations: [Approximation]

  init(_ numbers: [Number]) {
    self.numbers = numbers
    approximations = numbers.map(\.approximation)
  }

  func stream(
    as dtype: DType, _ piece: (RawSpan) throws(ResectError) -> Void
  ) throws(ResectError) {
    var scratch = DoubleScratch()
    let isDouble = dtype == .float64
    scratch.load(
      numbers.indices.map {
        isDouble
          ? numbers[$0].nearestDouble(approximations[$0]) : numbers[$0].oddDouble(approximations[$0])
      }[...])
    try scratch.encode(as: dtype, piece)
  }

  func certify(_ written: WrittenElements) throws(ResectError) -> Certificate {
    var certificate = Certificate()
    let values = written.load(0..<numbers.count)
    for index in numbers.indices {
      let approximation = approximations[index]
      let difference =
        DoubleDouble(sum: approximation.value.high, -values.values[index]) + DoubleDouble(approximation.value.low)
      certificate.count(
        written.isSurelyNearest(values.values[index], difference, error: approximation.error)
          || written.format.isNearest(values.values[index], to: numbers[index]), at: index)
    }
    return certificate
  }
}

struct ScaledTensor: ExactSource {
  private let base: LazyTensor
  private let factors: [AffineRoot]
  private let scales: [(value: DoubleDouble, isExact: Bool)]

  init(base: LazyTensor, factors: [AffineRoot]) {
    self.base = base
    self.factors = factors
    scales = factors.map(\.scale)
  }

  private func product(_ value: Double, _ row: Int) -> AffineRoot {
    var product = factors[row]
    // What is added to a zero leaves its sign.
    (product.addend, product.minuend, product.subtrahend) = (-0.0, value, 0)
    return product
  }

  /// Hands over the elements of the base in pieces, and of each piece the stretches of one row.
  private func streamRows(
    _ body: (inout DoubleScratch, _ first: Int, _ rows: [(row: Int, range: Range<Int>)]) throws(ResectError) -> Void
  ) throws(ResectError) {
    guard base.shape.elementCount > 0 else { return }
    let rowCount = base.shape.elementCount / factors.count
    var scratch = DoubleScratch()
    var first = 0
    try base.stream { bytes throws(ResectError) in
      scratch.load(bytes, as: base.dtype)
      let count = scratch.values.count
      var rows: [(row: Int, range: Range<Int>)] = []
      var done = 0
      while done < count {
        let row = (first + done) / rowCount
        let rowEnd = min((row + 1) * rowCount - first, count)
        rows.append((row, done..<rowEnd))
        done = rowEnd
      }
      try body(&scratch, first, rows)
      first += count
    }
  }

  func stream(
    as dtype: DType, _ piece: (RawSpan) throws(ResectError) -> Void
  ) throws(ResectError) {
    try streamRows { scratch, _, rows throws(ResectError) in
      for (row, range) in rows {
        let broken =
          dtype == .float64 ? scaleDoubles(&scratch, row, range) : scaleToOdd(&scratch, row, range)
        guard broken == 0 else {
          throw ResectError(
            .badValue, "\(broken) weights of output channel \(row) are not finite")
        }
      }
      try scratch.encode(as: dtype, piece)
    }
  }

  /// For dtypes narrower than float64. Returns how many products are not finite.
  private func scaleToOdd(_ scratch: inout DoubleScratch, _ row: Int, _ range: Range<Int>) -> Int {
    let (scale, isExact) = scales[row]
    let old = isExact ? [] : Array(scratch.values[range])
    let (broken, unsure) = scratch.scale(range, by: scale)
    // The product of two doubles is known to the last bit.
    guard unsure > 0, !isExact, broken == 0 else { return broken }
    for index in range {
      let number = product(old[index - range.lowerBound], row)
      scratch.replace(index, by: number.oddDouble(number.approximation(scale: scales[row])))
    }
    return 0
  }

  private func scaleDoubles(_ scratch: inout DoubleScratch, _ row: Int, _ range: Range<Int>) -> Int {
    var broken = 0
    for index in range {
      let number = product(scratch.values[index], row)
      // A number that is none has no exact product.
      let value =
        number.minuend.isFinite ? number.nearestDouble(number.approximation(scale: scales[row])) : number.minuend
      broken += value.isFinite ? 0 : 1
      scratch.replace(index, by: value)
    }
    return broken
  }

  func certify(_ written: WrittenElements) throws(ResectError) -> Certificate {
    var certificate = Certificate()
    try streamRows { scratch, first, rows throws(ResectError) in
      let values = written.load(first..<first + scratch.values.count)
      for (row, range) in rows {
        guard
          scratch.unsureCount(of: values, range, factor: scales[row].value, dtype: written.dtype) > 0
        else {
          certificate.add(sure: range.count)
          continue
        }
        for index in range {
          let isSure =
            scratch.unsureCount(of: values, index..<index + 1, factor: scales[row].value, dtype: written.dtype) == 0
          certificate.count(
            isSure
              || scratch.values[index].isFinite
                && written.format.isNearest(values.values[index], to: product(scratch.values[index], row)),
            at: first + index)
        }
      }
    }
    return certificate
  }
}
