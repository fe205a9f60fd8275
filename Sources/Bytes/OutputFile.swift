internal import CResectPosix

#if canImport(Darwin)
  internal import Darwin
#else
  internal import Glibc
#endif

/// A file that appears whole or not at all.
///
/// The bytes go to a file without a name beside the target (where the file system cannot do that: to a hidden one).
/// ``committed()`` syncs it, gives it its name in one step and syncs the folder. Without `committed()`, whether the program
/// throws or is killed, the old file stays as it was and nothing is left behind.
public struct OutputFile: ~Copyable, Sendable {
  /// The path that the file will have.
  public let path: String
  private let replaces: Bool
  private let descriptor: Int32
  /// What ``path`` led to when the file was begun.
  private let identity: PathIdentity?
  /// The hidden name, where the file has one already.
  private var temporary: String?

  /// Begins a file that will be `path`.
  ///
  /// Refused: a path that exists (unless `overwrite`), that is no regular file, or that is one of `inputs` by whatever
  /// name.
  public init(path: String, overwrite: Bool, inputs: [FileIdentity] = []) throws(ResectError) {
    let target = OutputFile.resolved(path)
    var status = stat()
    let exists = unsafe stat(target, &status) == 0
    if exists {
      guard !inputs.contains(FileIdentity(status)) else {
        throw .isInput(path)
      }
      guard status.st_mode & S_IFMT == S_IFREG else {
        throw ResectError(.outputExists, "the output exists and is no regular file", file: path)
      }
      guard overwrite else {
        throw ResectError(
          .outputExists, "the output exists already", advice: .overwrite, file: path)
      }
    }
    let identity = PathIdentity(target)
    let (descriptor, temporary) = try OutputFile.begin(beside: target)
    self.path = target
    self.identity = identity
    self.replaces = exists
    self.descriptor = descriptor
    self.temporary = temporary
  }

  deinit {
    if let temporary { unsafe unlink(temporary) }
    close(descriptor)
  }

  /// Writes `bytes` at `offset`; from any thread, in any order.
  public borrowing func write(_ bytes: RawSpan, at offset: UInt64) throws(ResectError) {
    let result = unsafe bytes.withUnsafeBytes { buffer -> Int32 in
      var done = 0
      while done < buffer.count {
        let count = unsafe pwrite(
          descriptor, buffer.baseAddress.map { unsafe $0 + done }, buffer.count - done,
          off_t(offset) + off_t(done))
        if count < 0 {
          if errno == EINTR { continue }
          return errno
        }
        done += count
      }
      return 0
    }
    guard result == 0 else {
      errno = result
      throw .system("cannot write", file: path)
    }
  }

  /// Writes `bytes` at `offset`.
  public borrowing func write(_ bytes: [UInt8], at offset: UInt64) throws(ResectError) {
    unsafe try write(bytes.span.bytes, at: offset)
  }

  /// What was written so far, for reading. It has no name: errors call it `name`.
  package borrowing func reopened(as name: String) throws(ResectError) -> InputFile {
    let copy = dup(descriptor)
    guard copy >= 0 else { throw .system("cannot read what was written", file: path) }
    return try InputFile(descriptor: copy, path: name)
  }

  /// Asks the system to begin putting what was written so far on the disk, so that ``committed()`` has less to wait for.
  public borrowing func beginSync() {
    resect_begin_sync(descriptor)
  }

  /// Puts the file in its place and tells how many bytes it has. Afterwards it is on the disk under its name, or an error
  /// says why not.
  public consuming func committed() throws(ResectError) -> UInt64 {
    let size = try synced()
    try name()
    try syncFolder()
    return size
  }

  /// Puts two files that belong together in their places, and tells how many bytes they have.
  ///
  /// Where the second cannot have its name, the first loses its own again; but a file that it replaced does not come back, which
  /// the error then says. Refused where both are one file.
  public static func committed(
    _ first: consuming OutputFile, _ second: consuming OutputFile
  ) throws(ResectError) -> (first: UInt64, second: UInt64) {
    // The second would replace the first.
    guard first.identity != second.identity else { throw .isOutputTwice(first.path, second.path) }
    let sizes = (try first.synced(), try second.synced())
    try first.name()
    do throws(ResectError) {
      try second.name()
    } catch {
      var error = error
      if first.replaces {
        error.advice = "\(first.path.printable()) was replaced already"
      } else {
        unsafe unlink(first.path)
      }
      throw error
    }
    try first.syncFolder()
    try second.syncFolder()
    return sizes
  }

  /// Waits until all bytes are on the disk, and tells how many there are.
  private borrowing func synced() throws(ResectError) -> UInt64 {
    var status = stat()
    guard unsafe fstat(descriptor, &status) == 0, fsync(descriptor) == 0 else {
      throw .system("cannot write to the disk", file: path)
    }
    return UInt64(status.st_size)
  }

  /// Gives the file its name, in one step.
  private mutating func name() throws(ResectError) {
    guard replaces else {
      // Fails where somebody else made a file of this name meanwhile: nothing is overwritten unasked.
      return try link(to: path)
    }
    if temporary == nil {
      let name = OutputFile.hiddenName(beside: path)
      try link(to: name)
      temporary = name
    }
    if let name = temporary {
      guard unsafe rename(name, path) == 0 else { throw .system("cannot replace", file: path) }
      temporary = nil
    }
  }

  /// Gives the file a (further) name.
  private borrowing func link(to name: String) throws(ResectError) {
    let source = temporary ?? "/proc/self/fd/\(descriptor)"
    guard unsafe linkat(AT_FDCWD, source, AT_FDCWD, name, AT_SYMLINK_FOLLOW) == 0 else {
      throw .system("cannot create", file: path)
    }
  }

  private borrowing func syncFolder() throws(ResectError) {
    let directory = unsafe open(OutputFile.folder(of: path), O_RDONLY | O_CLOEXEC)
    guard directory >= 0 else { throw .system("cannot open the folder of", file: path) }
    defer { close(directory) }
    // Some network file systems know no fsync of a folder: the file itself is safe all the same.
    guard fsync(directory) == 0 || errno == EINVAL else {
      throw .system("cannot sync the folder of", file: path)
    }
  }

  /// An empty file in the folder of `path`, without a name if the file system can do that, else with the hidden one returned.
  private static func begin(beside path: String) throws(ResectError) -> (Int32, String?) {
    let unnamed = unsafe resect_open_unnamed(folder(of: path))
    if unnamed >= 0 { return (unnamed, nil) }
    guard errno == EOPNOTSUPP || errno == EISDIR || errno == EINVAL else {
      throw .system("cannot write here", file: path)
    }
    let name = hiddenName(beside: path)
    let hidden = unsafe open(name, O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, 0o666)
    guard hidden >= 0 else { throw .system("cannot write here", file: path) }
    return (hidden, name)
  }

  /// What a link points to, so that the link stays and its target is replaced.
  private static func resolved(_ path: String) -> String {
    guard let real = unsafe realpath(path, nil) else { return path }
    defer { unsafe free(real) }
    return unsafe String(cString: real)
  }

  static func folder(of path: String) -> String {
    guard let slash = path.lastIndex(of: "/") else { return "." }
    return slash == path.startIndex ? "/" : String(path[..<slash])
  }

  private static func hiddenName(beside path: String) -> String {
    let folder = folder(of: path)
    let suffix = UInt32.random(in: .min ... .max).hexadecimal
    return "\(folder)/.resect-\(getpid())-\(suffix).tmp"
  }
}
