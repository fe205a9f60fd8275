internal import ArgumentParser
internal import Resect

struct EmbedCommand: FileCommand {
  static let configuration = CommandConfiguration(
    commandName: "embed",
    abstract: "Write the features that a backbone computes of images.",
    discussion: """
      The model may be whole or the backbone of a split. The features go to a NumPy file, a row for each image; the images' \
      names, one a line in the same order, go to a text file beside it.
      """)

  @Argument(help: "The model.") var model: String
  @Argument(help: "Images, or folders of images.") var images: [String]
  @Option(name: .shortAndLong, help: ArgumentHelp("The NumPy file to write.", valueName: "features.npy")) var output:
    String
  @Flag(help: "Replace the outputs if they exist.") var force = false
  @OptionGroup var running: RunningOptions
  @OptionGroup var preparing: PreprocessingOption
  @OptionGroup var reading: ReadingOptions
  @OptionGroup var shown: OutputOptions

  func files() throws(ResectError) -> FilesInUse {
    FilesInUse(
      reads: try [model] + ImageFiles(images).paths + running.calibration.files() + preparing.files + reading.files,
      writes: [output, namesPath])
  }

  func run() throws {
    let opened = try preparing.completed(Model(contentsOf: model, options: reading.open()))
    let predictor = try Predictor(opened, options: running.session(for: opened))
    for note in predictor.session.notes { Terminal.error("resect: note: \(note)") }
    let paths = try ImageFiles(images).paths
    if let odd = paths.first(where: { $0.contains(where: \.isNewline) }) {
      throw ResectError(.badArgument, "a name with a line break does not fit a list of names", file: odd)
    }
    // Before any work is done for them.
    let features = try OutputFile(path: output, overwrite: force)
    let names = try OutputFile(path: namesPath, overwrite: force)
    let embedded = try PredictedImages(paths, by: predictor) { predictor, images throws(ResectError) in
      try predictor.features(of: images)
    }
    guard let width = embedded.rows.first?.count else { throw ResectError(.badArgument, "there are no images") }
    let rows = Rows(width: width, values: embedded.rows.flatMap(\.self))
    try rows.write(to: features)
    try names.write(Array(paths.map { $0 + "\n" }.joined().utf8), at: 0)
    _ = try OutputFile.committed(features, names)
    try shown.show(
      "wrote \(output.printable()): \(rows.count) × \(rows.width) features\nwrote \(namesPath.printable())",
      json: .object([
        "output": .string(output), "names": .string(namesPath), "images": .integer(rows.count),
        "features": .integer(rows.width),
      ]))
  }

  /// The path of the list of names: the output's with another ending.
  private var namesPath: String {
    output.hasSuffix(".npy") ? "\(output.dropLast(4)).txt" : "\(output).txt"
  }
}
