extension Mapping {
  /// Reads the mapping in the text file at `path`.
  public init(contentsOf path: String) throws(ResectError) {
    let file = try InputFile(path: path)
    guard file.size <= Limits.metadataBytes else {
      throw ResectError(.limit, "the mapping has \(file.size) bytes", file: path)
    }
    let bytes = try file.read(at: 0, count: Int(file.size))
    guard let text = String(validating: bytes, as: UTF8.self) else {
      throw ResectError(.malformed, "the mapping is not valid UTF-8", file: path)
    }
    do throws(ResectError) {
      try self.init(parsing: text)
    } catch {
      throw error.located(file: path)
    }
  }

  /// Writes the mapping to a new text file at `path`, in the order of the names in `order`.
  public func write(to path: String, order: [String] = []) throws(ResectError) {
    let text = text(order: order)
    guard try Mapping(parsing: text) == self else {
      throw ResectError(.unsupported, "a name does not fit in a line of a mapping")
    }
    let file = try OutputFile(path: path, overwrite: false, inputs: [])
    try file.write(Array(text.utf8), at: 0)
    _ = try file.committed()
  }
}
