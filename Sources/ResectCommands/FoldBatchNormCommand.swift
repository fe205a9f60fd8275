internal import ArgumentParser
internal import Resect

struct FoldBatchNormCommand: FileCommand {
  static let configuration = CommandConfiguration(
    commandName: "fold-bn",
    abstract: "Fold every batch-norm into its convolution.",
    discussion: """
      The arithmetic is in double precision, rounded once to the dtype that is written. Batch-norms that no convolution \
      precedes, as in v2, become a scale and a shift.
      """)

  @OptionGroup var job: ModelJob

  func files() throws(ResectError) -> FilesInUse { job.files }

  func run() throws {
    let model = try job.read().foldingBatchNorm()
    try job.write(model, tables: layerTables(model))
  }

  /// A row a layer: what the scales are, and what is odd about them.
  private func layerTables(_ model: Model) -> [String] {
    guard let layers = model.surgeries.last?.report["layers"]?.elements, !layers.isEmpty else {
      return []
    }
    var table = Table([
      "batch-norm": .left, "channels": .right, "smallest scale": .right, "largest scale": .right,
      "negative": .right, "zero": .right, "variance < eps": .right, "folded into": .left,
    ])
    for layer in layers {
      func count(_ name: String) -> String { layer[name]?.integer.map { String($0) } ?? "" }
      func scale(_ name: String) -> String { layer[name]?.number?.text(digits: 3) ?? "" }
      let place = layer["norm"]?.string ?? ""
      table.add(
        model.name(ofModule: place), count("channels"), scale("smallestScale"),
        scale("largestScale"), count("negativeScales"), count("zeroScales"),
        count("varianceBelowEpsilon"),
        layer["foldedInto"]?.string.map { model.name(ofModule: $0) } ?? "none: scale and shift")
    }
    return [table.text]
  }
}
