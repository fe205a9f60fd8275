extension Batch {
  /// The images, or rows of features, in a NumPy file, repeated until there are `count` of them.
  ///
  /// Throws `ResectError.Code.badArgument` where the array has neither four axes nor two, or is empty.
  public init(numPyFile path: String, repeatedTo count: Int? = nil) throws(ResectError) {
    let array = try NumPyArray(contentsOf: path)
    let axes = array.tensor.shape.axes
    // Beside an axis of length 0, the product of the others may overflow.
    guard !axes.contains(0) else {
      throw ResectError(.badArgument, "the array is empty: its shape is \(array.tensor.shape)", file: path)
    }
    let shape: Graph.ValueShape
    switch axes.count {
    case 4: shape = .image(channels: axes[1], height: axes[2], width: axes[3])
    case 2: shape = .vector(axes[1])
    default:
      throw ResectError(
        .badArgument,
        "the array has shape \(array.tensor.shape), expected images × channels × height × width or rows × features",
        file: path)
    }
    var values = try array.floats()
    if let count {
      let (total, overflow) = count.multipliedReportingOverflow(by: shape.count)
      guard !overflow, total <= 1 << 31 else {
        throw ResectError(.limit, "a batch of \(count) images is too large", file: path)
      }
      values = (0..<total).map { values[$0 % values.count] }
    }
    do throws(ResectError) {
      try self.init(count: count ?? axes[0], shape: shape, values: values)
    } catch {
      throw error.located(file: path)
    }
  }
}

extension Rows {
  /// Writes the rows as a NumPy array of float32 to `file`, which the caller commits.
  public func write(to file: borrowing OutputFile) throws(ResectError) {
    try writeNumPy(values, shape: try Shape([count, width]), to: file)
  }

  /// The largest absolute difference from the numbers of a NumPy file, whose rows are repeated, or left out, up to as many.
  public func difference(fromNumPyFile path: String) throws(ResectError) -> Double {
    let array = try NumPyArray(contentsOf: path)
    let axes = array.tensor.shape.axes
    guard axes.count == 2, axes[1] == width, axes[0] > 0 else {
      throw ResectError(
        .badArgument, "the array has shape \(array.tensor.shape), the result \(count) × \(width)", file: path)
    }
    let expected = try array.tensor.doubles()
    var largest = 0.0
    for (index, value) in values.enumerated() {
      let difference = abs(Double(value) - expected[index % expected.count])
      largest = difference.isNaN ? .infinity : max(largest, difference)
    }
    return largest
  }
}
