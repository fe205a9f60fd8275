internal import Resect

#if canImport(Darwin)
  internal import Darwin
#else
  internal import Glibc
#endif

/// The images that somebody names: files, and folders whose images are meant.
struct ImageFiles {
  /// The paths, those of a folder by name.
  private(set) var paths: [String] = []

  /// The endings that a file in a folder is recognised by.
  private static let endings: Set = ["jpg", "jpeg", "jpe", "png"]

  /// The images at `paths`.
  init(_ paths: [String]) throws(ResectError) {
    for path in paths { self.paths += ImageFiles.isFolder(path) ? try ImageFiles(folder: path).paths : [path] }
  }

  /// The images in the folder at `path`, by name; folders in it are not entered.
  init(folder path: String) throws(ResectError) {
    guard let folder = unsafe opendir(path) else {
      throw ResectError(.system, unsafe "cannot read the folder: \(String(cString: strerror(errno)))", file: path)
    }
    defer { unsafe closedir(folder) }
    while let entry = unsafe readdir(folder) {
      let name = unsafe withUnsafeBytes(of: &entry.pointee.d_name) {
        unsafe String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
      }
      let ending = name.split(separator: ".").dropFirst().last?.lowercased() ?? ""
      if ImageFiles.endings.contains(ending) { paths.append("\(path)/\(name)") }
    }
    paths.sort()
    guard !paths.isEmpty else {
      throw ResectError(.badArgument, "there are no JPEG or PNG images in this folder", file: path)
    }
  }

  private static func isFolder(_ path: String) -> Bool {
    var status = stat()
    return unsafe stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
  }
}
