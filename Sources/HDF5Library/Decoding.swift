internal import ResectBytes
internal import CResectHDF5
internal import ResectHDF5

/// Hands over the bytes of the dataset at `address` as they were before they were filtered: elements keep their type and
/// byte order.
func decodeDataset(
  in file: hid_t, at address: haddr_t, byteCount: UInt64, fileSize: UInt64,
  _ piece: (RawSpan) throws(ResectError) -> Void
) throws(ResectError) {
  let object = try LibraryHandle(H5Oopen_by_addr(file, address), "open the dataset")
  guard H5Iget_type(object.id) == H5I_DATASET else {
    throw ResectError(.malformed, "the object is no dataset")
  }
  let dataset = try describeDataset(object.id, "", address: address, [])
  // What is claimed is checked as the index was: this process may not be the one that made it.
  _ = try HDF5Index(
    groups: [], datasets: [dataset], links: [], committedTypes: [], fileSize: fileSize)
  switch dataset.element {
  case .number, .opaque: break
  case .string, .other: throw ResectError(.unsupported, "these are no numbers")
  }
  guard try dataset.byteCount() == byteCount else {
    throw ResectError(.malformed, "the dataset has another size than it had")
  }
  let type = try LibraryHandle(H5Dget_type(object.id), "read the dataset's type")
  var pieces = PieceCutter()
  for slab in try Slab.all(of: dataset) {
    try pieces.append(read(slab, of: object.id, type.id), piece)
  }
  try pieces.finish(piece)
}

/// A part of a dataset: some of the indices of its first axis, all of the others'.
private struct Slab {
  let first: UInt64
  let axes: [UInt64]
  let byteCount: Int

  /// Slabs of whole chunks, as large as `LibraryFile.decodedBytes` allows.
  static func all(of dataset: HDF5Dataset) throws(ResectError) -> [Slab] {
    let total = try dataset.byteCount()
    guard total > 0 else { return [] }
    guard let axes = dataset.axes else { return [] }
    guard let rows = axes.first, total > pieceBytes else {
      return [Slab(first: 0, axes: axes, byteCount: Int(total))]
    }
    let rowBytes = total / rows
    var step: UInt64 = 1
    if case .chunked(let chunk) = dataset.layout { step = chunk[0] }
    // A row of chunks is decoded at once, so that none is decoded twice.
    let (least, overflow) = step.multipliedReportingOverflow(by: rowBytes)
    guard !overflow, min(least, total) <= LibraryFile.decodedBytes else {
      throw ResectError(
        .limit,
        "the dataset's chunks want \(min(least, total)) bytes at once, at most \(LibraryFile.decodedBytes) are taken"
      )
    }
    let count = max(pieceBytes / least, 1) * step
    return stride(from: 0, to: rows, by: Int(clamping: count)).map { first in
      let length = min(count, rows - first)
      return Slab(first: first, axes: [length] + axes.dropFirst(), byteCount: Int(length * rowBytes))
    }
  }

  /// The slab's own shape.
  func space() throws(ResectError) -> LibraryHandle {
    guard !axes.isEmpty else { return try LibraryHandle(H5Screate(H5S_SCALAR), "make a shape") }
    return try LibraryHandle(
      unsafe H5Screate_simple(Int32(axes.count), axes.map { hsize_t($0) }, nil), "make a shape")
  }

  /// Selects the slab in the shape of its dataset.
  func select(in space: hid_t) throws(ResectError) {
    guard !axes.isEmpty else { return }
    let start = [hsize_t(first)] + [hsize_t](repeating: 0, count: axes.count - 1)
    let status = unsafe H5Sselect_hyperslab(
      space, H5S_SELECT_SET, start, nil, axes.map { hsize_t($0) }, nil)
    _ = try checked(status, "select a part")
  }

  /// How much is decoded at once where chunks do not ask for more.
  private static let pieceBytes: UInt64 = 8 << 20
}

private func read(_ slab: Slab, of dataset: hid_t, _ type: hid_t) throws(ResectError) -> [UInt8] {
  let fileSpace = try LibraryHandle(H5Dget_space(dataset), "read the dataset's shape")
  try slab.select(in: fileSpace.id)
  let memorySpace = try slab.space()
  var bytes = [UInt8](repeating: 0, count: slab.byteCount)
  let status = unsafe bytes.withUnsafeMutableBytes { buffer in
    unsafe H5Dread(
      dataset, type, memorySpace.id, fileSpace.id, CHDF5_DEFAULT, buffer.baseAddress)
  }
  _ = try checked(status, "decode the data")
  return bytes
}

/// Cuts bytes into pieces of `InputFile.pieceBytes`.
private struct PieceCutter {
  private var rest: [UInt8] = []

  mutating func append(
    _ bytes: [UInt8], _ piece: (RawSpan) throws(ResectError) -> Void
  ) throws(ResectError) {
    rest += bytes
    let whole = rest.count / InputFile.pieceBytes * InputFile.pieceBytes
    for start in stride(from: 0, to: whole, by: InputFile.pieceBytes) {
      try rest.withRawSpan { span throws(ResectError) in
        try piece(span.extracting(start..<start + InputFile.pieceBytes))
      }
    }
    rest.removeFirst(whole)
  }

  mutating func finish(
    _ piece: (RawSpan) throws(ResectError) -> Void
  ) throws(ResectError) {
    if !rest.isEmpty { try rest.withRawSpan(piece) }
  }
}
