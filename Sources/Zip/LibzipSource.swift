internal import ResectBytes
internal import CResectZip

/// The file as libzip reads it: a position in an `InputFile`. For one thread at a time.
final class LibzipSource {
  /// The commands that are answered; libzip asks.
  private static let supported: zip_int64_t = [
    ZIP_SOURCE_OPEN, ZIP_SOURCE_READ, ZIP_SOURCE_CLOSE, ZIP_SOURCE_STAT, ZIP_SOURCE_ERROR,
    ZIP_SOURCE_FREE, ZIP_SOURCE_SEEK, ZIP_SOURCE_TELL, ZIP_SOURCE_SUPPORTS,
  ].reduce(0) { $0 | 1 << zip_int64_t($1.rawValue) }

  private static let statusSize = unsafe MemoryLayout<zip_stat_t>.size

  private let file: InputFile
  /// Bytes that need not be read again, by their offsets.
  private let known: [UInt64: [UInt8]]
  /// The known bytes that were used last, and their offset.
  private var window: (start: UInt64, bytes: [UInt8]) = (0, [])
  private var position: UInt64 = 0
  private var error = LibzipError()
  /// The failure of the last read that failed.
  private(set) var failure: ResectError?

  /// Reads `file`, except for what is `known` of it.
  init(_ file: InputFile, knowing known: [UInt64: [UInt8]] = [:]) {
    self.file = file
    self.known = known
  }

  /// Answers one of libzip's commands. The commands' contracts are in libzip's `zip_source_function(3)`.
  func answer(
    _ command: zip_source_cmd_t, _ data: UnsafeMutableRawPointer?, _ length: UInt64
  ) -> zip_int64_t {
    switch command {
    case ZIP_SOURCE_OPEN:
      position = 0
      return 0
    case ZIP_SOURCE_READ:
      guard let data = unsafe data else { return refuse(ZIP_ER_INVAL) }
      return unsafe read(UnsafeMutableRawBufferPointer(start: data, count: Int(clamping: length)))
    case ZIP_SOURCE_CLOSE:
      return 0
    case ZIP_SOURCE_STAT:
      guard let data = unsafe data, length >= UInt64(LibzipSource.statusSize) else {
        return refuse(ZIP_ER_INVAL)
      }
      var status = unsafe zip_stat_t()
      unsafe zip_stat_init(&status)
      unsafe status.valid = zip_uint64_t(ZIP_STAT_SIZE)
      unsafe status.size = file.size
      unsafe data.storeBytes(of: status, as: zip_stat_t.self)
      return zip_int64_t(LibzipSource.statusSize)
    case ZIP_SOURCE_ERROR:
      guard let data = unsafe data else { return -1 }
      return unsafe zip_error_to_data(&error.value, data, length)
    case ZIP_SOURCE_SEEK:
      guard let data = unsafe data else { return refuse(ZIP_ER_INVAL) }
      let target = unsafe zip_source_seek_compute_offset(
        position, file.size, data, length, &error.value)
      guard target >= 0 else { return -1 }
      position = UInt64(target)
      return 0
    case ZIP_SOURCE_TELL:
      return zip_int64_t(position)
    case ZIP_SOURCE_SUPPORTS:
      return LibzipSource.supported
    default:
      return refuse(ZIP_ER_OPNOTSUPP)
    }
  }

  private func read(_ buffer: UnsafeMutableRawBufferPointer) -> zip_int64_t {
    let count = Int(min(UInt64(buffer.count), file.size - min(position, file.size)))
    let target = unsafe UnsafeMutableRawBufferPointer(rebasing: buffer[..<count])
    if let bytes = known[position] { window = (position, bytes) }
    if position >= window.start, let start = Int(exactly: position - window.start),
      start <= window.bytes.count, count <= window.bytes.count - start
    {
      unsafe target.copyBytes(from: window.bytes[start..<start + count])
    } else {
      do throws(ResectError) {
        try unsafe fill(target)
      } catch {
        failure = error
        return refuse(ZIP_ER_READ)
      }
    }
    position += UInt64(count)
    return zip_int64_t(count)
  }

  private func fill(_ target: UnsafeMutableRawBufferPointer) throws(ResectError) {
    var filled = 0
    try file.stream(at: position, count: UInt64(target.count)) { piece throws(ResectError) in
      unsafe piece.withUnsafeBytes { bytes in
        unsafe UnsafeMutableRawBufferPointer(rebasing: target[filled...]).copyMemory(from: bytes)
        filled += bytes.count
      }
    }
  }

  private func refuse(_ code: Int32) -> zip_int64_t {
    unsafe zip_error_set(&error.value, code, 0)
    return -1
  }
}

/// The owner of a `zip_source_t` that reads a ``LibzipSource``, until an archive takes it over.
@safe struct LibzipSourceHandle: ~Copyable {
  private let source: OpaquePointer

  init(_ reader: LibzipSource, of file: InputFile) throws(ResectError) {
    var error = LibzipError()
    let state = unsafe Unmanaged.passRetained(reader).toOpaque()
    let source = unsafe zip_source_function_create(
      { state, data, length, command in
        guard let state = unsafe state else { return -1 }
        let reader = unsafe Unmanaged<LibzipSource>.fromOpaque(state)
        guard command != ZIP_SOURCE_FREE else {
          unsafe reader.release()
          return 0
        }
        return unsafe reader.takeUnretainedValue().answer(command, data, length)
      }, state, &error.value)
    guard let source = unsafe source else {
      unsafe Unmanaged<LibzipSource>.fromOpaque(state).release()
      throw error.refusal("libzip cannot begin", of: file)
    }
    unsafe self.source = source
  }

  deinit { unsafe zip_source_free(source) }

  /// The archive that libzip reads from the source, which belongs to the archive from then on.
  consuming func open(_ flags: Int32, _ error: inout LibzipError) -> OpaquePointer? {
    guard let archive = unsafe zip_open_from_source(source, flags, &error.value) else {
      _ = consume self
      return nil
    }
    discard self
    return unsafe archive
  }
}
