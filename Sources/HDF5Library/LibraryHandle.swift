internal import ResectBytes
internal import CResectHDF5

/// The owner of an identifier of libhdf5: a file, a group, a dataset, a type, a space, an attribute or a property list.
struct LibraryHandle: ~Copyable {
  /// The identifier, valid as long as this owner.
  let id: hid_t

  /// Takes over `id`; where it is no identifier, throws what libhdf5 says. `what` is what was to be done.
  init(_ id: hid_t, _ what: String, of path: String? = nil) throws(ResectError) {
    guard id >= 0 else { throw libraryError(what, of: path) }
    self.id = id
  }

  deinit { H5Idec_ref(id) }
}

/// The result of a call, where it is none of the negative ones by which libhdf5 reports a failure.
func checked<Result: SignedInteger>(
  _ result: Result, _ what: String, of path: String? = nil
) throws(ResectError) -> Result {
  guard result >= 0 else { throw libraryError(what, of: path) }
  return result
}

/// The error that libhdf5 has put down for this thread: its innermost cause.
func libraryError(_ what: String, of path: String?) -> ResectError {
  let cause = ErrorCause()
  unsafe CHDF5_errors(
    { _, error, context in
      guard let text = unsafe error?.pointee.desc, let context = unsafe context else { return 0 }
      let cause = unsafe Unmanaged<ErrorCause>.fromOpaque(context).takeUnretainedValue()
      if cause.text == nil { cause.text = unsafe String(cString: text) }
      return 0
    }, Unmanaged.passUnretained(cause).toOpaque())
  let reason = cause.text.map { ": \($0)" } ?? ""
  return ResectError(
    .malformed, "libhdf5 cannot \(what)\(reason)", advice: "the file is damaged: fetch it again",
    tensor: path)
}

private final class ErrorCause {
  var text: String?
}
