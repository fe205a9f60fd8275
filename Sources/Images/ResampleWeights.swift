/// For each pixel along one axis of a resized image: which pixels of the original it is made of, and how much of each.
///
/// Weights are integers of ``fractionBits`` binary places. Source: Pillow, `src/libImaging/Resample.c`.
struct ResampleWeights {
  /// 32 bits without the 8 of a pixel, and 2 for sums that overshoot.
  static let fractionBits: Int32 = 32 - 8 - 2

  /// The original's pixels that count for each new one.
  private(set) var ranges: [Range<Int>] = []
  /// The weights of each range, one range after the other, each in ``stride`` places.
  private(set) var weights: [Int32]
  /// How many places a range has.
  let stride: Int

  /// The weights that make `newCount` pixels of `count`.
  init(from count: Int, to newCount: Int, filter: ResampleFilter) {
    let scale = Double(count) / Double(newCount)
    let widening = max(scale, 1)
    let reach = filter.radius * widening
    stride = Int(reach.rounded(.up)) * 2 + 1
    weights = [Int32](repeating: 0, count: newCount * stride)
    ranges.reserveCapacity(newCount)
    let inverse = 1 / widening
    var exact = [Double](repeating: 0, count: stride)
    for index in 0..<newCount {
      let centre = (Double(index) + 0.5) * scale
      let first = max(Int(centre - reach + 0.5), 0)
      let end = min(Int(centre + reach + 0.5), count)
      var sum = 0.0
      for position in first..<end {
        let weight = filter.weight(at: (Double(position) - centre + 0.5) * inverse)
        exact[position - first] = weight
        sum += weight
      }
      for place in 0..<end - first {
        let share = sum == 0 ? exact[place] : exact[place] / sum
        weights[index * stride + place] = ResampleWeights.fixed(share)
      }
      ranges.append(first..<end)
    }
  }

  /// `weight` with ``fractionBits`` binary places, rounded to nearest, halves away from zero.
  private static func fixed(_ weight: Double) -> Int32 {
    let scaled = weight * Double(1 << fractionBits)
    return Int32(scaled < 0 ? scaled - 0.5 : scaled + 0.5)
  }
}
