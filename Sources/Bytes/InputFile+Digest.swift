internal import Dispatch
internal import Synchronization

extension InputFile {
  /// The file's SHA-256, as 64 hexadecimal digits. All of the file is read for it, once.
  public func digest() throws(ResectError) -> String {
    begin { compute in compute() }
    digestion.group.wait()
    guard let result = digestion.result.withLock({ $0 }) else {
      throw ResectError(.system, "the digest was not computed", file: path)
    }
    return try result.get()
  }

  /// Begins to compute the ``digest()`` on a thread of its own, for a caller who will need it and has other work meanwhile.
  public func beginDigest() {
    // A queue of its own has a thread of its own, and takes none from work that is divided among the cores.
    begin { compute in DispatchQueue(label: "resect.digest").async(execute: compute) }
  }

  /// Hands the computation to `run`, if nobody did before.
  private func begin(_ run: (@escaping @Sendable () -> Void) -> Void) {
    let isFirst = digestion.hasBegun.withLock { hasBegun in
      defer { hasBegun = true }
      return !hasBegun
    }
    guard isFirst else { return }
    digestion.group.enter()
    run { [self] in
      let result = Result { () throws(ResectError) in try computedDigest() }
      digestion.result.withLock { $0 = result }
      digestion.group.leave()
    }
  }

  private func computedDigest() throws(ResectError) -> String {
    var hash = try SHA256()
    try stream(at: 0, count: size) { piece throws(ResectError) in hash.update(piece) }
    return hash.hexadecimal()
  }
}

/// A file's digest: not begun, begun, or computed.
final class Digestion: Sendable {
  let hasBegun = Mutex(false)
  let group = DispatchGroup()
  let result = Mutex<Result<String, ResectError>?>(nil)
}
