#if canImport(Darwin)
  internal import Darwin
#else
  internal import Glibc
#endif

/// A regular file that is open for reading at any offset, from any thread.
///
/// Bytes are read, never mapped: a file that shrinks while it is read gives an error and not a crash, and memory in use
/// stays at the buffers of the reads that are under way.
public final class InputFile: Sendable {
  /// How many bytes one piece of a streamed read has at most: small enough to stay in a core's cache.
  public static let pieceBytes = 256 << 10

  /// The path by which the file was opened.
  public let path: String
  /// The file's size in bytes when it was opened.
  public let size: UInt64
  /// Tells files apart, whatever their names.
  public let identity: FileIdentity
  let digestion = Digestion()
  let descriptor: Int32

  /// Opens `path`, which must be a regular file or a link to one.
  public convenience init(path: String) throws(ResectError) {
    // Without O_NONBLOCK, opening a fifo waits for somebody to write to it.
    let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard descriptor >= 0 else { throw .system("cannot open", file: path) }
    try self.init(descriptor: descriptor, path: path)
  }

  /// Takes over an open `descriptor`, which is closed with the file and must be a regular file's. Errors call it `path`.
  public init(descriptor: Int32, path: String) throws(ResectError) {
    self.path = path
    self.descriptor = descriptor
    var status = stat()
    // From here on, deinit closes the descriptor whatever is thrown.
    let isExamined = unsafe fstat(descriptor, &status) == 0
    let error = isExamined ? nil : ResectError.system("cannot examine", file: path)
    size = UInt64(max(status.st_size, 0))
    identity = FileIdentity(status)
    if let error { throw error }
    guard status.st_mode & S_IFMT == S_IFREG else {
      let kind = status.st_mode & S_IFMT == S_IFDIR ? "a folder" : "no regular file"
      throw ResectError(
        .unknownFormat, "this is \(kind)", advice: "give the path of a checkpoint file", file: path)
    }
  }

  deinit { close(descriptor) }

  /// The `count` bytes at `offset`. The range is checked against the file's size before memory is taken.
  public func read(at offset: UInt64, count: Int) throws(ResectError) -> [UInt8] {
    let count = max(count, 0)
    try check(offset, count: UInt64(count))
    var failure: ResectError?
    let bytes = unsafe [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
      do throws(ResectError) {
        unsafe try fill(UnsafeMutableRawBufferPointer(buffer)[..<count], at: offset)
        filled = count
      } catch { failure = error }
    }
    if let failure { throw failure }
    return bytes
  }

  /// Reads `count` bytes at `offset` and hands them over in order, in pieces of at most ``pieceBytes``.
  public func stream(
    at offset: UInt64, count: UInt64, _ piece: (RawSpan) throws(ResectError) -> Void
  ) throws(ResectError) {
    try check(offset, count: count)
    let capacity = Int(min(UInt64(InputFile.pieceBytes), count))
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: capacity, alignment: 64)
    defer { unsafe buffer.deallocate() }
    var done: UInt64 = 0
    while done < count {
      let length = Int(min(UInt64(capacity), count - done))
      unsafe try fill(buffer[..<length], at: offset + done)
      try piece(unsafe RawSpan(_unsafeBytes: UnsafeRawBufferPointer(buffer)[..<length]))
      done += UInt64(length)
    }
  }

  /// Refuses a range that is not within the file.
  public func check(_ offset: UInt64, count: UInt64) throws(ResectError) {
    let (end, overflow) = offset.addingReportingOverflow(count)
    guard !overflow, end <= size else {
      throw ResectError(
        .truncated, "expected \(count) bytes here, found \(size - min(size, offset))",
        advice: "the file is cut short or damaged: fetch it again", file: path, offset: offset)
    }
  }

  /// Maps the file's first `count` bytes.
  func map(_ count: Int) -> UnsafeMutableRawPointer? {
    unsafe mmap(nil, count, PROT_READ, MAP_PRIVATE, descriptor, 0)
  }

  private func fill(
    _ buffer: Slice<UnsafeMutableRawBufferPointer>, at offset: UInt64
  ) throws(ResectError) {
    let buffer = unsafe UnsafeMutableRawBufferPointer(rebasing: buffer)
    guard let base = buffer.baseAddress else { return }
    var done = 0
    while done < buffer.count {
      let count = unsafe pread(
        descriptor, base + done, buffer.count - done, off_t(offset) + off_t(done))
      if count > 0 {
        done += count
      } else if count == 0 {
        throw ResectError(
          .truncated, "the file became shorter while it was read", file: path,
          offset: offset + UInt64(done))
      } else if errno != EINTR {
        throw .system("cannot read", file: path)
      }
    }
  }
}

/// What the operating system tells files apart by.
public struct FileIdentity: Sendable, Hashable {
  let device: UInt64
  let node: UInt64

  init(_ status: stat) {
    device = UInt64(truncatingIfNeeded: status.st_dev)
    node = UInt64(status.st_ino)
  }
}

extension ResectError {
  /// The failure that `errno` describes.
  static func system(_ what: String, file: String) -> ResectError {
    let reason = unsafe String(cString: strerror(errno))
    return ResectError(.system, "\(what): \(reason)", file: file)
  }
}
