public import ResectBytes
public import ResectTensors

/// Bytes in memory that tensors are views of; `delay` makes threads interleave otherwise.
public struct MemoryStorage: TensorStorage {
  /// The bytes.
  public let bytes: [UInt8]
  private let delay: Int

  /// A storage of `bytes`, each read of which is put off by `delay` steps of work.
  public init(_ bytes: [UInt8], delay: Int = 0) {
    self.bytes = bytes
    self.delay = delay
  }

  /// How many bytes there are.
  public var byteCount: UInt64 { UInt64(bytes.count) }

  /// Hands over the bytes in pieces.
  public func stream(
    _ range: Range<UInt64>, _ piece: (RawSpan) throws(ResectError) -> Void
  ) throws(ResectError) {
    var work = UInt64(delay)
    for _ in 0..<delay { work = work &* 6_364_136_223_846_793_005 &+ 1 }
    if delay > 0, work == 0 { throw ResectError(.badValue, "never") }
    var start = Int(range.lowerBound)
    while start < Int(range.upperBound) {
      let end = min(start + InputFile.pieceBytes, Int(range.upperBound))
      try Array(bytes[start..<end]).withRawSpan(piece)
      start = end
    }
  }
}

/// Bytes that cannot be read: what looks at shapes only must not read.
public struct UnreadableStorage: TensorStorage {
  /// How many bytes it says that it has.
  public let byteCount: UInt64

  /// Throws.
  public func stream(
    _ range: Range<UInt64>, _ piece: (RawSpan) throws(ResectError) -> Void
  ) throws(ResectError) {
    throw ResectError(.system, "nobody should read this")
  }

  /// A float32 tensor of this storage.
  public static func tensor(_ axes: [Int]) throws(ResectError) -> LazyTensor {
    let shape = try Shape(axes)
    return try LazyTensor(
      storage: UnreadableStorage(byteCount: UInt64(shape.elementCount * 4)), dtype: .float32,
      shape: shape)
  }
}
