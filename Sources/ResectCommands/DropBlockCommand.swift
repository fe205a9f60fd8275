internal import ArgumentParser
internal import Resect

struct DropBlockCommand: FileCommand {
  static let configuration = CommandConfiguration(
    commandName: "drop-block",
    abstract: "Remove a residual block, and tell what that does to the outputs.",
    discussion: """
      The block's shortcut has to be the identity. The outputs change, and nothing is promised of them: what the network \
      computes with and without the block is compared on fixed probes and, with --images, on the images of a folder.
      """)

  @OptionGroup var job: ModelJob
  @Option(
    help: ArgumentHelp(
      "The block: what its layers' names begin with, as layer3.1, or its place, as stage3.1.", valueName: "name"))
  var block: String
  @Option(help: ArgumentHelp("Compare on the images in this folder, too.", valueName: "folder")) var images: String?

  func files() throws(ResectError) -> FilesInUse { job.files }

  func run() throws {
    let model = try job.read()
    let dropped = try model.droppingBlock(block)
    guard let images else { return try job.write(dropped) }
    let (subject, agreement) = try compare(model, dropped, on: ImageFiles(folder: images).paths)
    try job.write(
      dropped, tables: [agreement.table(subject).text],
      members: [JSON.Member("images", .object(agreement.members(subject)))])
  }

  private func compare(
    _ before: Model, _ after: Model, on paths: [String]
  ) throws -> (Proof.Subject, Agreement) {
    let computesLogits = before.classCount != nil
    let rows = try [before, after].map { model in
      try PredictedImages(paths, by: Predictor(model)) { predictor, images throws(ResectError) in
        computesLogits ? try predictor.logits(of: images) : try predictor.features(of: images)
      }.rows
    }
    let width = rows[0].first?.count ?? 0
    return (
      computesLogits ? .logits : .features,
      Agreement(
        Rows(width: width, values: rows[0].flatMap(\.self)), Rows(width: width, values: rows[1].flatMap(\.self)))
    )
  }
}
