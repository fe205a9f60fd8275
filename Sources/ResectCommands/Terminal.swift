internal import Resect
internal import Synchronization

#if canImport(Darwin)
  internal import Darwin
#else
  internal import Glibc
#endif

/// The system's `write`, which `Terminal.write` would hide.
private let systemWrite: @Sendable (Int32, UnsafeRawPointer?, Int) -> Int = { unsafe write($0, $1, $2) }

/// What a person or a program sees: results on standard output, everything else on standard error.
enum Terminal {
  /// Whether text may be emphasised: a terminal reads it, and NO_COLOR is not set.
  static let isStyled = unsafe isatty(1) == 1 && getenv("NO_COLOR") == nil

  /// Writes a result. Throws where standard output takes no more, as on a full disk.
  static func output(_ text: String) throws(ResectError) {
    guard write(text + "\n", to: 1) else {
      let reason = unsafe String(cString: strerror(errno))
      throw ResectError(.system, "cannot write to standard output: \(reason)")
    }
  }

  /// Writes a line about the work.
  static func error(_ line: String) { _ = write(line + "\n", to: 2) }

  /// `text` in bold, where that shows.
  static func bold(_ text: String) -> String { isStyled ? "\u{1B}[1m\(text)\u{1B}[0m" : text }

  fileprivate static func write(_ text: String, to descriptor: Int32) -> Bool {
    var bytes = Array(text.utf8)[...]
    while !bytes.isEmpty {
      let count = unsafe bytes.withUnsafeBytes { unsafe systemWrite(descriptor, $0.baseAddress, $0.count) }
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { return false }
      bytes = bytes.dropFirst(count)
    }
    return true
  }
}

/// A bar on standard error that grows with the bytes written, where a terminal watches and it takes longer than half a
/// second.
final class ProgressBar: Sendable {
  private let total: Int
  private let started = ContinuousClock.now
  private let isShown = isatty(2) == 1
  private let state = Mutex((bytes: 0, percent: -1))

  init(total: Int) { self.total = max(total, 1) }

  /// Adds `bytes` that were written.
  func advance(by bytes: Int) {
    guard isShown else { return }
    state.withLock { state in
      state.bytes += bytes
      let percent = min(100, state.bytes * 100 / total)
      guard percent != state.percent, started.duration(to: .now) > .milliseconds(500) else { return }
      state.percent = percent
      let filled = String(repeating: "#", count: percent / 4)
      let empty = String(repeating: ".", count: 25 - percent / 4)
      _ = Terminal.write("\r[\(filled)\(empty)] \(percent) %", to: 2)
    }
  }

  /// Takes the bar away.
  func finish() {
    state.withLock { state in
      if state.percent >= 0 { _ = Terminal.write("\r\u{1B}[K", to: 2) }
    }
  }
}
