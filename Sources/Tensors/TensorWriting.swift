public import ResectBytes
internal import Synchronization

/// A tensor to write to a container: its name, itself, and the dtype that it is stored in.
public struct OutputTensor: Sendable {
  /// Its name in the file.
  public let name: String
  /// The tensor.
  public let tensor: LazyTensor
  /// The dtype that is stored.
  public let dtype: DType

  /// A tensor to write.
  public init(name: String, tensor: LazyTensor, dtype: DType) {
    self.name = name
    self.tensor = tensor
    self.dtype = dtype
  }
}

/// Is told, from any thread, how many more bytes were written.
public typealias WriteProgress = @Sendable (_ bytes: Int) -> Void

/// A tensor and its place in an output file.
public struct PlacedTensor: Sendable {
  /// The name in errors.
  public let name: String
  /// What is pulled.
  public let tensor: LazyTensor
  /// The dtype that is written.
  public let dtype: DType
  /// Where its first byte goes.
  public let offset: UInt64

  /// A tensor's place.
  public init(name: String, tensor: LazyTensor, dtype: DType, offset: UInt64) {
    self.name = name
    self.tensor = tensor
    self.dtype = dtype
    self.offset = offset
  }

  /// How many bytes are written.
  public var byteCount: Int { tensor.byteCount(as: dtype) }
}

/// Pulls `tensors` and writes each in its place, on all cores, while `companion` runs beside them.
///
/// Returns each tensor's CRC-32, in order; zeros where `checksummed` is false. Refused: two tensors of one name. Errors name the tensor.
public func write(
  _ tensors: [PlacedTensor], to file: borrowing OutputFile, checksummed: Bool = true,
  progress: WriteProgress? = nil,
  alongside companion: (@Sendable () throws(ResectError) -> Void)? = nil
) throws(ResectError) -> [UInt32] {
  try checkNames(tensors.map(\.name))
  let checksums = Mutex([UInt32](repeating: 0, count: tensors.count))
  // The companion is the longest piece of work that cannot be divided, so it begins first.
  let first = companion == nil ? 0 : 1
  try parallelForEach(count: tensors.count + first) { index throws(ResectError) in
    if index < first {
      try companion?()
      return
    }
    let value = try tensors[index - first].write(
      to: file, checksummed: checksummed, progress: progress)
    checksums.withLock { $0[index - first] = value }
  }
  return checksums.withLock { $0 }
}

/// Refuses two tensors of one name.
public func checkNames(_ all: [String]) throws(ResectError) {
  var names: Set<String> = []
  if let twin = all.first(where: { !names.insert($0).inserted }) {
    throw ResectError(.badArgument, "two tensors have this name", tensor: twin)
  }
}

extension PlacedTensor {
  /// Pulls the tensor, writes it in its place and returns its CRC-32; zero where `checksummed` is false. Errors name the tensor.
  public func write(
    to file: borrowing OutputFile, checksummed: Bool = true, progress: WriteProgress? = nil
  ) throws(ResectError) -> UInt32 {
    do throws(ResectError) {
      let checksum = try pull(to: file, checksummed: checksummed, progress: progress)
      // The disk works while the processors do: the final sync has less to wait for.
      file.beginSync()
      return checksum
    } catch {
      throw error.located(tensor: name)
    }
  }

  private func pull(
    to file: borrowing OutputFile, checksummed: Bool, progress: WriteProgress?
  ) throws(ResectError) -> UInt32 {
    var crc = CRC32()
    var position = offset
    let end = offset + UInt64(byteCount)
    try tensor.stream(as: dtype) { piece throws(ResectError) in
      if checksummed { crc.update(piece) }
      try file.write(piece, at: position)
      position += UInt64(piece.byteCount)
      progress?(piece.byteCount)
    }
    guard position == end else {
      throw ResectError(
        .truncated, "expected \(byteCount) bytes, got \(position - offset)")
    }
    return crc.value
  }
}
