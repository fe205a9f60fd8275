public import ResectGraphs
public import ResectBytes
public import ResectResNets

/// Images, or vectors of features, as numbers that a network takes.
public struct Batch: Sendable, Hashable {
  /// How many there are.
  public let count: Int
  /// What each one is.
  public let shape: Graph.ValueShape
  /// The numbers: batch × channels × height × width, or batch × features, row-major.
  public let values: [Float]

  /// A batch. Throws where `values` are more or fewer than the shape says, or where there are none.
  public init(count: Int, shape: Graph.ValueShape, values: [Float]) throws(ResectError) {
    guard count > 0, shape.count > 0, values.count == count * shape.count else {
      throw ResectError(
        .badArgument, "\(values.count) numbers are no \(count) × \(shape)", advice: "a batch is not empty")
    }
    self.count = count
    self.shape = shape
    self.values = values
  }

  /// The numbers of one element.
  public subscript(index: Int) -> [Float] { self[index..<index + 1] }

  /// The numbers of the elements of `range`, one after the other.
  public subscript(range: Range<Int>) -> [Float] {
    Array(values[range.lowerBound * shape.count..<range.upperBound * shape.count])
  }

  /// Pixels of an image in each direction; a vector has one.
  var extent: (height: Int, width: Int) {
    switch shape {
    case .image(_, let height, let width): (height, width)
    case .vector: (1, 1)
    }
  }
}

extension Batch {
  /// What a network that does not normalise its input takes of these images of pixels: the bits that preprocessing gives.
  ///
  /// Throws where the images have other channels.
  public func normalized(by normalization: InputNormalization) throws(ResectError) -> Batch {
    guard case .image(let channels, _, _) = shape, channels == normalization.channels.count else {
      throw ResectError(
        .badArgument, "\(shape) has not the \(normalization.channels.count) channels of the normalisation")
    }
    var values: [Float] = []
    for index in 0..<count { values += ReferenceKernels.normalized(self[index], by: normalization) }
    return try Batch(count: count, shape: shape, values: values)
  }
}

extension Batch {
  /// The same with every number that lies outside of `range` at its end.
  public func clamped(to range: ActivationRanges.Range) throws(ResectError) -> Batch {
    try Batch(count: count, shape: shape, values: values.map { min(max($0, range.low), range.high) })
  }
}

/// Rows of numbers: the logits or features of each element of a batch.
public struct Rows: Sendable, Hashable {
  /// How many rows there are.
  public let count: Int
  /// Numbers in a row.
  public let width: Int
  /// The numbers, row after row.
  public var values: [Float]

  /// Rows of `width` numbers. Requires a multiple of `width` numbers.
  public init(width: Int, values: [Float]) {
    self.width = width
    self.count = width == 0 ? 0 : values.count / width
    self.values = values
  }

  /// The row `index`.
  public subscript(index: Int) -> ArraySlice<Float> { values[index * width..<(index + 1) * width] }
}
