public import ResectBytes

/// What a pickle says, as values that lie side by side and refer to each other by ``ValueID``.
///
/// A pickle is a program that builds an object. This is its result without running anything: calls that the policy allows
/// are kept as descriptions, all others are refused. Parsing, walking and freeing never recurse.
///
/// ```swift
/// let pickle = try Pickle(parsing: bytes, policy: policy)
/// for entry in pickle.entries(of: pickle.root) ?? [] { … }
/// ```
///
/// Values that were memoised are shared, so the values form a graph, which may have far more paths than values, and cycles:
/// a walk has to count its steps. What is built from the inside out, as picklers do, is nested at most
/// `Limits.depth` levels.
public struct Pickle: Sendable {
  /// The value that the pickle is of.
  public let root: ValueID
  /// The offset after the pickle's last byte. What follows is the caller's to judge.
  public let end: Int
  let arena: Arena

  /// Reads the pickle that begins at `offset` of `bytes` and ends with its STOP.
  ///
  /// - Parameters:
  ///   - bytes: The pickle or, where its length is unknown, a window on it: at most `Limits.metadataBytes`.
  ///   - offset: Where it begins.
  ///   - policy: What it may call and mention.
  /// - Throws: An error with the offset of the instruction that is at fault:
  ///   `ResectError.Code.truncated` where the bytes end before the pickle does, and only then, so that the caller may
  ///   try a larger window; `ResectError.Code.unsafePickle` where it calls or mentions what it may not;
  ///   `ResectError.Code.limit`, `ResectError.Code.unsupported` and `ResectError.Code.malformed` otherwise.
  public init(
    parsing bytes: [UInt8], at offset: Int = 0, policy: PicklePolicy
  ) throws(ResectError) {
    guard bytes.count <= Limits.metadataBytes else {
      throw ResectError(
        .limit, "a pickle in \(bytes.count) bytes; at most \(Limits.metadataBytes) are read")
    }
    var machine = try PickleMachine(bytes: bytes, at: offset, policy: policy)
    root = try machine.run()
    end = machine.position
    arena = machine.arena
  }
}
