internal import ResectBytes
internal import ResectTensors

/// The format's constants. Source: huggingface/safetensors, `README.md` and `safetensors/src/tensor.rs`.
enum Safetensors {
  static let metadataKey = "__metadata__"

  /// Whether the file begins with a header's length and an opening brace.
  static func recognises(_ head: [UInt8]) -> Bool {
    head.count > 8 && head[8] == UInt8(ascii: "{")
  }
}
