import ResectBytes
import ResectTensors
import ResectTestSupport

extension MemoryStorage {
  /// The little-endian bytes of `elements`.
  init<Element: FixedWidthInteger>(_ elements: [Element]) {
    var bytes: [UInt8] = []
    for element in elements { bytes.append(littleEndian: element) }
    self.init(bytes)
  }

  /// `count` bytes that depend on `seed` alone.
  init(count: Int, seed: UInt64) {
    var random = SeededRandom(seed: seed)
    self.init((0..<count).map { _ in UInt8(truncatingIfNeeded: random.next()) })
  }
}

extension LazyTensor {
  /// A row-major tensor of the bit patterns `elements`.
  init<Element: FixedWidthInteger>(
    _ elements: [Element], dtype: DType, shape: [Int]? = nil
  ) throws(ResectError) {
    try self.init(
      storage: MemoryStorage(elements), dtype: dtype,
      shape: try Shape(shape ?? [elements.count * Element.bitWidth / 8 / dtype.byteCount]))
  }

  /// The elements' bit patterns as they are written as `dtype`.
  func patterns<Element: FixedWidthInteger & UnsignedInteger>(
    as dtype: DType? = nil, _ type: Element.Type = Element.self
  ) throws(ResectError) -> [Element] {
    var reader = ByteReader(try bytes(as: dtype))
    var patterns: [Element] = []
    while !reader.isAtEnd { patterns.append(try reader.integer()) }
    return patterns
  }
}
