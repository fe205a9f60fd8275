internal import ResectBytes
internal import ResectTensors

/// How a tensor's elements are divided into chunks, which are encoded each by itself.
struct ChunkLayout {
  /// Elements of every chunk but the last.
  static let chunkElements = 1 << 16

  /// Bytes that no chunk exceeds, whatever the encoding.
  static let largestChunk: UInt64 = 1 << 20

  let elementCount: Int

  /// How many chunks there are.
  var count: Int { elementCount / ChunkLayout.chunkElements + (elementCount % ChunkLayout.chunkElements == 0 ? 0 : 1) }

  /// The elements of a chunk.
  func elements(of chunk: Int) -> Range<Int> {
    let start = chunk * ChunkLayout.chunkElements
    return start..<min(start + ChunkLayout.chunkElements, elementCount)
  }
}

/// Gathers pieces of any length into pieces of `byteCount` bytes.
struct Rechunker {
  private let byteCount: Int
  private var gathered: [UInt8] = []

  init(byteCount: Int) { self.byteCount = byteCount }

  /// Takes in `piece` and hands over what is whole.
  mutating func add(
    _ piece: RawSpan, _ body: (RawSpan) throws(ResectError) -> Void
  ) throws(ResectError) {
    var start = 0
    while start < piece.byteCount {
      if gathered.isEmpty, piece.byteCount - start >= byteCount {
        try body(piece.extracting(start..<start + byteCount))
        start += byteCount
        continue
      }
      let end = min(start + byteCount - gathered.count, piece.byteCount)
      unsafe piece.extracting(start..<end).withUnsafeBytes { unsafe gathered.append(contentsOf: $0) }
      start = end
      if gathered.count == byteCount { try finish(body) }
    }
  }

  /// Hands over what is left, if anything is.
  mutating func finish(_ body: (RawSpan) throws(ResectError) -> Void) throws(ResectError) {
    guard !gathered.isEmpty else { return }
    try gathered.withRawSpan(body)
    gathered.removeAll(keepingCapacity: true)
  }
}
