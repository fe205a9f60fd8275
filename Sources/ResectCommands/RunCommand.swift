internal import ArgumentParser
internal import Resect

struct RunCommand: FileCommand {
  static let configuration = CommandConfiguration(
    commandName: "run",
    abstract: "Run a network on numbers.",
    discussion: """
      The input is a NumPy file of float32, images × channels × height × width, preprocessed as the network wants it; for an \
      embedding of classes, rows × features. Exits with 1 where the result differs from --expect by more than --tolerance.
      """)

  @Argument(help: "The model to run.") var model: String
  @Option(help: ArgumentHelp("The input.", valueName: "x.npy")) var input: String
  @Option(help: ArgumentHelp("A NumPy file for the result.", valueName: "y.npy")) var output: String?
  @Option(help: ArgumentHelp("What the result should be.", valueName: "y.npy")) var expect: String?
  @Option(help: "The largest difference from --expect that is allowed.") var tolerance = 1e-4
  @Flag(help: "Give the backbone's features in place of the logits.") var features = false
  @Option(help: ArgumentHelp("Time that many runs of the loaded network.", valueName: "runs")) var bench: Int?
  @Option(help: ArgumentHelp("Repeat the input up to that many images.", valueName: "images")) var batch: Int?
  @Flag(help: "Replace the output if it exists.") var force = false
  @OptionGroup var running: RunningOptions
  @OptionGroup var reading: ReadingOptions
  @OptionGroup var shown: OutputOptions

  func validate() throws {
    guard tolerance >= 0 else { throw ValidationError("--tolerance has to be a number that is not negative.") }
    if let bench, !(1...1_000_000 ~= bench) { throw ValidationError("--bench has to be at least 1.") }
    if let batch, !(1...65536 ~= batch) { throw ValidationError("--batch has to be at least 1.") }
  }

  func files() throws(ResectError) -> FilesInUse {
    FilesInUse(
      reads: [model, input] + (expect.map { [$0] } ?? []) + reading.files, writes: output.map { [$0] } ?? [])
  }

  func run() throws {
    let started = ContinuousClock.now
    let opened = try Model(contentsOf: model, options: reading.open())
    let batch = try Batch(numPyFile: input, repeatedTo: self.batch)
    let session = try Session(opened, options: running.session(for: opened))
    for note in session.notes { Terminal.error("resect: note: \(note)") }
    let rows = try result(session, batch)
    let ready = started.duration(to: .now).milliseconds / 1000
    if let output {
      let file = try OutputFile(path: output, overwrite: force)
      try rows.write(to: file)
      _ = try file.committed()
    }
    let difference = try expect.map { try rows.difference(fromNumPyFile: $0) }
    let times = try (0..<(bench ?? 0)).map { _ in try Timing { _ = try result(session, batch) } }
    try show(rows, difference, times, session.precision, ready: ready)
    if let difference, !isAllowed(difference) { throw ExitCode(1) }
  }

  /// Whether the result is as near to what it should be as was asked; an infinite difference is near to nothing.
  private func isAllowed(_ difference: Double) -> Bool { difference.isFinite && difference <= tolerance }

  private func result(_ session: Session, _ batch: Batch) throws -> Rows {
    if session.graph.takesFeatures {
      return try session.logits(ofFeatures: Rows(width: batch.shape.count, values: batch.values))
    }
    return try session.run(batch, output: features ? .features : .logits)
  }

  private func show(_ rows: Rows, _ difference: Double?, _ times: [Timing], _ precision: Precision, ready: Double)
    throws
  {
    var lines = ["\(rows.count) × \(rows.width) \(features ? "features" : "logits")"]
    if let output { lines.append("wrote \(output.printable())") }
    if let difference {
      let verdict = isAllowed(difference) ? "within" : "more than"
      lines.append("largest difference \(difference.text(digits: 3)), \(verdict) \(tolerance.text(digits: 3))")
    }
    let sorted = times.map(\.wall).sorted()
    if let fastest = sorted.first {
      lines.append(
        "median \(sorted[sorted.count / 2].text(digits: 3)) ms, minimum \(fastest.text(digits: 3)) ms over \(sorted.count) runs"
      )
    }
    let json = JSON.object([
      "rows": .integer(rows.count), "columns": .integer(rows.width),
      "times_ms": times.isEmpty ? nil : .array(times.map { .number($0.wall) }),
      "cpu_ms": times.isEmpty ? nil : .array(times.map { .number($0.processor) }),
      "max_error": difference.map { .number($0) }, "ready_s": .number(ready),
      "version": .string("resect \(precision.rawValue)"),
    ])
    // One line, so that a program which times several engines can read it.
    try Terminal.output(shown.json ? String(decoding: json.compact, as: UTF8.self) : lines.joined(separator: "\n"))
  }
}
