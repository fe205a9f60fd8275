#if canImport(Darwin)
  internal import Darwin
#else
  internal import Glibc
#endif

/// How long something took, in milliseconds.
struct Timing {
  /// By the clock on the wall.
  let wall: Double
  /// Of all threads of the process.
  let processor: Double

  /// Times `work`.
  init(_ work: () throws -> Void) rethrows {
    let processorStart = Timing.processorTime
    let start = ContinuousClock.now
    try work()
    wall = start.duration(to: .now).milliseconds
    processor = Timing.processorTime - processorStart
  }

  private static var processorTime: Double {
    var time = timespec()
    unsafe clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
    return Double(time.tv_sec) * 1e3 + Double(time.tv_nsec) / 1e6
  }
}

extension Duration {
  /// In milliseconds.
  var milliseconds: Double {
    Double(components.seconds) * 1e3 + Double(components.attoseconds) / 1e15
  }
}
