#if canImport(Darwin)
  internal import Darwin
#else
  internal import Glibc
#endif

/// A file whose bytes appear in memory as they are used.
///
/// For files that the program itself wrote and trusts to stay: a file that is cut while it is mapped ends the program at the
/// next access, which ``InputFile`` never does.
@safe public final class MappedFile: Sendable {
  /// How many bytes are mapped.
  public let byteCount: Int
  private nonisolated(unsafe) let base: UnsafeRawPointer?

  /// Maps all of `file`, which may be closed afterwards.
  public init(_ file: InputFile) throws(ResectError) {
    guard let count = Int(exactly: file.size) else {
      throw ResectError(.limit, "the file is too large to map", file: file.path)
    }
    byteCount = count
    guard count > 0 else {
      unsafe base = nil
      return
    }
    guard let address = unsafe file.map(count), unsafe address != MAP_FAILED else {
      throw .system("cannot map", file: file.path)
    }
    unsafe base = UnsafeRawPointer(address)
  }

  deinit {
    if let base = unsafe base { unsafe munmap(UnsafeMutableRawPointer(mutating: base), byteCount) }
  }

  /// Hands over the bytes of `range`, in place. A range outside the file is empty.
  public func withBytes<Result, Failure: Error>(
    _ range: Range<Int>, _ body: (RawSpan) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    let range = range.clamped(to: 0..<byteCount)
    let buffer = unsafe UnsafeRawBufferPointer(
      start: base.map { unsafe $0 + range.lowerBound }, count: range.count)
    return try body(unsafe RawSpan(_unsafeBytes: buffer))
  }

  /// Where the byte at `offset`, which must be within the file, is in memory: for C libraries that read files there. Valid
  /// as long as this object lives.
  @unsafe public func address(of offset: Int) -> UnsafeRawPointer? {
    precondition(offset >= 0 && offset <= byteCount)
    return unsafe base.map { unsafe $0 + offset }
  }
}
