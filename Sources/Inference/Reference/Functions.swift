#if canImport(Darwin)
  internal import Darwin
#else
  internal import Glibc
#endif

/// eˣ.
func exponential(_ value: Double) -> Double { exp(value) }

/// eˣ − 1, exact near zero.
func exponentialMinusOne(_ value: Double) -> Double { expm1(value) }

/// The natural logarithm.
func logarithm(_ value: Double) -> Double { log(value) }

/// The error function.
func errorFunction(_ value: Double) -> Double { erf(value) }

/// The hyperbolic tangent.
func hyperbolicTangent(_ value: Double) -> Double { tanh(value) }
