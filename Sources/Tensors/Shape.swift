public import ResectBytes

/// The lengths of a tensor's axes, none negative, whose product and size in bytes fit an `Int`.
public struct Shape: Sendable, Hashable {
  /// The axes, outermost first.
  public let axes: [Int]
  /// The product of the axes; 1 for a scalar.
  public let elementCount: Int

  /// A shape, or an error where an axis is negative, the rank over `Limits.rank` or the product out of range.
  public init(_ axes: [Int]) throws(ResectError) {
    guard axes.count <= Limits.rank else {
      throw ResectError(
        .limit, "the tensor has \(axes.count) dimensions, at most \(Limits.rank) are read")
    }
    var count = 1
    for axis in axes {
      guard axis >= 0 else { throw ResectError(.malformed, "a dimension is negative: \(axis)") }
      let (product, overflow) = count.multipliedReportingOverflow(by: axis)
      // The largest element has 16 bytes. A zero further on would hide an overflow: each step is checked.
      guard !overflow, product <= Int.max / 16 else {
        throw ResectError(.malformed, "the shape \(axes) has too many elements")
      }
      count = product
    }
    self.axes = axes
    elementCount = count
  }

  /// A vector's shape.
  public init(vector count: Int) {
    axes = [count]
    elementCount = count
  }

  /// How many axes there are.
  public var rank: Int { axes.count }

  /// How many elements lie between neighbours along each axis, where the elements lie in row-major order.
  public var rowMajorStrides: [Int] { StoredTensor.rowMajorStrides(of: self) }
}

extension Shape: CustomStringConvertible {
  /// As `64 × 3 × 7 × 7`, or `scalar`.
  public var description: String {
    axes.isEmpty ? "scalar" : axes.map(String.init).joined(separator: " × ")
  }
}
