/// The files that one run reads and those that it writes, by their paths.
package struct FilesInUse: Sendable {
  /// What is read, be it weights, labels, a mapping or an image.
  package var reads: [String]
  /// What is written.
  package var writes: [String]

  /// The files at these paths.
  package init(reads: [String], writes: [String] = []) {
    self.reads = reads
    self.writes = writes
  }

  /// Refuses an output that is an input (`ResectError.Code.outputExists`) or another output (`badArgument`), under any spelling of
  /// its path.
  package func check() throws(ResectError) {
    guard !writes.isEmpty else { return }
    var inputs: [PathIdentity: String] = [:]
    for path in reads {
      if let identity = PathIdentity(path) { inputs[identity] = path }
    }
    var outputs: [PathIdentity: String] = [:]
    for path in writes {
      // Where there is no folder, writing fails by itself.
      guard let identity = PathIdentity(path) else { continue }
      if let input = inputs[identity] { throw .isInput(path, input) }
      if let other = outputs.updateValue(path, forKey: identity) { throw .isOutputTwice(path, other) }
    }
  }
}

extension ResectError {
  /// The refusal of an output that is read by the path `input`.
  static func isInput(_ path: String, _ input: String? = nil) -> ResectError {
    let spelling = input.flatMap { $0 == path ? nil : ", \($0.printable(limit: 120))" } ?? ""
    return ResectError(
      .outputExists, "input and output are the same file\(spelling)", advice: "write to another path", file: path)
  }

  /// The refusal of two outputs that would be one file.
  static func isOutputTwice(_ path: String, _ other: String) -> ResectError {
    let spelling = other == path ? "" : ", \(other.printable(limit: 120))"
    return ResectError(
      .badArgument, "two outputs are the same file\(spelling)", advice: "give each a path of its own", file: path)
  }
}
