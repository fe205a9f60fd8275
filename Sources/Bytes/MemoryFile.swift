internal import CResectPosix

#if canImport(Darwin)
  internal import Darwin
#else
  internal import Glibc
#endif

extension InputFile {
  /// A file that exists in memory only and holds the bytes that `fill` hands to its argument, in order; `label` is its
  /// path in errors.
  public static func inMemory(
    _ label: String,
    fill: ((RawSpan) throws(ResectError) -> Void) throws(ResectError) -> Void
  ) throws(ResectError) -> InputFile {
    let descriptor = unsafe resect_open_memory("resect")
    guard descriptor >= 0 else { throw .system("cannot make a file in memory", file: label) }
    do throws(ResectError) {
      try fill { bytes throws(ResectError) in
        let isWritten = unsafe bytes.withUnsafeBytes { unsafe writeAll($0, to: descriptor) }
        guard isWritten else { throw .system("cannot write to memory", file: label) }
      }
    } catch {
      close(descriptor)
      throw error
    }
    return try InputFile(descriptor: descriptor, path: label)
  }
}

/// Writes all of `bytes` to `descriptor`; false and errno where that fails.
func writeAll(_ bytes: UnsafeRawBufferPointer, to descriptor: Int32) -> Bool {
  var done = 0
  while done < bytes.count {
    let count = unsafe write(descriptor, bytes.baseAddress.map { unsafe $0 + done }, bytes.count - done)
    if count > 0 {
      done += count
    } else if errno != EINTR {
      return false
    }
  }
  return true
}
