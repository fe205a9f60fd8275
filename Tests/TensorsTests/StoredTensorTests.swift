import ResectBytes
import ResectTensors
import ResectTestSupport
import Testing

@Suite struct StoredTensorTests {
  /// A view by the definition: each element is looked up at the inner product of its indices and the strides.
  private func naive(
    _ bytes: [UInt8], size: Int, axes: [Int], offset: Int, strides: [Int]
  ) -> [UInt8] {
    var result: [UInt8] = []
    for element in 0..<axes.reduce(1, *) {
      var rest = element
      var place = offset
      for axis in axes.indices.reversed() {
        place += rest % axes[axis] * strides[axis]
        rest /= axes[axis]
      }
      result += bytes[place * size..<(place + 1) * size]
    }
    return result
  }

  private func extent(axes: [Int], strides: [Int]) -> Int {
    axes.contains(0) ? 0 : zip(axes, strides).reduce(1) { $0 + ($1.0 - 1) * $1.1 }
  }

  private func rowMajor(_ axes: [Int]) -> [Int] {
    axes.indices.map { axes[($0 + 1)...].reduce(1, *) }
  }

  private func check(
    dtype: DType, axes: [Int], offset: Int = 0, strides: [Int], seed: UInt64 = 1
  ) throws {
    let elements = offset + extent(axes: axes, strides: strides) + 3
    let storage = MemoryStorage(count: elements * dtype.byteCount + 1, seed: seed)
    let tensor = try LazyTensor(
      storage: storage, dtype: dtype, shape: Shape(axes), offset: offset, strides: strides)
    let expected = naive(
      storage.bytes, size: dtype.byteCount, axes: axes, offset: offset, strides: strides)
    let bytes = try tensor.bytes()
    #expect(bytes == expected, "\(dtype) \(axes) \(offset) \(strides)")
    #expect(bytes.count == tensor.byteCount)
    // Pieces hold whole elements.
    var sizes: [Int] = []
    try tensor.stream { piece throws(ResectError) in sizes.append(piece.byteCount) }
    #expect(sizes.allSatisfy { $0 % dtype.byteCount == 0 })
    #expect(sizes.reduce(0, +) == expected.count)
  }

  // MARK: Views

  @Test(arguments: 0..<60)
  func `a random view is what its strides say`(seed: UInt64) throws {
    var random = SeededRandom(seed: 77 + seed)
    let dtype = DType.allCases[Int(seed) % DType.allCases.count]
    let rank = Int.random(in: 0...5, using: &random)
    let axes = (0..<rank).map { _ in Int.random(in: 0...5, using: &random) }
    let strides = axes.map { _ in Int.random(in: 0...9, using: &random) }
    try check(
      dtype: dtype, axes: axes, offset: Int.random(in: 0...20, using: &random), strides: strides,
      seed: seed)
  }

  @Test(arguments: 0..<30)
  func `a permuted view is what its strides say`(seed: UInt64) throws {
    var random = SeededRandom(seed: 177 + seed)
    let axes = (0..<Int.random(in: 2...4, using: &random)).map { _ in
      Int.random(in: 1...6, using: &random)
    }
    let strides = rowMajor(axes)
    let order = axes.indices.shuffled(using: &random)
    try check(
      dtype: [.float16, .float32, .float64, .complex128][Int(seed) % 4], axes: order.map { axes[$0] },
      strides: order.map { strides[$0] }, seed: seed)
  }

  @Test(
    arguments: [
      ("transposed", [7, 5], [1, 7]), ("expanded", [4, 3], [0, 1]), ("expanded to the right", [4, 3], [1, 0]),
      ("one element everywhere", [5, 5], [0, 0]), ("channels last", [8, 3, 5, 5], [75, 1, 15, 3]),
      ("overlapping", [6, 3], [1, 1]), ("every second", [9], [2]), ("scalar", [], []),
      ("empty", [3, 0, 2], [4, 4, 4]), ("ones", [1, 1, 1], [9, 9, 9]),
      ("rows with gaps", [4, 3], [5, 1]),
    ] as [(String, [Int], [Int])])
  func `the usual views are what their strides say`(
    name: String, axes: [Int], strides: [Int]
  ) throws {
    for dtype in [DType.uint8, .bfloat16, .float32, .int64, .complex128] {
      try check(dtype: dtype, axes: axes, offset: 2, strides: strides)
    }
  }

  @Test(
    arguments: [
      [300, 1000], [3, 100_000], [1, 200_000], [200_000, 1], [70_000, 2, 1], [2, 131_073],
    ])
  func `a view larger than a piece is handed over whole`(axes: [Int]) throws {
    try check(dtype: .float32, axes: axes, strides: rowMajor(axes))
    let transposed = Array(axes.reversed())
    try check(dtype: .float32, axes: transposed, strides: Array(rowMajor(axes).reversed()))
  }

  @Test func `strides are row-major by default`() throws {
    let storage = MemoryStorage(count: 48, seed: 3)
    let tensor = try LazyTensor(storage: storage, dtype: .uint16, shape: Shape([2, 3, 4]))
    #expect(try tensor.bytes() == storage.bytes)
  }

  /// As torch writes them: the stride of an axis of length 1 means nothing.
  @Test(
    arguments: [
      ([2, 1], [2, Int.max]), ([1, 2], [.max, 2]), ([1], [.max]), ([2, 1, 2], [3, .max, 1]),
      ([1, 1], [.max, .max]),
    ] as [([Int], [Int])])
  func `the stride of an axis of length 1 may be anything`(axes: [Int], strides: [Int]) throws {
    let storage = MemoryStorage(count: 64, seed: 9)
    let tensor = try LazyTensor(
      storage: storage, dtype: .float32, shape: Shape(axes), strides: strides)
    let plain = zip(axes, strides).map { $0 == 1 ? 0 : $1 }
    #expect(
      try tensor.bytes() == naive(storage.bytes, size: 4, axes: axes, offset: 0, strides: plain))
    #expect(try tensor.withBytes { $0.byteCount } == tensor.byteCount)
  }

  @Test(arguments: [[0, 1 << 40, 1 << 40], [0, .max, .max], [0], [3, 0, 1 << 50]] as [[Int]])
  func `an empty tensor has no bytes, however long its other axes are`(axes: [Int]) throws {
    let tensor = try LazyTensor(storage: MemoryStorage([]), dtype: .float32, shape: Shape(axes))
    #expect(try tensor.bytes() == [])
    #expect(try tensor.bytes(as: .float16) == [])
    #expect(try tensor.doubles() == [])
    #expect(try tensor.withBytes { $0.byteCount } == 0)
  }

  // MARK: Byte order

  @Test(
    arguments: [
      (.uint8, [1, 2, 3, 4, 5, 6, 7, 8]), (.int16, [2, 1, 4, 3, 6, 5, 8, 7]),
      (.float32, [4, 3, 2, 1, 8, 7, 6, 5]), (.float64, [8, 7, 6, 5, 4, 3, 2, 1]),
      (.complex64, [4, 3, 2, 1, 8, 7, 6, 5]),
    ] as [(DType, [UInt8])])
  func `big-endian numbers are turned, each part of a complex one by itself`(
    dtype: DType, turned: [UInt8]
  ) throws {
    let storage = MemoryStorage([1, 2, 3, 4, 5, 6, 7, 8] as [UInt8])
    let tensor = try LazyTensor(
      storage: storage, dtype: dtype, shape: Shape([8 / dtype.byteCount]), byteOrder: .big)
    #expect(try tensor.bytes() == turned)
    #expect(try tensor.withBytes { unsafe $0.withUnsafeBytes { unsafe Array($0) } } == turned)
  }

  @Test func `a complex128 is turned by halves`() throws {
    let storage = MemoryStorage((0..<16).map { UInt8($0) })
    let tensor = try LazyTensor(
      storage: storage, dtype: .complex128, shape: Shape([1]), byteOrder: .big)
    #expect(try tensor.bytes() == [7, 6, 5, 4, 3, 2, 1, 0, 15, 14, 13, 12, 11, 10, 9, 8])
  }

  @Test func `a strided big-endian view is gathered, then turned`() throws {
    let storage = MemoryStorage([0, 1, 2, 3, 4, 5, 6, 7] as [UInt8])
    let tensor = try LazyTensor(
      storage: storage, dtype: .uint16, shape: Shape([2, 2]), strides: [1, 2], byteOrder: .big)
    #expect(try tensor.bytes() == [1, 0, 5, 4, 3, 2, 7, 6])
  }

  @Test func `a large big-endian tensor is turned in every piece`() throws {
    let count = InputFile.pieceBytes + 3
    let values = (0..<count).map { UInt32($0) }
    let tensor = try LazyTensor(
      storage: MemoryStorage(values.map(\.byteSwapped)), dtype: .uint32, shape: Shape([count]),
      byteOrder: .big)
    #expect(try tensor.patterns(UInt32.self) == values)
  }

  // MARK: Refusals

  /// Of a storage of 10 float32.
  @Test(
    arguments: [
      ("negative offset", [2], -1, [1]), ("negative stride", [2], 5, [-1]),
      ("too few strides", [2, 2], 0, [1]), ("too many strides", [2], 0, [1, 1]),
      ("strides of a scalar", [], 0, [1]), ("past the end", [11], 0, [1]),
      ("past the end by offset", [10], 1, [1]), ("scalar past the end", [], 10, []),
      ("past the end by stride", [2, 2], 0, [9, 1]), ("offset of an empty view", [0], 11, [1]),
      ("stride overflow", [3], 0, [.max]), ("offset overflow", [2], .max, [.max]),
      ("extent overflow", [3, 3, 3], 1, [.max / 2, .max / 2, .max / 2]),
      ("extent overflow by strides", [2, 2, 2], .max, [.max, .max, .max]),
    ] as [(String, [Int], Int, [Int])])
  func `a view outside its storage is refused`(
    name: String, axes: [Int], offset: Int, strides: [Int]
  ) throws {
    let storage = MemoryStorage(count: 40, seed: 1)
    let shape = try Shape(axes)
    let code = refusal { () throws(ResectError) in
      try LazyTensor(
        storage: storage, dtype: .float32, shape: shape, offset: offset, strides: strides)
    }
    #expect(code == .malformed)
  }

  @Test func `a view may reach to the last whole element and no further`() throws {
    let storage = MemoryStorage(count: 43, seed: 1)
    let whole = try LazyTensor(storage: storage, dtype: .float32, shape: Shape([10]))
    #expect(try whole.bytes() == Array(storage.bytes[..<40]))
    let shape = try Shape([11])
    #expect(
      refusal { () throws(ResectError) in
        try LazyTensor(storage: storage, dtype: .float32, shape: shape)
      } == .malformed)
    let end = try LazyTensor(storage: storage, dtype: .float32, shape: Shape([0]), offset: 10)
    #expect(try end.bytes() == [])
  }

  @Test func `a view may repeat its storage up to a limit`() throws {
    let storage = MemoryStorage(count: 4, seed: 1)
    let largest = Limits.expandedBytes / 4
    let tensor = try LazyTensor(
      storage: storage, dtype: .float32, shape: Shape([largest]), strides: [0])
    #expect(tensor.byteCount == Limits.expandedBytes)
    for axes in [[largest + 1], [1 << 20, 1 << 20], [1 << 40]] {
      let shape = try Shape(axes)
      let code = refusal { () throws(ResectError) in
        try LazyTensor(
          storage: storage, dtype: .float32, shape: shape,
          strides: [Int](repeating: 0, count: axes.count))
      }
      #expect(code == .limit)
    }
  }
}
