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
}
