internal import ResectBytes
internal import Synchronization
internal import ResectTensors

/// Decodes the chunks of one encoding, with buffers that last from chunk to chunk.
protocol ChunkDecoder: Sendable {
  /// Writes the tensor's `elements`, which `chunk` encodes, to `target`.
  mutating func decode(
    _ chunk: UnsafeRawBufferPointer, elements: Range<Int>, into target: UnsafeMutableRawPointer
  ) throws(ResectError)
}

/// The elements of an encoded tensor, decoded chunk by chunk each time they are asked for.
final class EncodedStorage: TensorStorage {
  let byteCount: UInt64
  private let payload: any TensorStorage
  private let entry: NativeTensorEntry
  /// Bytes of an element as it is decoded.
  private let size: Int
  private let layout: ChunkLayout
  /// Read when it is first needed.
  private let index = Mutex<ChunkIndex?>(nil)

  /// The elements of `entry`, whose payload is `payload`; in the encoding `int8`, the integers.
  init(_ entry: NativeTensorEntry, payload: any TensorStorage) {
    self.entry = entry
    self.payload = payload
    layout = ChunkLayout(elementCount: entry.shape.elementCount)
    size = if case .int8 = entry.encoding { 1 } else { entry.dtype.byteCount }
    byteCount = UInt64(entry.shape.elementCount * size)
  }

  func stream(
    _ range: Range<UInt64>, _ piece: (RawSpan) throws(ResectError) -> Void
  ) throws(ResectError) {
    guard !range.isEmpty else { return }
    let index = try readIndex()
    var decoder = index.decoder
    let chunkBytes = ChunkLayout.chunkElements * size
    var buffer = [UInt8](repeating: 0, count: min(chunkBytes, Int(byteCount)))
    for chunk in Int(range.lowerBound) / chunkBytes...Int(range.upperBound - 1) / chunkBytes {
      unsafe try decode(chunk, index, &decoder, into: &buffer)
      let elements = layout.elements(of: chunk)
      let wanted = (elements.lowerBound * size..<elements.upperBound * size)
        .clamped(to: Int(range.lowerBound)..<Int(range.upperBound))
      let start = elements.lowerBound * size
      unsafe try piece(buffer.span.bytes.extracting(wanted.lowerBound - start..<wanted.upperBound - start))
    }
  }

  /// Decodes all chunks on all cores, each to its place.
  func bytes(_ range: Range<UInt64>) throws(ResectError) -> [UInt8] {
    precondition(range == 0..<byteCount, "a tensor in a file of ours is all of its storage")
    let index = try readIndex()
    let decoders = Mutex<[any ChunkDecoder]>([])
    var failure: ResectError?
    let bytes = unsafe [UInt8](unsafeUninitializedCapacity: Int(byteCount)) { buffer, filled in
      nonisolated(unsafe) let base = UnsafeMutableRawPointer(buffer.baseAddress)
      do throws(ResectError) {
        try parallelForEach(count: layout.count) { chunk throws(ResectError) in
          var decoder = decoders.withLock { $0.popLast() } ?? index.decoder
          let start = layout.elements(of: chunk).lowerBound * size
          guard let target = unsafe base.map({ unsafe $0 + start }) else { return }
          unsafe try decode(chunk, index, &decoder, into: target)
          decoders.withLock { [decoder] in $0.append(decoder) }
        }
        filled = Int(byteCount)
      } catch { failure = error }
    }
    if let failure { throw failure }
    return bytes
  }

  /// The payload as it is, once it is certain that it can be decoded.
  func verifiedPayload() throws(ResectError) -> EncodedPayload {
    try stream(0..<byteCount) { _ throws(ResectError) in }
    return EncodedPayload(encoding: entry.encoding, bytes: try payload.bytes(0..<entry.length))
  }

  private func decode(
    _ chunk: Int, _ index: ChunkIndex, _ decoder: inout any ChunkDecoder,
    into target: UnsafeMutableRawPointer
  ) throws(ResectError) {
    do throws(ResectError) {
      try payload.withBytes(index.chunks[chunk]) { bytes throws(ResectError) in
        var failure: ResectError?
        unsafe bytes.withUnsafeBytes { bytes in
          do throws(ResectError) {
            unsafe try decoder.decode(bytes, elements: layout.elements(of: chunk), into: target)
          } catch { failure = error }
        }
        if let failure { throw failure }
      }
    } catch {
      throw error.located(tensor: entry.name)
    }
  }

  /// Reads what stands before the chunks; the payload's checksum is compared on the way.
  private func readIndex() throws(ResectError) -> ChunkIndex {
    do throws(ResectError) {
      return try index.withLock { known throws(ResectError) in
        if let known { return known }
        let index = try ChunkIndex(entry, layout, payload)
        known = index
        return index
      }
    } catch {
      throw error.located(tensor: entry.name)
    }
  }
}

/// What stands before the chunks of a payload.
private struct ChunkIndex {
  /// A decoder that has decoded nothing yet.
  let decoder: any ChunkDecoder
  /// The bytes of each chunk in the payload.
  let chunks: [Range<UInt64>]

  /// Reads the head and the table of `entry`'s `payload`.
  init(
    _ entry: NativeTensorEntry, _ layout: ChunkLayout, _ payload: any TensorStorage
  ) throws(ResectError) {
    var position: UInt64 = 0
    func take(_ count: Int) throws(ResectError) -> [UInt8] {
      guard UInt64(count) <= entry.length - position else {
        throw ChunkCursor.damaged("the payload ends before the first")
      }
      defer { position += UInt64(count) }
      return try payload.bytes(position..<position + UInt64(count))
    }
    switch entry.encoding {
    case .quantized(let step, _):
      var classes: ScaleClasses?
      let flag = try take(1)[0]
      if flag == 1, let count = ScaleClasses.byteCount(entry.shape) {
        classes = try ScaleClasses(parsing: take(count), shape: entry.shape)
      } else if flag != 0 {
        throw ChunkCursor.damaged("classes of kind \(flag) are not known")
      }
      decoder = QuantizedCoder(step: step, classes: classes)
    case .int8:
      _ = try take(4 * entry.shape.axes[0])
      decoder = IntegerCoder()
    case .planes, .raw:
      guard let planes = PlanesCoder(entry.dtype) else {
        throw ChunkCursor.damaged("\(entry.dtype.rawValue) has no planes")
      }
      decoder = planes
    }
    var table = ByteReader(try take(4 * layout.count))
    var chunks: [Range<UInt64>] = []
    for _ in 0..<layout.count {
      let length = UInt64(try table.integer(UInt32.self))
      guard length <= ChunkLayout.largestChunk, length <= entry.length - position else {
        throw ChunkCursor.damaged("its length is given as \(length)")
      }
      chunks.append(position..<position + length)
      position += length
    }
    guard position == entry.length else {
      throw ChunkCursor.damaged("the chunks have \(position) of the payload's \(entry.length) bytes")
    }
    self.chunks = chunks
  }
}
