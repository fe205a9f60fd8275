internal import ResectBytes
internal import Synchronization

#if canImport(Darwin)
  internal import Darwin
#else
  internal import Glibc
#endif

/// The processes that work on one file: as many as there ever were requests under way at once.
final class HDF5Processes: HDF5Decoder {
  private let file: InputFile
  private let range: Range<UInt64>
  private let executable: String
  private let idle = Mutex<[ChildProcess]>([])

  init(file: InputFile, range: Range<UInt64>, executable: String) {
    self.file = file
    self.range = range
    self.executable = executable
  }

  /// The index, by a first process.
  func index() throws(ResectError) -> HDF5Index {
    let (process, answer) = try start()
    let index = try HDF5Index(parsing: answer, fileSize: range.upperBound - range.lowerBound)
    let isNeeded = index.datasets.contains { dataset in
      if case .contiguous = dataset.layout { false } else { dataset.number != nil }
    }
    if isNeeded { idle.withLock { $0.append(process) } } else { process.endSoon() }
    return index
  }

  func decode(
    address: UInt64, byteCount: UInt64, _ piece: (RawSpan) throws(ResectError) -> Void
  ) throws(ResectError) {
    let process: ChildProcess
    if let known = idle.withLock({ $0.popLast() }) { process = known } else { process = try start().process }
    try process.send(HDF5Request.read(address: address, byteCount: byteCount).encoded)
    var left = byteCount
    while left > 0 {
      let wanted = Int(min(left, UInt64(InputFile.pieceBytes)))
      let bytes = try process.answer(.data, atMost: wanted)
      guard bytes.count == wanted else { throw unexpected("a piece of \(bytes.count) bytes") }
      try bytes.withRawSpan(piece)
      left -= UInt64(wanted)
    }
    // A process that failed is not put back, and ends.
    idle.withLock { $0.append(process) }
  }

  /// A process that has opened the file, and the index as it answered it.
  private func start() throws(ResectError) -> (process: ChildProcess, index: [UInt8]) {
    let process = try ChildProcess(executable: executable, file: file)
    let byteCount = range.upperBound - range.lowerBound
    try process.send(HDF5Request.open(offset: range.lowerBound, byteCount: byteCount).encoded)
    return (process, try process.answer(.index, atMost: Limits.metadataBytes))
  }
}

extension ChildProcess {
  /// The next answer, which must be of `kind`.
  fileprivate func answer(
    _ kind: HDF5AnswerHead.Kind, atMost limit: Int
  ) throws(ResectError) -> [UInt8] {
    let head = try HDF5AnswerHead(parsing: receive(HDF5AnswerHead.byteCount))
    guard head.kind == kind || head.kind == .refusal else {
      throw unexpected("an answer of kind \(head.kind)")
    }
    guard head.length <= (head.kind == .refusal ? 1 << 16 : limit) else {
      throw unexpected("\(head.length) bytes, where at most \(limit) belong")
    }
    let bytes = try receive(head.length)
    guard head.kind == kind else { throw HDF5Refusal.parsed(bytes) }
    return bytes
  }
}

/// The path of the program that has the library: it lies beside the running one.
func besideThisProgram() throws(ResectError) -> String {
  guard let program = runningProgram(), let slash = program.lastIndex(of: "/") else {
    throw ResectError(.system, "this program does not know where it is", advice: "say where resect-hdf5 is")
  }
  let path = program[...slash] + "resect-hdf5"
  guard unsafe access(String(path), X_OK) == 0 else {
    throw ResectError(
      .system, "HDF5 files are read by another program, which is not there: \(path)",
      advice: "install resect-hdf5 beside this program")
  }
  return String(path)
}

private func runningProgram() -> String? {
  #if canImport(Darwin)
    CommandLine.arguments.first
  #else
    unsafe realpath("/proc/self/exe", nil).map { path in
      defer { unsafe free(path) }
      return unsafe String(cString: path)
    }
  #endif
}
