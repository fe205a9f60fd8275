internal import CResectPosix

#if canImport(Darwin)
  internal import Darwin
#else
  internal import Glibc
#endif

/// The other side of ``ChildProcess``: what a program does that was started as one.
public struct ParentProcess: Sendable {
  /// Bytes of memory that the child may have beside its mapping of the file.
  public static let memory: UInt64 = 640 << 20

  /// The file to work on.
  public let file: InputFile

  /// Takes the file over, and gives up what it takes to do harm: memory beyond ``memory``, files, processes, privileges.
  ///
  /// Throws where this process was not started as a ``ChildProcess``, or cannot be confined.
  public init() throws(ResectError) {
    file = try InputFile(descriptor: 3, path: "the file")
    guard resect_confine(file.size &+ ParentProcess.memory, 3) == 0 else {
      throw .system("cannot confine this process", file: file.path)
    }
  }

  /// Allows this process so many seconds more of the processor.
  public func allow(seconds: Int) {
    resect_allow_seconds(UInt32(clamping: seconds))
  }

  /// The next `count` bytes of the parent; nil where it wants nothing more.
  public func receive(_ count: Int) -> [UInt8]? {
    let bytes = unsafe [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
      while filled < count {
        let more = unsafe read(0, buffer.baseAddress.map { unsafe $0 + filled }, count - filled)
        if more > 0 {
          filled += more
        } else if more == 0 || errno != EINTR {
          return
        }
      }
    }
    return bytes.count == count ? bytes : nil
  }

  /// Sends `bytes` to the parent. A parent that is gone needs no answer: this process ends.
  public func send(_ bytes: RawSpan) {
    let isSent = unsafe bytes.withUnsafeBytes { unsafe writeAll($0, to: 0) }
    if !isSent { exit(0) }
  }
}
