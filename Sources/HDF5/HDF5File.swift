public import ResectBytes
internal import Synchronization
public import ResectTensors

/// An HDF5 file that is open for reading; libhdf5 works on it in a process of its own.
///
/// The library is not made for hostile files. So another program, `resect-hdf5`, has it: with limits on memory and time,
/// without files, and without anything to write to. It answers with the index, every number of which is checked here, and
/// with the decoded bytes of datasets that are compressed. Data that lie in the file as they are, are read from there. A
/// program that crashes or hangs is one error.
///
/// ```swift
/// let file = try HDF5File(InputFile(path: "weights.h5"))
/// for dataset in file.index.datasets {
///   if let tensor = try file.tensor(dataset) { print(dataset.path, tensor.shape) }
/// }
/// ```
///
/// May be used by several threads at once.
public final class HDF5File: Sendable {
  /// What the file holds.
  public let index: HDF5Index
  private let source: HDF5DataSource

  /// Opens the HDF5 file that is in the bytes `range` of `file`; by default all of it.
  ///
  /// `checksum` is the CRC-32 of these bytes, where it is known: it is compared when the first tensor is read. `reader`
  /// is the path of the program that works on the file; by default `resect-hdf5` in the folder of the running program.
  /// Throws `ResectError` where the file is damaged, where it refers to other files, and where that program is missing.
  public convenience init(
    _ file: InputFile, range: Range<UInt64>? = nil, checksum: UInt32? = nil, reader: String? = nil
  ) throws(ResectError) {
    let range = range ?? 0..<file.size
    try file.check(range.lowerBound, count: range.upperBound - range.lowerBound)
    let executable: String
    if let reader { executable = reader } else { executable = try besideThisProgram() }
    let processes = HDF5Processes(file: file, range: range, executable: executable)
    let index = try processes.index()
    let stretch = checksum.map { FileStretch(file, range: range, checksum: $0) }
    self.init(
      index: index, file: file, offset: range.lowerBound, stretch: stretch, decoder: processes)
  }

  /// An HDF5 file that begins at `offset` of `file`, whose index is known and whose compressed data `decoder` decodes.
  public init(
    index: HDF5Index, file: InputFile, offset: UInt64, stretch: FileStretch? = nil,
    decoder: any HDF5Decoder
  ) {
    self.index = index
    source = HDF5DataSource(file: file, offset: offset, stretch: stretch, decoder: decoder)
  }

  /// The numbers of `dataset`, which must be of this file; nil where it holds none.
  public func tensor(_ dataset: HDF5Dataset) throws(ResectError) -> LazyTensor? {
    guard let axes = dataset.axes, let number = dataset.number else { return nil }
    do throws(ResectError) {
      return try LazyTensor(
        storage: source.storage(of: dataset), dtype: number.dtype,
        shape: Shape(axes.map { Int(clamping: $0) }), byteOrder: number.byteOrder)
    } catch {
      throw error.located(tensor: dataset.path)
    }
  }
}

/// Who decodes what does not lie in a file as it is.
public protocol HDF5Decoder: Sendable {
  /// Hands over the `byteCount` bytes of the dataset at `address` in order, in pieces of `InputFile.pieceBytes` but for the
  /// last.
  func decode(
    address: UInt64, byteCount: UInt64, _ piece: (RawSpan) throws(ResectError) -> Void
  ) throws(ResectError)
}

/// Where the data of a file are.
struct HDF5DataSource: Sendable {
  let file: InputFile
  let offset: UInt64
  let stretch: FileStretch?
  let decoder: any HDF5Decoder

  func storage(of dataset: HDF5Dataset) throws(ResectError) -> any TensorStorage {
    let base = try unverifiedStorage(of: dataset)
    return stretch.map { VerifiedStorage(base: base, stretch: $0) } ?? base
  }

  private func unverifiedStorage(
    of dataset: HDF5Dataset
  ) throws(ResectError) -> any TensorStorage {
    let byteCount = try dataset.byteCount()
    switch dataset.layout {
    case .contiguous(let start):
      // Where there are no elements, the offset means nothing.
      return try FileStorage(
        file, offset: byteCount == 0 ? 0 : offset + start, byteCount: byteCount, name: dataset.path)
    case .compact, .chunked:
      return DecodedStorage(decoder: decoder, address: dataset.address, byteCount: byteCount)
    }
  }
}

/// A dataset that has to be decoded. That can be done from its beginning only.
private struct DecodedStorage: TensorStorage {
  let decoder: any HDF5Decoder
  let address: UInt64
  let byteCount: UInt64

  func stream(
    _ range: Range<UInt64>, _ piece: (RawSpan) throws(ResectError) -> Void
  ) throws(ResectError) {
    guard !range.isEmpty else { return }
    var position: UInt64 = 0
    try decoder.decode(address: address, byteCount: byteCount) { bytes throws(ResectError) in
      let part = range.clamped(to: position..<position + UInt64(bytes.byteCount))
      if !part.isEmpty {
        try piece(bytes.extracting(Int(part.lowerBound - position)..<Int(part.upperBound - position)))
      }
      position += UInt64(bytes.byteCount)
    }
  }
}
