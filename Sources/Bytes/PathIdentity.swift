#if canImport(Darwin)
  internal import Darwin
#else
  internal import Glibc
#endif

/// What a path leads to, however it is spelled: a file that is there, or a name in a folder where none is yet.
package enum PathIdentity: Sendable, Hashable {
  case file(FileIdentity)
  case name(String, folder: FileIdentity)

  /// How many links are followed that lead to no file: as many as Linux follows.
  private static let longestChain = 40

  /// What `path` leads to; nothing where not even its folder is there.
  package init?(_ path: String) {
    var path = path
    for _ in 0..<PathIdentity.longestChain {
      if let file = FileIdentity(following: path) {
        self = .file(file)
        return
      }
      while path.count > 1, path.last == "/" { path.removeLast() }
      let folder = OutputFile.folder(of: path)
      guard let target = PathIdentity.target(ofLink: path) else {
        guard let folder = FileIdentity(following: folder) else { return nil }
        self = .name(
          String(path[(path.lastIndex(of: "/").map(path.index(after:)) ?? path.startIndex)...]), folder: folder)
        return
      }
      path = target.hasPrefix("/") ? target : "\(folder)/\(target)"
    }
    return nil
  }

  /// Where the link at `path` points; nothing where there is no link.
  private static func target(ofLink path: String) -> String? {
    var bytes = [CChar](repeating: 0, count: Int(PATH_MAX))
    let count = unsafe readlink(path, &bytes, bytes.count)
    guard count > 0 else { return nil }
    return String(decoding: bytes[..<count].lazy.map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }
}

extension FileIdentity {
  /// The file or folder at `path`, links followed; nothing where there is none.
  fileprivate init?(following path: String) {
    var status = stat()
    guard unsafe stat(path, &status) == 0 else { return nil }
    self.init(status)
  }
}
