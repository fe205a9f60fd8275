public import ResectBytes

extension PixelImage {
  /// The image with `width` × `height` pixels, bit by bit what Pillow's `Image.resize` makes of it: every pixel of the original
  /// counts when it shrinks, each direction is rounded to 8 bits.
  ///
  /// Throws where the result, or what lies between the two directions, would have more than `Limits.imagePixels`.
  public func resized(
    width newWidth: Int, height newHeight: Int, filter: ResampleFilter = .bilinear
  ) throws(ResectError) -> PixelImage {
    try PixelImage.checkSize(width: newWidth, height: newHeight)
    try PixelImage.checkSize(width: newWidth, height: height)
    var resized = self
    if newWidth != width { resized = resized.resizedAcross(to: newWidth, filter) }
    if newHeight != height { resized = resized.resizedDown(to: newHeight, filter) }
    return resized
  }

  /// The image whose shorter side has `side` pixels and whose longer side keeps the proportion, rounded down, as torchvision's
  /// `Resize(side)` makes it.
  public func shorterSideResized(
    to side: Int, filter: ResampleFilter = .bilinear
  ) throws(ResectError) -> PixelImage {
    try PixelImage.checkSize(width: side, height: 1)
    let (short, long) = (min(width, height), max(width, height))
    let newLong = side * long / short
    return width <= height
      ? try resized(width: side, height: newLong, filter: filter)
      : try resized(width: newLong, height: side, filter: filter)
  }

  private func resizedAcross(to newWidth: Int, _ filter: ResampleFilter) -> PixelImage {
    let weights = ResampleWeights(from: width, to: newWidth, filter: filter)
    let count = newWidth * height * channels
    let new = unsafe [UInt8](unsafeUninitializedCapacity: count) { target, filled in
      guard var row = target.baseAddress else { return }
      unsafe pixels.withUnsafeBufferPointer { source in
        guard var from = source.baseAddress else { return }
        for _ in 0..<height {
          if channels == 3 {
            unsafe resampleColours(from, to: row, weights)
          } else {
            unsafe resampleGrey(from, to: row, weights)
          }
          unsafe from += width * channels
          unsafe row += newWidth * channels
        }
      }
      filled = count
    }
    return PixelImage(newWidth, height, channels, new)
  }

  /// Adds up whole rows, each times its weight: neighbouring values are computed together.
  private func resizedDown(to newHeight: Int, _ filter: ResampleFilter) -> PixelImage {
    let weights = ResampleWeights(from: height, to: newHeight, filter: filter)
    let rowCount = width * channels
    var sums = [Int32](repeating: 0, count: rowCount)
    let new = unsafe [UInt8](unsafeUninitializedCapacity: rowCount * newHeight) { target, filled in
      for (index, range) in weights.ranges.enumerated() {
        for place in sums.indices { sums[place] = half }
        for (offset, row) in range.enumerated() {
          let weight = weights.weights[index * weights.stride + offset]
          unsafe pixels.withUnsafeBufferPointer { source in
            unsafe sums.withUnsafeMutableBufferPointer { sums in
              let from = unsafe UnsafeBufferPointer(rebasing: source[row * rowCount..<(row + 1) * rowCount])
              for place in 0..<rowCount { unsafe sums[place] &+= Int32(from[place]) &* weight }
            }
          }
        }
        for place in 0..<rowCount { unsafe target[filled + place] = clipped(sums[place]) }
        filled += rowCount
      }
    }
    return PixelImage(width, newHeight, channels, new)
  }
}

/// What makes a shift round to nearest.
private let half = Int32(1) << (ResampleWeights.fractionBits - 1)

/// A sum of weighted pixels as a pixel.
private func clipped(_ sum: Int32) -> UInt8 {
  UInt8(truncatingIfNeeded: max(0, min(255, sum >> ResampleWeights.fractionBits)))
}

private func resampleColours(
  _ source: UnsafePointer<UInt8>, to target: UnsafeMutablePointer<UInt8>, _ weights: ResampleWeights
) {
  var target = unsafe target
  unsafe weights.weights.withUnsafeBufferPointer { values in
    for (index, range) in weights.ranges.enumerated() {
      var (red, green, blue) = (half, half, half)
      var pixel = unsafe source + range.lowerBound * 3
      let first = index * weights.stride
      for place in first..<first + range.count {
        let weight = unsafe values[place]
        unsafe red &+= Int32(pixel[0]) &* weight
        unsafe green &+= Int32(pixel[1]) &* weight
        unsafe blue &+= Int32(pixel[2]) &* weight
        unsafe pixel += 3
      }
      unsafe target[0] = clipped(red)
      unsafe target[1] = clipped(green)
      unsafe target[2] = clipped(blue)
      unsafe target += 3
    }
  }
}

private func resampleGrey(
  _ source: UnsafePointer<UInt8>, to target: UnsafeMutablePointer<UInt8>, _ weights: ResampleWeights
) {
  unsafe weights.weights.withUnsafeBufferPointer { values in
    for (index, range) in weights.ranges.enumerated() {
      var sum = half
      let first = index * weights.stride
      for (offset, position) in range.enumerated() {
        unsafe sum &+= Int32(source[position]) &* values[first + offset]
      }
      unsafe target[index] = clipped(sum)
    }
  }
}
