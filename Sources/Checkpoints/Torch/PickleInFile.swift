internal import ResectBytes
internal import ResectPickle

extension Pickle {
  /// Reads the pickle at `offset` of `file`, whose length only its own end tells.
  ///
  /// It is read through a window that begins at `window` bytes and doubles, up to `Limits.metadataBytes` and to `limit`,
  /// the end of the part of the file that it lies in. Returns the offset after it, too.
  static func at(
    _ offset: UInt64, of file: InputFile, before limit: UInt64, window: Int, name: String
  ) throws(ResectError) -> (pickle: Pickle, end: UInt64) {
    guard offset < limit else {
      throw ResectError(.truncated, "expected a pickle, found the end", tensor: name, offset: offset)
    }
    let available = limit - offset
    var length = min(UInt64(window), available)
    while true {
      let bytes = try file.read(at: offset, count: Int(length))
      do throws(ResectError) {
        let pickle = try Pickle(parsing: bytes, policy: .torch)
        return (pickle, offset + UInt64(pickle.end))
      } catch {
        guard error.code == .truncated, length < available, length < Limits.metadataBytes else {
          var located = error.located(tensor: name)
          located.offset = error.offset.map { $0 + offset }
          throw located
        }
        length = min(length * 2, available, UInt64(Limits.metadataBytes))
      }
    }
  }
}
