internal import Resect
internal import Synchronization

/// What a model says of image files, decoded and run in batches with a progress bar.
struct PredictedImages {
  /// A row of numbers for each image.
  let rows: [[Float]]

  /// Runs `predict` on the images at `paths`. An image that cannot be read is an error that names it.
  init(
    _ paths: [String], by predictor: Predictor,
    _ predict: (Predictor, [PixelImage]) throws(ResectError) -> Rows
  ) throws(ResectError) {
    let bar = ProgressBar(total: paths.count)
    defer { bar.finish() }
    // Without a crop, images keep their own sizes.
    let sharesSize = predictor.preprocessing?.crop != nil
    let size = sharesSize ? 32 : 1
    var rows: [[Float]] = []
    for start in stride(from: 0, to: paths.count, by: size) {
      let batch = paths[start..<min(start + size, paths.count)]
      let predicted = try predict(predictor, PredictedImages.decoded(Array(batch)))
      for index in 0..<predicted.count { rows.append(Array(predicted[index])) }
      bar.advance(by: batch.count)
    }
    self.rows = rows
  }

  private static func decoded(_ paths: [String]) throws(ResectError) -> [PixelImage] {
    let images = Mutex<[Int: PixelImage]>([:])
    try parallelForEach(count: paths.count) { index throws(ResectError) in
      let image = try PixelImage(contentsOf: paths[index])
      images.withLock { $0[index] = image }
    }
    return images.withLock { images in paths.indices.compactMap { images[$0] } }
  }
}
