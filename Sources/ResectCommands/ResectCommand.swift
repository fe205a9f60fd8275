public import ArgumentParser
internal import Resect

#if canImport(Darwin)
  internal import Darwin
#else
  internal import Glibc
#endif

/// The command `resect`.
public struct ResectCommand: ParsableCommand {
  /// The name, the version and the subcommands.
  public static let configuration = CommandConfiguration(
    commandName: "resect",
    abstract: "Opens, operates on, proves, runs and ships ResNet weights. Nothing in a file is ever run.",
    version: "0.1.0",
    subcommands: commands)

  private static let commands: [any FileCommand.Type] = [
    InspectCommand.self, ExportCommand.self, ConvertCommand.self, FoldBatchNormCommand.self,
    DropClassifierBiasCommand.self, DropBlockCommand.self, EpsilonCommand.self, HeadCommand.self,
    NormalizeCommand.self, SplitCommand.self, JoinCommand.self, VerifyCommand.self, DiffCommand.self, RunCommand.self,
    ClassifyCommand.self, EmbedCommand.self,
  ]

  /// The command without arguments.
  public init() {}

  /// Refuses: only the subcommands do anything.
  public func run() throws { throw ValidationError("Name what to do: a subcommand is missing.") }

  /// Parses the process's arguments, runs the command and ends the process.
  ///
  /// Exit codes: 0 done; 1 the input was refused, or files differ; 64 bad usage.
  public static func runAsProcess() -> Never {
    // A full disk or a closed pipe is an error of a write, not the end of the process.
    signal(SIGPIPE, SIG_IGN)
    signal(SIGXFSZ, SIG_IGN)
    // libzip converts each entry's time, and without TZ the C library examines /etc/localtime every time it does.
    unsafe setenv("TZ", ":/etc/localtime", 0)
    // The threads of libgomp, which oneDNN computes with, turn between two layers. Left alone they do so for milliseconds, and on a
    // busy machine the layers then wait for each other's time slices; not at all, and each layer pays for waking them. It reads this
    // once, when it is loaded; a library must not set it for the program that it is part of.
    if unsafe getenv("OMP_WAIT_POLICY") == nil { unsafe setenv("GOMP_SPINCOUNT", "1000", 0) }
    do {
      var command = try parseAsRoot()
      if let command = command as? any FileCommand { try command.checkFiles() }
      try command.run()
      exit()
    } catch let error as ResectError {
      Terminal.error("resect: \(error.inFlags)")
      for detail in error.details { Terminal.error("  \(detail.printable(limit: 400))") }
      exit(withError: ExitCode(1))
    } catch {
      exit(withError: error)
    }
  }
}
