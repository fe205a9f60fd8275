public import ResectBytes
internal import CResectHDF5
public import ResectHDF5
internal import Synchronization

/// An HDF5 file that libhdf5 has open in this process: for files that the program trusts.
///
/// libhdf5 is known to crash on damaged files, and a crash is the program's: `HDF5File` reads files of strangers.
///
/// ```swift
/// let input = try InputFile(path: "mine.h5")
/// let library = try LibraryFile(input)
/// let file = HDF5File(index: try library.index(), file: input, offset: 0, decoder: library)
/// ```
///
/// The file is mapped. One thread at a time is served.
public final class LibraryFile: HDF5Decoder {
  /// The largest part of a dataset that is decoded at once: whole chunks along the first axis.
  static let decodedBytes: UInt64 = 256 << 20

  private let mapping: MappedFile
  private let byteCount: UInt64
  /// The file's identifier. Reached through the lock only: libhdf5's errors are per thread, its objects are not.
  private let handle: Mutex<OpenedFile>

  /// Opens the HDF5 file that is in the bytes `range` of `file`; by default all of it.
  public init(_ file: InputFile, range: Range<UInt64>? = nil) throws(ResectError) {
    let range = range ?? 0..<file.size
    byteCount = range.upperBound - range.lowerBound
    try file.check(range.lowerBound, count: byteCount)
    mapping = try MappedFile(file)
    handle = Mutex(
      OpenedFile(
        try LibraryFile.open(mapping, at: Int(range.lowerBound), byteCount: Int(byteCount))))
  }

  /// What the file holds. External links, external storage, virtual datasets and filters other than `HDF5Filter`'s are
  /// refused by name.
  public func index() throws(ResectError) -> HDF5Index {
    try withFile { file throws(ResectError) in
      var walk = Walk(of: file)
      return try walk.index(fileSize: byteCount)
    }
  }

  /// See `HDF5Decoder`.
  public func decode(
    address: UInt64, byteCount: UInt64, _ piece: (RawSpan) throws(ResectError) -> Void
  ) throws(ResectError) {
    try withFile { file throws(ResectError) in
      try decodeDataset(
        in: file, at: haddr_t(address), byteCount: byteCount, fileSize: self.byteCount, piece)
    }
  }

  private func withFile<Result: Sendable>(
    _ body: (hid_t) throws(ResectError) -> Result
  ) throws(ResectError) -> Result {
    try handle.withLock { opened throws(ResectError) in
      _ = H5Eset_auto2(CHDF5_DEFAULT, nil, nil)
      return try body(opened.file.id)
    }
  }

  private static func open(
    _ mapping: MappedFile, at offset: Int, byteCount: Int
  ) throws(ResectError) -> LibraryHandle {
    _ = H5Eset_auto2(CHDF5_DEFAULT, nil, nil)
    // No filter of a stranger's making is ever loaded.
    _ = H5PLset_loading_state(0)
    // The library promises not to write: the image is opened for reading, and is neither copied nor freed.
    let image = unsafe UnsafeMutableRawPointer(mutating: mapping.address(of: offset))
    let flags = UInt32(H5LT_FILE_IMAGE_DONT_COPY | H5LT_FILE_IMAGE_DONT_RELEASE)
    return try LibraryHandle(
      unsafe H5LTopen_file_image(image, byteCount, flags), "open the file")
  }
}

/// A file's handle, which may go from thread to thread.
private struct OpenedFile: ~Copyable, @unchecked Sendable {
  let file: LibraryHandle

  init(_ file: consuming LibraryHandle) { self.file = file }
}
