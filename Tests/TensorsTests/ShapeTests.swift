import ResectBytes
import ResectTensors
import ResectTestSupport
import Testing

@Suite struct ShapeTests {
  @Test(arguments: [([], 1), ([0], 0), ([3], 3), ([64, 3, 7, 7], 9408), ([5, 0, 7], 0)] as [([Int], Int)])
  func `the element count is the product of the axes`(axes: [Int], count: Int) throws {
    let shape = try Shape(axes)
    #expect(shape.elementCount == count)
    #expect(shape.rank == axes.count)
    #expect(shape.axes == axes)
  }

  @Test(
    arguments: [
      [-1], [2, -3], [0, -1], [Int.min], [.max], [.max / 16 + 1], [1 << 32, 1 << 32],
      [1 << 20, 1 << 20, 1 << 20, 1 << 20], [.max, .max], [1 << 40, 1 << 40, 0],
    ])
  func `a negative axis or a product out of range is refused`(axes: [Int]) {
    #expect(refusal { () throws(ResectError) in try Shape(axes) } == .malformed)
  }

  @Test func `the rank has a limit`() throws {
    #expect(try Shape([Int](repeating: 1, count: Limits.rank)).elementCount == 1)
    let axes = [Int](repeating: 1, count: Limits.rank + 1)
    #expect(refusal { () throws(ResectError) in try Shape(axes) } == .limit)
  }

  @Test func `shapes are written with times signs, scalars by their name`() throws {
    #expect(try Shape([64, 3, 7, 7]).description == "64 × 3 × 7 × 7")
    #expect(try Shape([]).description == "scalar")
    #expect(Shape(vector: 5).description == "5")
  }

  @Test func `neighbours along an axis are as far apart as the later axes are long`() throws {
    #expect(try Shape([2, 3, 4]).rowMajorStrides == [12, 4, 1])
    #expect(try Shape([5]).rowMajorStrides == [1])
    #expect(try Shape([]).rowMajorStrides == [])
  }
}
