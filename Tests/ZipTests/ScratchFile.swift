import ResectBytes

#if canImport(Darwin)
  import Darwin
#else
  import Glibc
#endif

/// A file of given bytes in the folder for temporary files, gone when nobody needs it any more.
final class ScratchFile {
  let path: String

  init(_ bytes: [UInt8]) throws {
    var template = Array("/tmp/zip-tests-XXXXXX".utf8CString)
    let descriptor = unsafe mkstemp(&template)
    path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    close(descriptor)
    try overwrite(bytes)
  }

  deinit { unsafe unlink(path) }

  /// Makes `bytes` the file's contents.
  func overwrite(_ bytes: [UInt8]) throws {
    let descriptor = unsafe open(path, O_WRONLY | O_TRUNC)
    defer { close(descriptor) }
    let count = unsafe bytes.withUnsafeBytes { unsafe write(descriptor, $0.baseAddress, $0.count) }
    guard count == bytes.count else { throw ResectError(.system, "cannot write", file: path) }
  }
}
