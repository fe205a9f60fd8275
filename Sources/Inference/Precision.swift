/// What numbers a forward pass computes with.
public enum Precision: String, Sendable, Hashable, CaseIterable {
  /// 32-bit floating point.
  case float32 = "f32"
  /// 16-bit brain floating point: products of 8-bit significands, summed in 32 bits.
  case bfloat16 = "bf16"
  /// 8-bit integers: weights scaled by channel, activations by layer, summed in 32 bits.
  case int8
}
