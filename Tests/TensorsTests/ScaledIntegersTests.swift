import ResectBytes
import ResectTensors
import ResectTestSupport
import Testing

@Suite struct ScaledIntegersTests {
  private func tensor(_ values: [Float], _ axes: [Int]) throws -> LazyTensor {
    try LazyTensor(values: values.map(Double.init), shape: Shape(axes), dtype: .float32)
  }

  /// A tensor of integers as a file holds it.
  private func stored(_ integers: [Int8], scales: [Float], _ axes: [Int]) throws -> LazyTensor {
    let storage = MemoryStorage(integers.map { UInt8(bitPattern: $0) })
    return try LazyTensor(
      integers: LazyTensor(storage: storage, dtype: .int8, shape: Shape(axes)),
      scales: tensor(scales, [scales.count]), name: "stored")
  }

  @Test func `a slice reaches 127 steps, each number goes to the nearest, from the middle to the even one`()
    throws
  {
    let integers = try ScaledIntegers(tensor([127, 0.5, 1.5, -2.5, 0, -254, 2, 6], [2, 2, 2]))
    #expect(integers.scales == [1, 2])
    #expect(integers.values == [127, 0, 2, -2, 0, -127, 1, 3])
  }

  /// Lengths that fill no vector, and rows of every size of number, against the definition in double precision.
  @Test(arguments: [1, 3, 15, 16, 17, 64, 147, 1000])
  func `integers are the quotients in float32, rounded`(size: Int) throws {
    var random = SeededRandom(seed: UInt64(size))
    let rows = 7
    let numbers = (0..<rows * size).map { index in
      Float.random(in: -1...1, using: &random) * Float(sign: .plus, exponent: 30 * (index / size - 3), significand: 1)
    }
    let integers = try ScaledIntegers(tensor(numbers, [rows, size]))
    for row in 0..<rows {
      let slice = numbers[row * size..<(row + 1) * size]
      let scale = (slice.map { abs($0) }.max() ?? 0) / 127
      #expect(integers.scales[row] == scale)
      #expect(
        Array(integers.values[row * size..<(row + 1) * size])
          == slice.map { Int8(($0 / scale).rounded(.toNearestOrEven)) })
    }
  }

  @Test func `a slice of zeros has the scale 1, one of subnormal numbers the smallest normal`() throws {
    let integers = try ScaledIntegers(tensor([0, -0.0, 0x1p-149, -0x1p-130], [2, 2]))
    #expect(integers.scales == [1, 0x1p-126])
    #expect(integers.values == [0, 0, 0, 0])
  }

  @Test(arguments: [Float.nan, .infinity, -.infinity])
  func `what is not finite is refused`(value: Float) throws {
    let error = #expect(throws: ResectError.self) { try ScaledIntegers(tensor([1, value, 0, 1], [2, 2])) }
    #expect(error?.code == .badValue)
  }

  @Test func `a stored tensor is its integers times their scales, and gives them back as they are`() throws {
    let tensor = try stored([127, -127, 3, 1, 0, -5], scales: [0.1, 3], [2, 3])
    #expect(try tensor.floats() == [127 * 0.1, -127 * 0.1, 3 * 0.1, 3, 0, -15] as [Float])
    // None of the second slice's integers is 127: rounding its numbers again would find others.
    #expect(try ScaledIntegers(tensor).values == [127, -127, 3, 1, 0, -5])
    #expect(try ScaledIntegers(tensor).scales == [0.1, 3])
    #expect(try tensor.roundedToScaledIntegers().floats() == tensor.floats())
    #expect(try tensor.bytes(as: .bfloat16) == self.tensor(tensor.floats(), [2, 3]).bytes(as: .bfloat16))
  }

  @Test func `a tensor is rounded as it will be stored`() throws {
    let numbers: [Float] = [0.3, -1, 0.004, 5, 2.5, 0.1]
    let rounded = try tensor(numbers, [2, 3]).roundedToScaledIntegers()
    let integers = try ScaledIntegers(tensor(numbers, [2, 3]))
    #expect(try rounded.floats() == stored(integers.values, scales: integers.scales, [2, 3]).floats())
    #expect(try rounded.floats() != numbers)
  }

  @Test(arguments: [Float.nan, .infinity, 0, -1, 0x1p-127])
  func `a stored scale that is not a normal number above zero is refused`(scale: Float) throws {
    let tensor = try stored([1, 2], scales: [1, scale], [2, 1])
    let error = #expect(throws: ResectError.self) { try tensor.floats() }
    #expect(error?.code == .malformed)
    #expect(error?.tensor == "stored")
    #expect(throws: ResectError.self) { try ScaledIntegers(tensor) }
  }

  @Test func `a stored integer of -128 is refused`() throws {
    let tensor = try stored([1, -128], scales: [1, 1], [2, 1])
    #expect(#expect(throws: ResectError.self) { try tensor.floats() }?.code == .malformed)
  }

  @Test func `more or fewer scales than slices are refused`() throws {
    #expect(#expect(throws: ResectError.self) { try stored([1, 2], scales: [1], [2, 1]) }?.code == .mismatch)
  }
}
