#if canImport(Darwin)
  internal import Darwin
#else
  internal import Glibc
#endif

/// eˣ.
func exponential(_ value: Double) -> Double { exp(value) }
