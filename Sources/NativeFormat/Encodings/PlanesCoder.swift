internal import ResectBytes
internal import CResectEntropyCoding
internal import ResectTensors

/// The encoding `planes`: each byte of the elements in a block of its own, the sign moved beside the mantissa so that the
/// first block holds exponents alone.
struct PlanesCoder: ChunkDecoder {
  private let dtype: DType
  private var encoder = BlockEncoder()
  private let decoder = BlockDecoder()
  private var planes: [UInt8] = []

  /// Nothing where elements of `dtype` have no such planes.
  init?(_ dtype: DType) {
    guard PlanesCoder.dtypes.contains(dtype) else { return nil }
    self.dtype = dtype
  }

  /// The dtypes that are encoded.
  static let dtypes: Set<DType> = [.float32, .float16, .bfloat16]

  /// Appends the chunk of `elements`.
  mutating func append(_ elements: RawSpan, to bytes: inout [UInt8]) {
    let count = elements.byteCount / dtype.byteCount
    prepare(count)
    unsafe elements.withUnsafeBytes { source in
      if dtype.byteCount == 4 {
        unsafe resect_split_planes_32(source.baseAddress, count, &planes)
      } else {
        unsafe resect_split_planes_16(source.baseAddress, count, &planes)
      }
    }
    unsafe planes.withUnsafeBufferPointer { planes in
      for plane in 0..<dtype.byteCount {
        let symbols = unsafe UnsafeBufferPointer(rebasing: planes[plane * count..<(plane + 1) * count])
        unsafe encoder.append(symbols, hasCurve: false, to: &bytes)
      }
    }
  }

  mutating func decode(
    _ chunk: UnsafeRawBufferPointer, elements: Range<Int>, into target: UnsafeMutableRawPointer
  ) throws(ResectError) {
    let count = elements.count
    prepare(count)
    var cursor = unsafe ChunkCursor(chunk)
    var failure: ResectError?
    unsafe planes.withUnsafeMutableBufferPointer { planes in
      do throws(ResectError) {
        for plane in 0..<dtype.byteCount {
          let symbols = unsafe UnsafeMutableBufferPointer(
            rebasing: planes[plane * count..<(plane + 1) * count])
          unsafe try decoder.read(&cursor, hasCurve: false, into: symbols)
        }
      } catch { failure = error }
      guard let first = planes.baseAddress, failure == nil else { return }
      if dtype.byteCount == 4 {
        unsafe resect_join_planes_32(
          first, first + count, first + 2 * count, first + 3 * count, count, target)
      } else {
        unsafe resect_join_planes_16(first, first + count, count, target)
      }
    }
    if let failure { throw failure }
    guard cursor.isAtEnd else { throw ChunkCursor.damaged("it is longer than its blocks") }
  }

  private mutating func prepare(_ count: Int) {
    let byteCount = count * dtype.byteCount
    if planes.count < byteCount { planes = [UInt8](repeating: 0, count: byteCount) }
  }
}
