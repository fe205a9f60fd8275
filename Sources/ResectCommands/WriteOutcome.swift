internal import Resect

/// Models that were written: what to tell of them.
struct WriteOutcome {
  /// Each file that was written.
  private var files: [(path: String, model: Model, report: WriteReport)] = []

  /// Writes `model` to `path` with a progress bar.
  mutating func write(_ model: Model, to path: String, _ options: WriteOptions) throws {
    let bar = ProgressBar(total: model.byteCount(options))
    defer { bar.finish() }
    let report = try model.write(to: path, options: options, progress: { bar.advance(by: $0) })
    files.append((path, model, report))
  }

  /// Writes the two halves of a split with a progress bar.
  mutating func write(
    _ first: (model: Model, path: String), _ second: (model: Model, path: String),
    _ options: WriteOptions
  ) throws {
    let bar = ProgressBar(total: first.model.byteCount(options) + second.model.byteCount(options))
    defer { bar.finish() }
    let reports = try Model.write(
      first, second, options: options, progress: { bar.advance(by: $0) })
    files.append((first.path, first.model, reports.first))
    files.append((second.path, second.model, reports.second))
  }

  /// Tells what was done: warnings on standard error, the rest as a result.
  ///
  /// The files are in place, so a standard output that takes no more is no failure of the command.
  func show(_ output: OutputOptions, tables: [String] = [], members: [JSON.Member] = []) {
    for warning in warnings { Terminal.error("resect: warning: \(warning.printable(limit: 400))") }
    do {
      try output.show(text(tables), json: json(members))
    } catch {
      Terminal.error("resect: warning: \(error)")
    }
  }

  private var warnings: [String] {
    var seen: Set<String> = []
    let doubts = files.prefix(1).compactMap { $0.report.proof.flatMap { $0.doubt == nil ? nil : $0.summary } }
    return (files.flatMap { $0.model.loading.warnings + $0.report.warnings } + doubts)
      .filter { seen.insert($0).inserted }
  }

  private func text(_ tables: [String]) -> String {
    var lines = tables
    var seen: Set<String> = []
    for surgery in files.flatMap(\.model.surgeries) where seen.insert(surgery.summary).inserted {
      lines.append(surgery.summary)
    }
    if let proof = files.first?.report.proof { lines.append(proof.summary) }
    if let line = Rereading.summary(of: files.compactMap(\.report.rereading)) { lines.append(line) }
    for file in files {
      lines.append("wrote \(file.path.printable()): \(file.report.bytes.asBytes)")
    }
    return lines.joined(separator: "\n")
  }

  private func json(_ members: [JSON.Member]) -> JSON {
    let common: JSON = .object([
      "outputs": .array(
        files.map { $0.report.json(path: $0.path) }),
      "surgeries": .array(files.first?.model.surgeries.map(\.json) ?? []),
      "proof": files.first?.report.proof?.json,
      "ignored": .array(files.first?.model.loading.ignored.map(\.json) ?? []),
      "warnings": .array(warnings.map { .string($0) }),
    ])
    return .object((common.members ?? []) + members)
  }
}

extension Model {
  /// How many bytes of tensors will be written, about.
  fileprivate func byteCount(_ options: WriteOptions) -> Int {
    content.tensors.reduce(0) { $0 + $1.byteCount(as: options.dtype ?? $1.dtype) }
  }
}

extension WriteReport {
  /// The file at `path` that was written.
  func json(path: String) -> JSON {
    .object([
      "path": .string(path),
      "format": .string(format.rawValue),
      "bytes": .integer(bytes),
      "tensorsReadAgain": rereading.map { .integer($0.tensors) },
      "certified": rereading?.certified.map { .integer($0) },
      "sha256OfSources": digests.isEmpty ? nil : .array(digests.map { .string($0) }),
    ])
  }
}

extension Checkpoint.Ignored {
  var json: JSON { .object(["name": .string(name), "reason": .string(reason)]) }
}
