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
  /// Whether text is emphasised on standard output.
  static let isStyled = styles(isTerminal: isatty(1) == 1, noColor: variable("NO_COLOR"), term: variable("TERM"))

  /// Whether text may be emphasised: a terminal that can show it reads it, and the user does not refuse it (no-color.org).
  static func styles(isTerminal: Bool, noColor: String?, term: String?) -> Bool {
    isTerminal && term != "dumb" && noColor?.isEmpty ?? true
  }

  private static func variable(_ name: String) -> String? { unsafe getenv(name).map { unsafe String(cString: $0) } }

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
      let percent = ProgressBar.percent(state.bytes, of: total)
      guard percent != state.percent, started.duration(to: .now) > .milliseconds(500) else { return }
      state.percent = percent
      _ = Terminal.write("\r\(ProgressBar.text(percent: percent))", to: 2)
    }
  }

  /// How much of `total` is done, in whole percent; more than all is all.
  static func percent(_ done: Int, of total: Int) -> Int { Int(min(100, Double(done) * 100 / Double(total))) }

  /// The bar where so much is done.
  static func text(percent: Int) -> String {
    "[\(String(repeating: "#", count: percent / 4))\(String(repeating: ".", count: 25 - percent / 4))] \(percent) %"
  }

  /// Takes the bar away.
  func finish() {
    state.withLock { state in
      if state.percent >= 0 { _ = Terminal.write("\r\u{1B}[K", to: 2) }
    }
  }
}
