import ResectBytes
import ResectTensors
import Testing

/// Weights as multiples of a step, by hand.
@Suite struct StepRoundingTests {
  private func integers(_ weights: [Double], _ axes: [Int], _ rounding: StepRounding) throws -> [Int32] {
    StepMultiples(weights, shape: try Shape(axes), step: 0.5, rounding: rounding).integers
  }

  @Test func `a weight goes to the nearest multiple, to the even one from the middle`() throws {
    #expect(try integers([0.2, 0.3, 0.25, 0.75, -0.75, -3], [6], .nearest) == [0, 1, 0, 2, -2, -6])
  }

  @Test func `the sum of a kernel stays within half a step`() throws {
    // Remainders of 0.4, 0.4, 0.4 and 0.2 steps add up to 1.4: the first of the largest goes up.
    let kernel = [0.2, 0.2, 0.2, 0.1]
    #expect(try integers(kernel, [1, 1, 2, 2], .nearest) == [0, 0, 0, 0])
    #expect(try integers(kernel, [1, 1, 2, 2], .kernels) == [1, 0, 0, 0])
    #expect(try integers(kernel.map(-), [1, 1, 2, 2], .kernels) == [-1, 0, 0, 0])
  }

  @Test func `each kernel is settled by itself`() throws {
    let kernels = [0.2, 0.2, 0.2, 0.1, 0.5, 0.5, 0.5, 0.5]
    #expect(try integers(kernels, [2, 1, 2, 2], .kernels) == [1, 0, 0, 0, 1, 1, 1, 1])
  }

  @Test(arguments: [[4], [2, 2], [4, 1, 1, 1]])
  func `what has no kernels is rounded to the nearest`(_ axes: [Int]) throws {
    #expect(try integers([0.2, 0.2, 0.2, 0.1], axes, .kernels) == [0, 0, 0, 0])
  }

  @Test func `what is not finite or too large is counted`() throws {
    let weights = [Double.nan, .infinity, 0x1p30, 0x1p29, 1]
    let multiples = StepMultiples(weights, shape: try Shape([5]), step: 0.5, rounding: .nearest)
    #expect(multiples.bad == 3)
    #expect(multiples.integers == [0, 0, 0, 1 << 30, 2])
  }

  @Test func `a tensor of multiples gives what float32 holds of them`() throws {
    let tensor = LazyTensor(values: [0.26, -1.01, 7], dtype: .float64).multiples(of: 0.1, rounding: .nearest)
    #expect(tensor.dtype == .float32)
    #expect(try tensor.floats() == [Float(3 * 0.1), -1, 7])
    #expect(try tensor.doubles() == [Double(Float(3 * 0.1)), -1, 7])
  }

  @Test func `a tensor that is not finite gives no multiples`() throws {
    let tensor = LazyTensor(values: [.nan], dtype: .float64).multiples(of: 0.1, rounding: .nearest)
    #expect(throws: ResectError.self) { try tensor.floats() }
  }
}
