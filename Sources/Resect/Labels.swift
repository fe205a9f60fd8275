/// Names of classes, one a line, as a text file holds them.
public struct Labels: Sendable {
  /// The names in the classes' order.
  public let names: [String]

  init(names: [String]) { self.names = names }

  /// ``imageNet`` where `text` is `imagenet`, else the names in the file at the path `text`.
  ///
  /// `./imagenet` reaches a file of that name.
  public init(nameOrFile text: String) throws(ResectError) {
    self = try Labels.path(in: text).map { path throws(ResectError) in try Labels(contentsOf: path) } ?? .imageNet
  }

  /// The file that ``init(nameOrFile:)`` reads for `text`; nothing where it is a name.
  package static func path(in text: String) -> String? { text == "imagenet" ? nil : text }

  /// Reads the file at `path`: UTF-8, one name a line; an empty last line is none.
  public init(contentsOf path: String) throws(ResectError) {
    let file = try InputFile(path: path)
    guard file.size <= Limits.metadataBytes else {
      throw ResectError(.limit, "the file of labels has \(file.size) bytes", file: path)
    }
    let bytes = try file.read(at: 0, count: Int(file.size))
    guard let text = String(validating: bytes, as: UTF8.self) else {
      throw ResectError(.malformed, "the labels are not valid UTF-8", file: path)
    }
    var lines = text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline).map(String.init)
    if lines.last?.isEmpty == true { lines.removeLast() }
    guard !lines.contains("") else {
      throw ResectError(.malformed, "a line is empty: each has one label", file: path)
    }
    names = lines
  }
}
