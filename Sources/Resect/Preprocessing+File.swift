extension Preprocessing {
  /// The preset called `text` or, where none is, what the JSON file at the path `text` says.
  public init(presetOrFile text: String) throws(ResectError) {
    if let preset = Preprocessing.named(text) {
      self = preset
      return
    }
    do throws(ResectError) {
      let file = try InputFile(path: text)
      guard file.size <= Limits.metadataBytes else {
        throw ResectError(.limit, "a preprocessing of \(file.size) bytes is not read")
      }
      try self.init(json: JSON(parsing: file.read(at: 0, count: Int(file.size))))
    } catch {
      var located = error.located(file: text)
      located.advice = "name a JSON file or a preset: \(Preprocessing.presetNames.joined(separator: ", "))"
      throw located
    }
  }

  /// The file that ``init(presetOrFile:)`` reads for `text`; nothing where it is a preset's name.
  package static func path(in text: String) -> String? { named(text) == nil ? text : nil }
}
