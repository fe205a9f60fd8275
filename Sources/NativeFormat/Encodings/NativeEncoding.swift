public import ResectTensors

#if canImport(Darwin)
  internal import Darwin
#else
  internal import Glibc
#endif

/// How the elements of a tensor lie in a `.resect` file. `Docs/NativeFormat.md` says each bit.
public enum NativeEncoding: Sendable, Hashable {
  /// One after the other, as they are in memory.
  case raw
  /// Byte planes, each coded by what its bytes' frequencies allow: lossless.
  case planes
  /// Multiples of a step: a float32 is the integer times `step`.
  ///
  /// `relativeError` is the root of the error's energy over the weights' own, measured when they were encoded.
  case quantized(step: Double, relativeError: Double)
  /// 8-bit integers, each output channel's times a scale of its own: what 8-bit engines compute with.
  case int8(relativeError: Double)

  /// The name in the header.
  public var name: String {
    switch self {
    case .raw: "raw"
    case .planes: "planes"
    case .quantized: "quantized"
    case .int8: "int8"
    }
  }
}

extension NativeEncoding {
  /// What the weights are multiples of.
  public var step: Double? {
    if case .quantized(let step, _) = self { step } else { nil }
  }

  /// The root of the error's energy over the weights' own; nothing where every bit is kept.
  public var relativeError: Double? {
    switch self {
    case .raw, .planes: nil
    case .quantized(_, let error), .int8(let error): error
    }
  }

  /// The energy of the weights over that of the error, in decibels; nothing where there is no error.
  public var signalToNoise: Double? {
    guard let relativeError, relativeError > 0 else { return nil }
    return -20 * log10(relativeError)
  }
}

/// How a writer may encode a tensor.
public enum EncodingChoice: Sendable, Hashable {
  /// As it is, so that a program maps it and uses it in place.
  case store
  /// Without loss, where that makes it smaller by three percent at least; else as it is.
  case lossless
  /// In multiples of `step`. Requires finite values and a tensor that is stored as float32.
  case quantized(step: Double, rounding: StepRounding = .nearest)
  /// As `ScaledIntegers`. Requires finite values and a tensor that is stored as float32.
  case int8
}
