import ResectBytes
import ResectTensors
import ResectTestSupport
import Testing

@Suite struct ComputedTensorsTests {
  private func floats(_ count: Int, seed: UInt64) -> [Float] {
    var random = SeededRandom(seed: seed)
    return (0..<count).map { _ in Float.random(in: -2...2, using: &random) }
  }

  // MARK: Vectors

  @Test func `a vector of values is rounded from the doubles to whatever is asked for`() throws {
    // Above halfway between two float16, by less than a float32 shows.
    let value = 1 + 0x1p-11 + 0x1p-40
    let tensor = LazyTensor(values: [value, -value], dtype: .float32)
    #expect(tensor.shape.axes == [2])
    #expect(try tensor.patterns(UInt32.self) == [Float(value).bitPattern, Float(-value).bitPattern])
    #expect(try tensor.patterns(as: .float16, UInt16.self) == [0x3C01, 0xBC01])
    #expect(try tensor.patterns(as: .float64, UInt64.self) == [value.bitPattern, (-value).bitPattern])
    #expect(try LazyTensor(values: [], dtype: .float32).bytes() == [])
  }

  @Test func `values fill a shape in row-major order, or are refused`() throws {
    let tensor = try LazyTensor(values: [1, 2, 3, 4, 5, 6], shape: Shape([2, 3]), dtype: .float32)
    #expect(tensor.shape.axes == [2, 3])
    #expect(try tensor.doubles() == [1, 2, 3, 4, 5, 6])
    #expect(
      refusal { () throws(ResectError) in try LazyTensor(values: [1], shape: Shape([2]), dtype: .float32) } == .mismatch
    )
  }

  // MARK: Rows

  @Test(arguments: [[5], [5, 3], [5, 2, 2, 7], [5, 100_001], [5, 0]], [DType.float32, .float16])
  func `rows are selected in the order asked for, with every bit`(axes: [Int], dtype: DType) throws {
    let size = axes.dropFirst().reduce(dtype.byteCount, *)
    let storage = MemoryStorage(count: 5 * size, seed: 4)
    let tensor = try LazyTensor(storage: storage, dtype: dtype, shape: Shape(axes))
    for indices in [[3, 0, 4], [4], [0, 1, 2, 3, 4], [2, 2], []] {
      let rows = try tensor.rows(indices)
      #expect(rows.shape.axes == [indices.count] + axes.dropFirst())
      #expect(rows.dtype == dtype)
      #expect(try rows.bytes() == indices.flatMap { storage.bytes[$0 * size..<($0 + 1) * size] })
    }
  }

  @Test func `rows are rounded as the tensor is`() throws {
    let tensor = try LazyTensor(floats(12, seed: 2).map(\.bitPattern), dtype: .float32, shape: [4, 3])
    let halves = try tensor.patterns(as: .float16, UInt16.self)
    #expect(
      try tensor.rows([3, 1]).patterns(as: .float16, UInt16.self) == Array(halves[9..<12]) + Array(halves[3..<6]))
  }

  @Test func `a row that is not there is refused, and a scalar has none`() throws {
    let tensor = try UnreadableStorage.tensor([4, 3])
    #expect(refusal { () throws(ResectError) in try tensor.rows([0, 4]) } == .mismatch)
    #expect(refusal { () throws(ResectError) in try tensor.rows([-1]) } == .mismatch)
    #expect(refusal { () throws(ResectError) in try UnreadableStorage.tensor([]).rows([0]) } == .mismatch)
  }

  // MARK: Scaling

  @Test(
    arguments: [
      [3], [4, 5], [2, 3, 3, 3], [1, 7], [7, 1], [5, 30_000], [131_073, 1], [2, 70_001], [3, 0],
    ])
  func `each slice is multiplied by its factor, in double, rounded once`(axes: [Int]) throws {
    let count = axes.reduce(1, *)
    let weights = floats(count, seed: UInt64(count))
    var random = SeededRandom(seed: 11)
    let factors = (0..<axes[0]).map { _ in Double.random(in: -3...3, using: &random) }
    let tensor = try LazyTensor(weights.map(\.bitPattern), dtype: .float32, shape: axes)
      .scalingFirstAxis(by: factors)
    #expect(tensor.dtype == .float32)
    #expect(tensor.shape.axes == axes)
    let row = count / axes[0]
    let products = weights.indices.map { Double(weights[$0]) * factors[$0 / row] }
    #expect(try tensor.patterns(UInt32.self) == products.map { Float($0).bitPattern })
    #expect(try tensor.patterns(as: .float64, UInt64.self) == products.map(\.bitPattern))
    #expect(
      try tensor.patterns(as: .float16, UInt16.self)
        == products.map { UInt16(BinaryFormat.float16.pattern($0)) })
  }

  @Test func `a strided weight is scaled by its own first axis`() throws {
    let weights = floats(12, seed: 2)
    let storage = MemoryStorage(weights.map(\.bitPattern))
    let transposed = try LazyTensor(
      storage: storage, dtype: .float32, shape: Shape([4, 3]), strides: [1, 4])
    let factors = [1, -2, 0, 0.5]
    let products = (0..<12).map { Double(weights[$0 / 3 + $0 % 3 * 4]) * factors[$0 / 3] }
    #expect(try transposed.scalingFirstAxis(by: factors).doubles() == products)
  }

  @Test(arguments: [DType.float16, .bfloat16, .float32, .float64])
  func `scaling by one keeps every bit`(dtype: DType) throws {
    let base = try LazyTensor(
      storage: MemoryStorage(LazyTensor(values: [0.5, -1.25, 0, -0.0, 3], dtype: dtype).bytes()),
      dtype: dtype, shape: Shape([5]))
    let scaled = try base.scalingFirstAxis(by: [1, 1, 1, 1, 1])
    #expect(try scaled.bytes() == base.bytes())
  }

  @Test(arguments: [DType.int32, .uint8, .bool, .float8E5M2, .complex64])
  func `dtypes that are not computed with are refused`(dtype: DType) throws {
    let tensor = try LazyTensor([UInt64(0)], dtype: dtype)
    let factors = [Double](repeating: 1, count: tensor.shape.elementCount)
    #expect(
      refusal { () throws(ResectError) in try tensor.scalingFirstAxis(by: factors) } == .unsupported)
  }

  @Test(arguments: [([2, 2], 1), ([2, 2], 3), ([], 1), ([0], 1)] as [([Int], Int)])
  func `there are as many factors as the first axis has`(axes: [Int], count: Int) throws {
    let tensor = try LazyTensor(
      [UInt32](repeating: 0, count: axes.reduce(1, *)), dtype: .float32, shape: axes)
    let factors = [Double](repeating: 1, count: count)
    #expect(
      refusal { () throws(ResectError) in try tensor.scalingFirstAxis(by: factors) } == .mismatch)
  }

  @Test(
    arguments: [(Float.infinity, 1.0), (.nan, 1), (1, .infinity), (1, .nan), (.infinity, 0)])
  func `a product that is not finite is refused with its channel`(weight: Float, factor: Double) throws {
    let weights = [1, 1, 1, weight]
    let tensor = try LazyTensor(weights.map(\.bitPattern), dtype: .float32, shape: [2, 2])
      .scalingFirstAxis(by: [1, factor])
    let error = #expect(throws: ResectError.self) { try tensor.bytes() }
    #expect(error?.code == .badValue)
    #expect(error?.message.contains("channel 1") == true)
  }

  @Test func `a product that is too large for the dtype is refused`() throws {
    let tensor = try LazyTensor([Float(300).bitPattern], dtype: .float32)
      .scalingFirstAxis(by: [1000])
    #expect(try tensor.doubles() == [300_000])
    #expect(refusal { () throws(ResectError) in try tensor.bytes(as: .float16) } == .badValue)
    #expect(try tensor.patterns(as: .bfloat16, UInt16.self) == [0x4892])
  }

  // MARK: Columns

  /// 1 2 3 / 4 5 6
  private func matrix() throws -> LazyTensor {
    try LazyTensor([UInt16(1), 2, 3, 4, 5, 6], dtype: .float16, shape: [2, 3])
  }

  @Test func `a column is appended to every row`() throws {
    let joined = try matrix().appendingColumn(LazyTensor([UInt16(7), 8], dtype: .float16))
    #expect(joined.shape.axes == [2, 4])
    #expect(joined.dtype == .float16)
    #expect(try joined.patterns(UInt16.self) == [1, 2, 3, 7, 4, 5, 6, 8])
  }

  @Test(
    arguments: [(0..<3, [1, 2, 3, 4, 5, 6]), (1..<3, [2, 3, 5, 6]), (0..<1, [1, 4]), (2..<2, [])]
      as [(Range<Int>, [UInt16])])
  func `columns keep their bits`(range: Range<Int>, elements: [UInt16]) throws {
    let columns = try matrix().columns(range)
    #expect(columns.shape.axes == [2, range.count])
    #expect(try columns.patterns(UInt16.self) == elements)
  }

  @Test func `a column is a vector`() throws {
    let column = try matrix().column(2)
    #expect(column.shape.axes == [2])
    #expect(try column.patterns(UInt16.self) == [3, 6])
  }

  @Test func `what was appended comes off again`() throws {
    let bias = try LazyTensor([UInt16(7), 8], dtype: .float16)
    let joined = try matrix().appendingColumn(bias)
    #expect(try joined.columns(0..<3).bytes() == matrix().bytes())
    #expect(try joined.column(3).bytes() == bias.bytes())
  }

  @Test func `columns convert as their matrix does`() throws {
    let matrix = try LazyTensor(
      [Float(1), 2, 3, 4].map(\.bitPattern), dtype: .float32, shape: [2, 2])
    #expect(try matrix.column(1).patterns(as: .float16, UInt16.self) == [0x4000, 0x4400])
    let joined = try matrix.appendingColumn(
      LazyTensor([Float(5), 6].map(\.bitPattern), dtype: .float32))
    #expect(
      try joined.patterns(as: .bfloat16, UInt16.self)
        == [0x3F80, 0x4000, 0x40A0, 0x4040, 0x4080, 0x40C0])
  }

  @Test func `a matrix without rows has empty columns`() throws {
    let empty = try LazyTensor([UInt16](), dtype: .float16, shape: [0, 3])
    #expect(try empty.column(1).bytes() == [])
    #expect(try empty.appendingColumn(LazyTensor([UInt16](), dtype: .float16)).bytes() == [])
  }

  @Test func `a column that does not fit is refused`() throws {
    let matrix = try matrix()
    let misfits = [
      try LazyTensor([UInt16(7)], dtype: .float16),
      try LazyTensor([UInt16(7), 8, 9], dtype: .float16),
      try LazyTensor([UInt16(7), 8], dtype: .bfloat16),
      try LazyTensor([UInt16(7), 8], dtype: .float16, shape: [2, 1]),
    ]
    for misfit in misfits {
      #expect(refusal { () throws(ResectError) in try matrix.appendingColumn(misfit) } == .mismatch)
    }
    let vector = try LazyTensor([UInt16(1), 2], dtype: .float16)
    #expect(refusal { () throws(ResectError) in try vector.appendingColumn(vector) } == .mismatch)
  }

  @Test(arguments: [0..<4, 3..<5, -1..<1])
  func `columns outside the matrix are refused`(range: Range<Int>) throws {
    let matrix = try matrix()
    #expect(refusal { () throws(ResectError) in try matrix.columns(range) } == .mismatch)
  }

  @Test func `a column outside the matrix is refused`() throws {
    let matrix = try matrix()
    for index in [-1, 3, 100] {
      #expect(refusal { () throws(ResectError) in try matrix.column(index) } == .mismatch)
    }
    let vector = try LazyTensor([UInt16(1), 2], dtype: .float16)
    #expect(refusal { () throws(ResectError) in try vector.column(0) } == .mismatch)
  }
}

extension BinaryFormat {
  /// The pattern of the 16-bit value nearest to `value`, which is in range.
  func pattern(_ value: Double) -> UInt32 {
    guard let nearest = rounded(value) else { return .max }
    return dtype == .float16
      ? UInt32(Float16(nearest).bitPattern) : Float(nearest).bitPattern >> 16
  }
}
