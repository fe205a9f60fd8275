import ResectBytes
import ResectTensors
import ResectTestSupport
import Testing

/// A number and what Python's integers round it to.
struct Rounding: Sendable {
  let number: AffineRoot
  let patterns: [DType: UInt64]

  // swift-format-ignore: NeverForceUnwrap
  static let all: [Rounding] = text.split(separator: "\n").map { line in
    let fields = line.split(separator: " ")
    func double(_ index: Int) -> Double { Double(bitPattern: UInt64(fields[index], radix: 16)!) }
    let root = fields[5] == "-" ? nil : AffineRoot.Radicand(double(5), double(6))
    return Rounding(
      number: AffineRoot(
        addend: double(0), minuend: double(1), subtrahend: double(2), factor: double(3), divisor: double(4),
        radicand: root),
      patterns: Dictionary(
        uniqueKeysWithValues: [DType.float64, .float32, .float16, .bfloat16].enumerated().map {
          ($1, UInt64(fields[7 + $0], radix: 16)!)
        }))
  }

  /// The tensor of all numbers.
  static func tensor(_ dtype: DType) -> LazyTensor { LazyTensor(exact: all.map(\.number), dtype: dtype) }
}

extension LazyTensor {
  /// The elements' patterns, whatever their width.
  fileprivate func bits() throws -> [UInt64] {
    let bytes = try bytes()
    return stride(from: 0, to: bytes.count, by: dtype.byteCount).map { start in
      bytes[start..<start + dtype.byteCount].reversed().reduce(0) { $0 << 8 | UInt64($1) }
    }
  }

  /// The tensor that a file would hold whose elements have these patterns.
  fileprivate static func stored(_ patterns: [UInt64], _ dtype: DType, _ shape: Shape? = nil) throws -> LazyTensor {
    let bytes = patterns.flatMap { pattern in
      (0..<dtype.byteCount).map { UInt8(truncatingIfNeeded: pattern >> UInt64(8 * $0)) }
    }
    return try LazyTensor(
      storage: MemoryStorage(bytes), dtype: dtype, shape: shape ?? Shape([patterns.count]))
  }
}

@Suite struct ExactTensorsTests {
  @Test(arguments: [DType.float64, .float32, .float16, .bfloat16])
  func `a number is rounded once, whatever its distance from the middle of two`(dtype: DType) throws {
    let bits = try Rounding.tensor(dtype).bits()
    for (index, rounding) in Rounding.all.enumerated() {
      #expect(bits[index] == rounding.patterns[dtype], "number \(index): \(rounding.number)")
    }
  }

  @Test(arguments: [DType.float64, .float32, .float16, .bfloat16])
  func `a product is rounded once, whatever its distance from the middle of two`(dtype: DType) throws {
    for (index, rounding) in Rounding.all.enumerated()
    where rounding.number.addend == 0 && rounding.number.subtrahend == 0 {
      let base = LazyTensor(values: [rounding.number.minuend], dtype: .float64)
      let product = try base.scalingFirstAxis(by: [rounding.number])
      let bits = try LazyTensor.stored([rounding.patterns[dtype]!], dtype)
      #expect(try product.bytes(as: dtype) == bits.bytes(), "number \(index): \(rounding.number)")
      #expect(try product.certify(bits).wrong == 0, "number \(index): \(rounding.number)")
    }
  }

  @Test(arguments: [DType.float64, .float32, .float16, .bfloat16])
  func `what Python rounded is certified, and no other number`(dtype: DType) throws {
    let right = Rounding.all.map { $0.patterns[dtype]! }
    let tensor = Rounding.tensor(.float32)
    let certificate = try tensor.certify(.stored(right, dtype))
    #expect(certificate.elements == right.count)
    #expect(certificate.wrong == 0)
    for step: UInt64 in [1, .max] {
      // The pattern after a zero, backwards, would be another sign's.
      let wrong = right.map { $0 & ((1 << UInt64(8 * dtype.byteCount - 1)) - 1) == 0 ? $0 + 1 : $0 &+ step }
      #expect(try tensor.certify(.stored(wrong, dtype)).wrong == right.count)
    }
  }

  @Test(arguments: [DType.float32, .float16, .bfloat16])
  func `each of a thousand weights that are off by one unit is found`(dtype: DType) throws {
    var random = SeededRandom(seed: 5)
    let weights = (0..<64 * 3000).map { _ in Float.random(in: -0.2...0.2, using: &random) }
    let factors = (0..<64).map { _ in
      AffineRoot(
        factor: Double(Float.random(in: -2...2, using: &random)),
        radicand: .init(Double(Float.random(in: 0...2, using: &random)), 1e-5))
    }
    let scaled = try LazyTensor(weights.map(\.bitPattern), dtype: .float32, shape: [64, 3000])
      .scalingFirstAxis(by: factors)
    var written = try LazyTensor.stored(LazyTensor.stored([], dtype).bits(), dtype, Shape([0]))
    let bytes = try scaled.bytes(as: dtype)
    written = try LazyTensor(storage: MemoryStorage(bytes), dtype: dtype, shape: scaled.shape)
    let certificate = try scaled.certify(written)
    #expect(certificate.wrong == 0)
    #expect(certificate.elements == weights.count)
    var damaged = try written.bits()
    let places = Set((0..<1000).map { $0 * 191 })
    for place in places { damaged[place] ^= 1 }
    let found = try scaled.certify(.stored(damaged, dtype, scaled.shape))
    #expect(found.wrong == 1000)
    #expect(found.firstWrong == 0)
  }

  @Test func `a tensor that is only copied or converted is certified as what it is`() throws {
    let values = LazyTensor(values: [0.1, -2, 65504, 0], dtype: .float32)
    let float16 = try LazyTensor(
      storage: MemoryStorage(values.bytes(as: .float16)), dtype: .float16, shape: values.shape)
    #expect(try values.certify(float16).wrong == 0)
    #expect(try values.certify(.stored([0x2E67, 0xC000, 0x7BFF, 0], .float16)).firstWrong == 0)
    let integers = try LazyTensor.stored([7, 8], .int64)
    #expect(try integers.certify(.stored([7, 8], .int64)).elements == 2)
    #expect(try integers.certify(.stored([7, 9], .int64)).firstWrong == 1)
    #expect(refusal { () throws(ResectError) in try integers.certify(values) } == .mismatch)
  }

  @Test func `a quotient of large numbers is rounded by comparing`() throws {
    let third = DyadicQuotient(Dyadic(-1), over: Dyadic(3))
    let tensor = LazyTensor(exact: [third], dtype: .float64)
    #expect(try tensor.doubles() == [-1.0 / 3])
    #expect(try tensor.certify(.stored([UInt64(Float(-1.0 / 3).bitPattern)], .float32)).wrong == 0)
    #expect(try tensor.certify(.stored([UInt64(Float(-1.0 / 3).nextUp.bitPattern)], .float32)).wrong == 1)
  }
}
