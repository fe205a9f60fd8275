internal import ResectBytes
internal import CResectZip

#if canImport(Darwin)
  internal import Darwin
#else
  internal import Glibc
#endif

/// The owner of a `zip_t`: libzip's reading of an archive. For one thread at a time.
@safe struct LibzipHandle: ~Copyable {
  private let archive: OpaquePointer
  private let source: LibzipSource
  private let file: InputFile

  /// Opens `file` through `source`; `checkingConsistency` makes libzip compare the entries' headers with the directory.
  init(
    _ source: LibzipSource, of file: InputFile, checkingConsistency: Bool
  ) throws(ResectError) {
    var error = LibzipError()
    let handle = try LibzipSourceHandle(source, of: file)
    let flags = ZIP_RDONLY | (checkingConsistency ? ZIP_CHECKCONS : 0)
    guard let archive = unsafe handle.open(flags, &error) else {
      throw source.failure ?? error.refusal("libzip refuses the archive", of: file)
    }
    unsafe self.archive = archive
    self.source = source
    self.file = file
  }

  deinit { unsafe zip_discard(archive) }

  /// How many entries libzip sees.
  var count: Int { Int(unsafe zip_get_num_entries(archive, 0)) }

  /// Whether libzip reads the entry at `index` as `record` says.
  func agrees(with record: CentralRecord, at index: Int) -> Bool {
    var status = unsafe zip_stat_t()
    guard unsafe zip_stat_index(archive, zip_uint64_t(index), ZIP_FL_ENC_RAW, &status) == 0,
      let name = unsafe status.name
    else { return false }
    let rawName = unsafe UnsafeRawBufferPointer(start: name, count: strlen(name))
    return unsafe rawName.elementsEqual(record.rawName) && status.size == record.size
      && status.comp_size == record.compressedSize && status.crc == record.crc32
      && status.comp_method == record.method && status.encryption_method == ZIP_EM_NONE
  }

  /// Hands the contents of the deflated `entry` over, in pieces; libzip checks their CRC-32. They must be exactly as
  /// many bytes as are recorded.
  func inflate(
    _ entry: ZipEntry, _ piece: (RawSpan) throws(ResectError) -> Void
  ) throws(ResectError) {
    guard let stream = unsafe LibzipEntryStream(archive, index: entry.index) else {
      let error = unsafe LibzipError.refusal(
        zip_get_error(archive), "libzip cannot open the entry", of: file, entry: entry)
      throw source.failure ?? error
    }
    let capacity = Int(min(UInt64(InputFile.pieceBytes), max(entry.size, 1)))
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: capacity, alignment: 64)
    defer { unsafe buffer.deallocate() }
    var left = entry.size
    while true {
      // When nothing is left, one byte more is asked for: only at the end does libzip check the CRC-32.
      let wanted = Int(min(UInt64(capacity), max(left, 1)))
      let count = unsafe stream.read(UnsafeMutableRawBufferPointer(rebasing: buffer[..<wanted]))
      guard let count else {
        throw source.failure
          ?? stream.refusal("libzip cannot inflate the entry", of: file, entry: entry)
      }
      guard count > 0 else { break }
      guard UInt64(count) <= left else {
        throw file.refusal(
          .malformed, "the entry inflates to more than its \(entry.size) bytes", entry: entry.name,
          at: entry.payloadOffset)
      }
      try piece(unsafe RawSpan(_unsafeBytes: UnsafeRawBufferPointer(buffer)[..<count]))
      left -= UInt64(count)
    }
    guard left == 0 else {
      throw file.refusal(
        .malformed, "the entry inflates to \(entry.size - left) bytes instead of \(entry.size)",
        entry: entry.name, at: entry.payloadOffset)
    }
  }
}

/// The owner of a `zip_file_t`: an entry that libzip inflates.
@safe private struct LibzipEntryStream: ~Copyable {
  private let stream: OpaquePointer

  init?(_ archive: OpaquePointer, index: Int) {
    guard let stream = unsafe zip_fopen_index(archive, zip_uint64_t(index), ZIP_FL_UNCHANGED) else {
      return nil
    }
    unsafe self.stream = stream
  }

  deinit { _ = unsafe zip_fclose(stream) }

  /// Fills the beginning of `buffer` and says how much of it: 0 at the end, nil after a failure.
  func read(_ buffer: UnsafeMutableRawBufferPointer) -> Int? {
    guard let base = buffer.baseAddress else { return 0 }
    let count = unsafe zip_fread(stream, base, zip_uint64_t(buffer.count))
    return count < 0 ? nil : Int(count)
  }

  func refusal(_ what: String, of file: InputFile, entry: ZipEntry) -> ResectError {
    unsafe LibzipError.refusal(zip_file_get_error(stream), what, of: file, entry: entry)
  }
}

/// A handle between two uses. Sendable because whoever takes it from the pool is alone with it, and libzip keeps no
/// state outside of its handles.
final class PooledHandle: @unchecked Sendable {
  let libzip: LibzipHandle

  init(_ libzip: consuming LibzipHandle) { self.libzip = libzip }
}
