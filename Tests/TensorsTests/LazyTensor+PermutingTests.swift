import ResectBytes
import ResectTensors
import ResectTestSupport
import Testing

@Suite struct LazyTensorPermutingTests {
  /// The elements of `tensor` by their indices, put in the order that `order` and `reversed` ask for, one by one.
  private func permuted(_ values: [Double], _ axes: [Int], _ order: [Int], _ reversed: Set<Int>) -> [Double] {
    let target = order.map { axes[$0] }
    return (0..<values.count).map { position in
      var rest = position
      var indices = [Int](repeating: 0, count: axes.count)
      for (axis, source) in order.enumerated().reversed() {
        let index = rest % target[axis]
        rest /= target[axis]
        indices[source] = reversed.contains(source) ? axes[source] - 1 - index : index
      }
      return values[zip(indices, axes).reduce(0) { $0 * $1.1 + $1.0 }]
    }
  }

  @Test(
    arguments: [
      ([3, 3, 5, 7], [3, 2, 0, 1], []), ([3, 3, 5, 7], [3, 2, 0, 1], [0, 1]), ([1, 1, 40, 33], [3, 2, 0, 1], []),
      ([7, 7, 3, 64], [3, 2, 0, 1], [0]), ([100, 37], [1, 0], []), ([4, 3, 2], [0, 1, 2], [1, 2]), ([6], [0], [0]),
      ([2, 0, 3], [2, 0, 1], []), ([], [], []),
    ] as [([Int], [Int], Set<Int>)])
  func `elements go where the order of the axes says`(axes: [Int], order: [Int], reversed: Set<Int>) throws {
    let count = axes.reduce(1, *)
    // Whole numbers that every one of these types holds.
    let values = (0..<count).map { Double($0 % 2048) }
    for dtype in [DType.float32, .float16, .float64] {
      let tensor = try LazyTensor(values: values, shape: Shape(axes), dtype: dtype)
      let result = try tensor.permuted(order, reversing: reversed)
      #expect(result.shape.axes == order.map { axes[$0] })
      #expect(result.dtype == dtype)
      #expect(try result.doubles() == permuted(values, axes, order, reversed))
    }
  }

  @Test func `a conversion rounds what was permuted, and keeps every bit where there is none`() throws {
    var random = SeededRandom(seed: 5)
    let values = (0..<600_000).map { _ in Double(Float.random(in: -2...2, using: &random)) }
    let tensor = try LazyTensor(values: values, shape: Shape([600, 1000]), dtype: .float32)
    let transposed = try tensor.permuted([1, 0])
    let expected = permuted(values, [600, 1000], [1, 0], [])
    #expect(try transposed.doubles() == expected)
    #expect(try transposed.patterns(as: .float16, UInt16.self) == expected.map { Float16($0).bitPattern })
  }

  @Test(arguments: [[0], [0, 0], [0, 2], [0, 1, 2]])
  func `what is no order of the axes is refused`(_ order: [Int]) throws {
    let tensor = try LazyTensor(values: [1, 2, 3, 4], shape: Shape([2, 2]), dtype: .float32)
    #expect(refusal { () throws(ResectError) in try tensor.permuted(order) } == .mismatch)
  }
}
