internal import ResectBytes
internal import CResectZip

/// The owner of a `zip_error_t`.
@safe struct LibzipError: ~Copyable {
  /// What libzip writes to.
  var value = unsafe zip_error_t()

  init() { unsafe zip_error_init(&value) }

  deinit {
    var value = unsafe value
    unsafe zip_error_fini(&value)
  }

  /// The error as a refusal of `file`, or of `entry` in it.
  mutating func refusal(
    _ what: String, of file: InputFile, entry: ZipEntry? = nil
  ) -> ResectError {
    unsafe LibzipError.refusal(&value, what, of: file, entry: entry)
  }

  /// The error that libzip keeps at `error`, as a refusal of `file`, or of `entry` in it.
  static func refusal(
    _ error: UnsafeMutablePointer<zip_error_t>, _ what: String, of file: InputFile,
    entry: ZipEntry? = nil
  ) -> ResectError {
    let code: ResectError.Code =
      switch unsafe zip_error_code_zip(error) {
      case ZIP_ER_CRC: .checksum
      case ZIP_ER_EOF: .truncated
      case ZIP_ER_COMPNOTSUPP, ZIP_ER_ENCRNOTSUPP, ZIP_ER_MULTIDISK: .unsupported
      case ZIP_ER_MEMORY, ZIP_ER_INTERNAL: .system
      default: .malformed
      }
    return file.refusal(
      code, "\(what): \(unsafe String(cString: zip_error_strerror(error)))", entry: entry?.name,
      at: entry?.payloadOffset)
  }
}
