internal import Foundation
internal import Resect

/// The built command line, run as a user runs it.
struct Program {
  let status: Int32
  let output: String
  let errors: String

  /// The executable beside the tests.
  private static var executable: URL {
    URL(fileURLWithPath: CommandLine.arguments[0]).deletingLastPathComponent()
      .appendingPathComponent("resect")
  }

  /// Runs `resect` with `arguments` and waits for its end.
  init(_ arguments: String...) throws { try self.init(list: arguments) }

  /// Runs `resect` with `arguments` and waits for its end.
  init(list arguments: [String]) throws {
    let process = Process()
    process.executableURL = Program.executable
    process.arguments = arguments
    let output = Pipe()
    let errors = Pipe()
    process.standardOutput = output
    process.standardError = errors
    try process.run()
    // What a command prints fits the pipes' buffers many times over, except for errors, which are a few lines.
    self.output = String(
      decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    self.errors = String(
      decoding: errors.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    process.waitUntilExit()
    status = process.terminationStatus
  }

  /// The output as JSON.
  var json: JSON { get throws { try JSON(parsing: Array(output.utf8)) } }
}
