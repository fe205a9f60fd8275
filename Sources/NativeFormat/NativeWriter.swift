public import ResectBytes
internal import ResectGraphs
internal import ResectResNets
internal import Synchronization
public import ResectTensors

/// Writes a `.resect` file to `file`, which the caller commits.
///
/// Tensors are pulled, converted, encoded as `encoding` chooses and written on all cores, and `companion` runs beside them: the
/// header is made after both, so that it can hold what only then is known, as the source's digest. The same model gives the
/// same bytes, whatever the number of cores. A tensor that is encoded is in memory, encoded, until it is written; a few are at
/// a time.
public func writeNative(
  _ tensors: [OutputTensor], to file: borrowing OutputFile,
  encoding: (OutputTensor) -> EncodingChoice = { _ in .store },
  progress: WriteProgress? = nil,
  alongside companion: (@Sendable () throws(ResectError) -> Void)? = nil,
  header: () throws(ResectError) -> NativeHeader
) throws(ResectError) {
  try checkNames(tensors.map(\.name))
  var payloads = PayloadWriter(tensors: tensors, choices: tensors.map(encoding), progress: progress)
  try concurrently({ () throws(ResectError) in try companion?() }) { () throws(ResectError) in
    try payloads.write(to: file)
  }
  let position = payloads.position
  let header = try header()
  try header.check(payloads.entries)
  let headerBytes = header.json(tensors: payloads.entries).compact
  guard headerBytes.count <= Limits.metadataBytes else {
    throw ResectError(
      .limit, "the header would have \(headerBytes.count) bytes, at most \(Limits.metadataBytes) are written",
      file: file.path)
  }
  // The zeros between payloads need no writing: a file that is extended reads as zeros.
  try file.write(headerBytes, at: position)
  let prelude = NativePrelude(
    version: header.kind.version, fileLength: position + UInt64(headerBytes.count), headerOffset: position,
    headerLength: UInt64(headerBytes.count), headerChecksum: CRC32.of(headerBytes))
  try file.write(prelude.bytes, at: 0)
}

extension NativeHeader {
  /// Refuses to write a graph without the tensors that it names, or with others.
  fileprivate func check(_ entries: [NativeTensorEntry]) throws(ResectError) {
    guard case .graph(let graph) = kind else { return }
    var left = Set(entries.map(\.name))
    for parameter in graph.parameters where left.remove(parameter.name) == nil {
      throw ResectError(.mismatch, "a tensor of the graph is not written", tensor: parameter.name)
    }
    guard let stranger = left.min() else { return }
    throw ResectError(.mismatch, "no node of the graph takes this tensor", tensor: stranger)
  }
}

/// How many bytes the file that ``writeNative(_:to:encoding:progress:alongside:header:)`` makes of the same has at most: a few
/// digits of checksums less. Everything is encoded, nothing is written.
public func nativeByteCount(
  _ tensors: [OutputTensor], encoding: (OutputTensor) -> EncodingChoice, header: NativeHeader
) throws(ResectError) -> UInt64 {
  var payloads = PayloadWriter(tensors: tensors, choices: tensors.map(encoding), progress: nil)
  try payloads.measure()
  return payloads.position + UInt64(header.json(tensors: payloads.entries).compact.count)
}

/// Writes payloads one behind the other.
///
/// Where a payload goes is known once those before it are encoded, so tensors are taken in batches: a batch is encoded in memory,
/// then placed and written.
private struct PayloadWriter {
  /// Bytes of the tensors that are encoded at a time, if it is more than one.
  private static let batchBytes = 16 << 20

  let tensors: [OutputTensor]
  let choices: [EncodingChoice]
  let progress: WriteProgress?
  /// Where the next payload goes.
  private(set) var position = UInt64(NativePrelude.byteCount)
  /// The tensors that are written.
  private(set) var entries: [NativeTensorEntry] = []

  init(tensors: [OutputTensor], choices: [EncodingChoice], progress: WriteProgress?) {
    self.tensors = tensors
    self.choices = choices
    self.progress = progress
  }

  mutating func write(to file: borrowing OutputFile) throws(ResectError) {
    while entries.count < tensors.count {
      let batch = nextBatch()
      let payloads = try encode(batch)
      for index in batch { place(tensors[index], payloads[index - batch.lowerBound]) }
      let checksums = try write(batch, payloads, to: file)
      for (index, checksum) in zip(batch, checksums) { entries[index].checksum = checksum }
    }
  }

  /// Encodes and places everything, with the longest checksums that there are.
  mutating func measure() throws(ResectError) {
    while entries.count < tensors.count {
      let batch = nextBatch()
      let payloads = try encode(batch)
      for index in batch {
        place(tensors[index], payloads[index - batch.lowerBound])
        entries[index].checksum = .max
      }
    }
  }

  /// As many of the tensors left as fit a batch, one at least. What is not encoded takes no memory.
  private func nextBatch() -> Range<Int> {
    var bytes = 0
    var end = entries.count
    repeat {
      bytes += choices[end] == .store ? 0 : tensors[end].tensor.byteCount(as: tensors[end].dtype)
      end += 1
    } while end < tensors.count && bytes < PayloadWriter.batchBytes
    return entries.count..<end
  }

  private func encode(_ batch: Range<Int>) throws(ResectError) -> [EncodedPayload?] {
    let payloads = Mutex([EncodedPayload?](repeating: nil, count: batch.count))
    try parallelForEach(count: batch.count) { offset throws(ResectError) in
      let index = batch.lowerBound + offset
      do throws(ResectError) {
        let payload = try EncodedPayload(tensors[index], choices[index], progress: progress)
        payloads.withLock { $0[offset] = payload }
      } catch {
        throw error.located(tensor: tensors[index].name)
      }
    }
    return payloads.withLock { $0 }
  }

  private mutating func place(_ output: OutputTensor, _ payload: EncodedPayload?) {
    let length = UInt64(payload?.bytes.count ?? output.tensor.byteCount(as: output.dtype))
    entries.append(
      NativeTensorEntry(
        name: output.name, dtype: output.dtype, shape: output.tensor.shape,
        encoding: payload?.encoding ?? .raw, offset: position, length: length, checksum: 0))
    position = aligned(position + length)
  }

  /// Writes the tensors of `batch` in their places and returns their checksums.
  private func write(
    _ batch: Range<Int>, _ payloads: [EncodedPayload?], to file: borrowing OutputFile
  ) throws(ResectError) -> [UInt32] {
    let checksums = Mutex([UInt32](repeating: 0, count: batch.count))
    try parallelForEach(count: batch.count) { offset throws(ResectError) in
      let index = batch.lowerBound + offset
      let entry = entries[index]
      var checksum: UInt32
      if let payload = payloads[offset] {
        checksum = CRC32.of(payload.bytes)
        try file.write(payload.bytes, at: entry.offset)
        file.beginSync()
      } else {
        let placed = PlacedTensor(
          name: entry.name, tensor: tensors[index].tensor, dtype: entry.dtype, offset: entry.offset)
        checksum = try placed.write(to: file, progress: progress)
      }
      checksum = CRC32.extending(checksum, byZeros: padding(after: entry.length))
      checksums.withLock { $0[offset] = checksum }
    }
    return checksums.withLock { $0 }
  }
}

/// The next multiple of 64.
func aligned(_ position: UInt64) -> UInt64 { position + UInt64(padding(after: position)) }

/// How many zeros follow a payload of `length` bytes.
func padding(after length: UInt64) -> Int {
  Int((NativePrelude.alignment - length % NativePrelude.alignment) % NativePrelude.alignment)
}
