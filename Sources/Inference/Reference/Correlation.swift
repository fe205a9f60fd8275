internal import ResectGraphs

/// How far a convolution's windows lie apart, and over how large an image.
struct Correlation: Sendable {
  /// Output channels × input channels of a group × height × width.
  let axes: [Int]
  let groups: Int
  let rows: Graph.Window.Axis
  let columns: Graph.Window.Axis
  let height: Int
  let width: Int

  /// Adds to `sums` what the windows see of `source` in the kernels of an output channel.
  func add<Scalar: BinaryFloatingPoint>(
    _ channel: Int, of source: UnsafeBufferPointer<Scalar>, _ weight: UnsafeBufferPointer<Scalar>,
    to sums: UnsafeMutableBufferPointer<Double>
  ) {
    let group = channel / (axes[0] / groups)
    for index in 0..<axes[1] {
      let plane = (group * axes[1] + index) * height * width
      for row in 0..<axes[2] {
        for column in 0..<axes[3] {
          let tap = unsafe Double(weight[((channel * axes[1] + index) * axes[2] + row) * axes[3] + column])
          // The results whose tap lies within the image: the others see a zero.
          let shift = column * columns.dilation - columns.before
          let first = shift >= 0 ? 0 : (-shift + columns.stride - 1) / columns.stride
          let last = min(columns.count, shift >= width ? 0 : (width - 1 - shift) / columns.stride + 1)
          guard first < last else { continue }
          for y in 0..<rows.count {
            let sourceRow = y * rows.stride + row * rows.dilation - rows.before
            guard sourceRow >= 0, sourceRow < height else { continue }
            let start = plane + sourceRow * width + shift
            for x in first..<last {
              unsafe sums[y * columns.count + x] += tap * Double(source[start + x * columns.stride])
            }
          }
        }
      }
    }
  }
}
