internal import ArgumentParser
internal import Resect

/// A command that says which files it reads and writes, so that no input is lost to an output.
protocol FileCommand: ParsableCommand {
  /// The files of this run, but for those that lie in folders of which it only reads.
  func files() throws(ResectError) -> FilesInUse
}

extension FileCommand {
  /// Refuses outputs that are inputs, or the same file twice, before anything is done.
  func checkFiles() throws {
    do throws(ResectError) {
      try files().check()
    } catch {
      guard error.code == .badArgument else { throw error }
      throw ValidationError(error.description)
    }
  }
}
