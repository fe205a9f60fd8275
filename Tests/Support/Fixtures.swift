internal import Foundation

/// The files in `Tests/Fixtures`, which the scripts beside them made with the real frameworks.
public enum Fixtures {
  /// The folder `Tests`.
  private static let tests = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent()

  /// The path of `name` in `Tests/Fixtures`.
  public static func path(_ name: String) -> String {
    tests.appendingPathComponent("Fixtures/\(name)").path
  }

  /// The path of `name` in the folder of a room's tests.
  public static func path(_ name: String, of room: String) -> String {
    tests.appendingPathComponent("\(room)Tests/\(name)").path
  }

  /// The path of `name` at the top level.
  public static func document(_ name: String) -> String {
    tests.deletingLastPathComponent().appendingPathComponent(name).path
  }

  /// The path of `name` in `Samples`.
  public static func sample(_ name: String) -> String {
    tests.deletingLastPathComponent().appendingPathComponent("Samples/\(name)").path
  }
}

/// The names of the files in the folder at `path`.
public func filesInFolder(_ path: String) throws -> [String] {
  try FileManager.default.contentsOfDirectory(atPath: path)
}
