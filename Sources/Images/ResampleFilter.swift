#if canImport(Darwin)
  internal import Darwin
#else
  internal import Glibc
#endif

/// How a resized pixel is made of those around its place: Pillow's filters, which widen when an image shrinks.
public enum ResampleFilter: Sendable, Hashable, CaseIterable {
  /// A triangle of radius 1.
  case bilinear
  /// Keys' cubic with a = −0.5, of radius 2.
  case bicubic
  /// A sinc windowed by a sinc, of radius 3.
  case lanczos

  /// How far the filter reaches, in pixels, where nothing shrinks.
  var radius: Double {
    switch self {
    case .bilinear: 1
    case .bicubic: 2
    case .lanczos: 3
    }
  }

  /// The filter's value at the distance `offset`. The operations and their order are Pillow's: the last bit counts.
  func weight(at offset: Double) -> Double {
    switch self {
    case .bilinear:
      let x = abs(offset)
      return x < 1 ? 1 - x : 0
    case .bicubic:
      let (a, x) = (-0.5, abs(offset))
      if x < 1 { return ((a + 2) * x - (a + 3)) * x * x + 1 }
      if x < 2 { return (((x - 5) * x + 8) * x - 4) * a }
      return 0
    case .lanczos:
      return -3 <= offset && offset < 3 ? sinc(offset) * sinc(offset / 3) : 0
    }
  }

  private func sinc(_ x: Double) -> Double {
    guard x != 0 else { return 1 }
    let angle = x * .pi
    return sin(angle) / angle
  }
}
