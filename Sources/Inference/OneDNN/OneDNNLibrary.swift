internal import ResectBytes
internal import CResectOneDNN

/// The library, opened when it is first asked for.
enum OneDNNLibrary {
  /// Why the library cannot be used; absent where it can.
  static let failure: String? = unsafe resect_onednn_open().map { unsafe String(cString: $0) }

  /// Whether the processor computes in `precision` at full speed.
  static func supports(_ precision: Precision) -> Bool {
    guard failure == nil else { return precision == .float32 }
    return switch precision {
    case .float32: true
    case .bfloat16: resect_onednn_supports(RESECT_BF16)
    case .int8: resect_onednn_supports(RESECT_S8)
    }
  }

  /// Throws where a call of the library failed with a message.
  static func check(_ message: UnsafePointer<CChar>?, _ what: @autoclosure () -> String) throws(ResectError) {
    guard let message = unsafe message else { return }
    throw ResectError(.unsupported, unsafe "oneDNN: \(String(cString: message)) at \(what())")
  }
}
