internal import Dispatch
internal import Synchronization

#if canImport(Darwin)
  internal import Darwin
#else
  internal import Glibc
#endif

/// Another program at work on one open file, spoken with over a socket, for what this process should not do itself.
///
/// The child has the socket as standard input and the file as descriptor 3, and nothing else of this process: no output,
/// no error output, no environment but what concerns its own start. Whatever it does, from silence to a crash, comes back as
/// one error. It is ended, and waited for, with this object. For one thread at a time.
public final class ChildProcess: Sendable {
  /// How many seconds the child may take for one message.
  public static let patience = 30

  private let name: String
  private let socket: Int32
  private let process: pid_t

  /// Starts `executable` to work on `file`.
  public init(executable: String, file: InputFile) throws(ResectError) {
    name = executable.split(separator: "/").last.map(String.init) ?? executable
    let (ours, theirs) = try socketPair()
    do throws(ResectError) {
      process = try spawn(executable, socket: theirs, file: file)
    } catch {
      close(ours)
      close(theirs)
      throw error
    }
    close(theirs)
    socket = ours
    RunningChildren.insert(process)
  }

  deinit {
    _ = end(waiting: 0)
    close(socket)
  }

  /// Ends the child without waiting for that.
  public func endSoon() {
    DispatchQueue.global().async { _ = self.end(waiting: 0) }
  }

  /// Sends `bytes` to the child.
  public func send(_ bytes: [UInt8]) throws(ResectError) {
    var done = 0
    while done < bytes.count {
      let count = unsafe bytes[done...].withUnsafeBytes { unsafe sendQuietly($0, to: socket) }
      if count > 0 {
        done += count
      } else if errno != EINTR {
        throw failure()
      }
    }
  }

  /// The next `count` bytes of the child, which must arrive within ``patience``.
  public func receive(_ count: Int) throws(ResectError) -> [UInt8] {
    let deadline = monotonicMilliseconds() + ChildProcess.patience * 1000
    var failure: ResectError?
    let bytes = unsafe [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
      let target = UnsafeMutableRawBufferPointer(buffer)
      while filled < count, failure == nil {
        let rest = unsafe UnsafeMutableRawBufferPointer(rebasing: target[filled..<count])
        switch unsafe receiveSome(rest, before: deadline) {
        case .success(let more): filled += more
        case .failure(let error): failure = error
        }
      }
    }
    if let failure { throw failure }
    return bytes
  }

  private func receiveSome(
    _ buffer: UnsafeMutableRawBufferPointer, before deadline: Int
  ) -> Result<Int, ResectError> {
    while true {
      let left = max(deadline - monotonicMilliseconds(), 0)
      var waiting = pollfd(fd: socket, events: Int16(POLLIN), revents: 0)
      let ready = unsafe poll(&waiting, 1, Int32(left))
      if ready == 0, left == 0 {
        _ = end(waiting: 0)
        return .failure(
          refusal(.limit, "gave no answer for \(ChildProcess.patience) seconds and was ended"))
      }
      guard ready != 0 else { continue }
      let count = ready < 0 ? -1 : unsafe recv(socket, buffer.baseAddress, buffer.count, 0)
      if count > 0 { return .success(count) }
      if count == 0 || errno != EINTR { return .failure(failure()) }
    }
  }

  /// What became of a child that speaks no more.
  private func failure() -> ResectError {
    guard let status = end(waiting: 500) else {
      return ResectError(.system, "\(name) is not running")
    }
    switch status & 0x7F {
    case 0:
      return ResectError(
        .system, "\(name) ended without an answer, with status \(status >> 8 & 0xFF)",
        advice: "install it anew beside this program")
    case SIGXCPU: return refusal(.limit, "used up its time over this file")
    case SIGKILL: return refusal(.limit, "was ended over this file")
    case let signal: return refusal(.malformed, "crashed over this file (\(signalName(signal)))")
    }
  }

  private func refusal(_ code: ResectError.Code, _ what: String) -> ResectError {
    ResectError(
      code, "\(name) \(what)", advice: "the file is probably damaged: fetch it again")
  }

  /// Ends the child, if it does not end by itself within so many milliseconds, and gives its wait status, once.
  private func end(waiting milliseconds: Int) -> Int32? {
    guard RunningChildren.remove(process) else { return nil }
    var status: Int32 = 0
    for _ in 0..<milliseconds {
      if unsafe waitpid(process, &status, WNOHANG) == process { return status }
      usleep(1000)
    }
    return killed(process)
  }
}

/// The children that run. Those that are left when this process exits are ended, so that none stays behind.
private enum RunningChildren {
  private static let processes = Mutex<Set<pid_t>?>(nil)

  static func insert(_ process: pid_t) {
    processes.withLock { known in
      if known == nil { atexit { RunningChildren.endAll() } }
      known = (known ?? []).union([process])
    }
  }

  /// Gives the child to the caller to end; false where somebody else has it already.
  static func remove(_ process: pid_t) -> Bool {
    processes.withLock { $0?.remove(process) != nil }
  }

  private static func endAll() {
    let left = processes.withLock { known in
      defer { known = [] }
      return known ?? []
    }
    for process in left { _ = killed(process) }
  }
}

/// Ends `process` and gives its wait status.
private func killed(_ process: pid_t) -> Int32? {
  var status: Int32 = 0
  kill(process, SIGKILL)
  while unsafe waitpid(process, &status, 0) < 0 {
    // Where this process lets the system reap its children, nobody knows how they ended.
    guard errno == EINTR else { return nil }
  }
  return status
}

/// Milliseconds of a clock that nobody sets.
private func monotonicMilliseconds() -> Int {
  var now = timespec()
  unsafe clock_gettime(CLOCK_MONOTONIC, &now)
  return now.tv_sec * 1000 + now.tv_nsec / 1_000_000
}

/// Sends without the SIGPIPE that would end this process where the other end is gone.
private func sendQuietly(_ bytes: UnsafeRawBufferPointer, to socket: Int32) -> Int {
  #if canImport(Darwin)
    unsafe send(socket, bytes.baseAddress, bytes.count, 0)
  #else
    unsafe send(socket, bytes.baseAddress, bytes.count, Int32(MSG_NOSIGNAL))
  #endif
}

/// Two ends of a socket that no other child inherits.
private func socketPair() throws(ResectError) -> (Int32, Int32) {
  var ends: [Int32] = [-1, -1]
  #if canImport(Darwin)
    let kind = SOCK_STREAM
  #else
    let kind = Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue)
  #endif
  guard unsafe socketpair(AF_UNIX, kind, 0, &ends) == 0 else {
    throw ResectError(.system, "cannot make a socket: \(unsafe String(cString: strerror(errno)))")
  }
  #if canImport(Darwin)
    for end in ends {
      var one: Int32 = 1
      _ = fcntl(end, F_SETFD, FD_CLOEXEC)
      unsafe setsockopt(end, SOL_SOCKET, SO_NOSIGPIPE, &one, 4)
    }
  #endif
  return (ends[0], ends[1])
}

/// Starts `executable` with `socket` as descriptor 0 and `file` as 3.
private func spawn(
  _ executable: String, socket: Int32, file: InputFile
) throws(ResectError) -> pid_t {
  // Copies with high numbers, so that none of them is overwritten by another before it is in its place.
  let sources = [socket, file.descriptor].map { fcntl($0, F_DUPFD_CLOEXEC, 10) }
  defer { for source in sources where source >= 0 { close(source) } }
  #if canImport(Darwin)
    var actions: posix_spawn_file_actions_t?
  #else
    var actions = unsafe posix_spawn_file_actions_t()
  #endif
  unsafe posix_spawn_file_actions_init(&actions)
  defer { unsafe posix_spawn_file_actions_destroy(&actions) }
  unsafe posix_spawn_file_actions_adddup2(&actions, sources[0], 0)
  for output: Int32 in [1, 2] {
    unsafe posix_spawn_file_actions_addopen(&actions, output, "/dev/null", O_WRONLY, 0)
  }
  unsafe posix_spawn_file_actions_adddup2(&actions, sources[1], 3)

  var process: pid_t = 0
  let libraries = unsafe getenv("LD_LIBRARY_PATH").map {
    unsafe "LD_LIBRARY_PATH=\(String(cString: $0))"
  }
  // A heap in large pages spares a short-lived process thousands of page faults: a sixth of its time, where that is known.
  let heap = "GLIBC_TUNABLES=glibc.malloc.hugetlb=1:glibc.malloc.top_pad=4194304"
  let environment = ["SWIFT_BACKTRACE=enable=no", heap, libraries].compactMap(\.self)
  let status = unsafe withCStrings([executable]) { arguments in
    unsafe withCStrings(environment) { environment in
      unsafe posix_spawn(&process, executable, &actions, nil, arguments, environment)
    }
  }
  guard status == 0 else {
    throw ResectError(
      .system, "cannot start \(executable): \(unsafe String(cString: strerror(status)))",
      advice: "install it beside this program")
  }
  return process
}

/// Hands over `texts` as C takes them: pointers, the last of which is null.
private func withCStrings<Result>(
  _ texts: [String], _ body: (UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>) -> Result
) -> Result {
  var pointers = unsafe texts.map { unsafe strdup($0) } + [nil]
  defer { unsafe pointers.forEach { unsafe free($0) } }
  return unsafe pointers.withUnsafeMutableBufferPointer { buffer in
    guard let base = buffer.baseAddress else { preconditionFailure("there is a null at least") }
    return unsafe body(base)
  }
}

private func signalName(_ signal: Int32) -> String {
  switch signal {
  case SIGSEGV: "SIGSEGV"
  case SIGABRT: "SIGABRT"
  case SIGBUS: "SIGBUS"
  case SIGFPE: "SIGFPE"
  case SIGILL: "SIGILL"
  case SIGTRAP: "SIGTRAP"
  default: "signal \(signal)"
  }
}
