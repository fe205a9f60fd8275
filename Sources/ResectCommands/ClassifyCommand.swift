internal import ArgumentParser
internal import Resect

struct ClassifyCommand: FileCommand {
  static let configuration = CommandConfiguration(
    commandName: "classify",
    abstract: "Tell what images show.",
    usage: """
      resect classify MODEL IMAGE ... [--top 5]
      resect classify --backbone BACKBONE --classes CLASSES IMAGE ... [--top 5]
      """)

  @Argument(help: "The model, unless --backbone and --classes give its halves; then images, or folders of images.")
  var modelAndImages: [String]
  @Option(help: ArgumentHelp("The backbone of a split model.", valueName: "file")) var backbone: String?
  @Option(help: ArgumentHelp("The embedding of classes of a split model.", valueName: "file")) var classes: String?
  @Option(help: "How many classes to tell for each image.") var top = 5
  @Option(help: ArgumentHelp("A text file with the classes' names, one a line.", valueName: "file")) var labels: String?
  @OptionGroup var running: RunningOptions
  @OptionGroup var preparing: PreprocessingOption
  @OptionGroup var reading: ReadingOptions
  @OptionGroup var shown: OutputOptions

  func validate() throws {
    guard (backbone == nil) == (classes == nil) else {
      throw ValidationError("--backbone and --classes go together.")
    }
    guard modelAndImages.count > (backbone == nil ? 1 : 0) else { throw ValidationError("Name an image.") }
    guard top > 0 else { throw ValidationError("--top has to be at least 1.") }
  }

  func files() throws(ResectError) -> FilesInUse { FilesInUse(reads: modelAndImages) }

  func run() throws {
    let predictor = try predictor()
    let images = try ImageFiles(Array(modelAndImages.dropFirst(backbone == nil ? 1 : 0))).paths
    for note in predictor.session.notes { Terminal.error("resect: note: \(note)") }
    let rows = try PredictedImages(images, by: predictor) { predictor, images throws(ResectError) in
      try predictor.logits(of: images)
    }
    let predictions = rows.rows.map { predictor.predictions(top, from: $0[...]) }
    try shown.show(text(images, predictions), json: json(images, predictions))
  }

  private func predictor() throws -> Predictor {
    var whole = try preparing.completed(
      Model(contentsOf: backbone ?? modelAndImages[0], options: reading.open()))
    var half = try classes.map { try Model(contentsOf: $0, options: .forCommands) }
    if let labels {
      let names = try Labels(contentsOf: labels).names
      if let classes = half { half = try classes.labelled(names) } else { whole = try whole.labelled(names) }
    }
    return try Predictor(whole, classes: half, options: running.session(for: whole))
  }

  private func text(_ images: [String], _ predictions: [[Predictor.Prediction]]) -> String {
    var table = Table(["image": .left, "class": .left, "logit": .right, "probability": .right])
    for (image, predicted) in zip(images, predictions) {
      for (rank, prediction) in predicted.enumerated() {
        table.add(
          rank == 0 ? image.printable(limit: 60) : "", prediction.label?.printable(limit: 60) ?? "\(prediction.index)",
          Double(prediction.logit).text(decimals: 3), "\((prediction.probability * 100).text(decimals: 2)) %"
        )
      }
    }
    return table.text
  }

  private func json(_ images: [String], _ predictions: [[Predictor.Prediction]]) -> JSON {
    .array(
      zip(images, predictions).map { image, predicted in
        .object([
          "image": .string(image),
          "predictions": .array(
            predicted.map { prediction in
              .object([
                "index": .integer(prediction.index), "label": prediction.label.map { .string($0) },
                "logit": .number(Double(prediction.logit)), "probability": .number(prediction.probability),
              ])
            }),
        ])
      })
  }
}
