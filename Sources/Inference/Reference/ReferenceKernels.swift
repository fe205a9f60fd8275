internal import ResectGraphs
internal import ResectResNets

/// The operations in plain Swift: sums in double precision, each result rounded once to `Scalar`.
///
/// They define what the fast engine has to agree with, and run where it is missing. Images are batch × channels × height ×
/// width, row-major.
enum ReferenceKernels<Scalar: BinaryFloatingPoint & Sendable> {
  /// An image of a batch: its extent and elements.
  struct Image: Sendable {
    var channels: Int
    var height: Int
    var width: Int
    var values: [Scalar]

    var area: Int { height * width }
  }

  /// One output channel of a convolution of one image, before it is rounded.
  static func convolve(
    _ source: UnsafeBufferPointer<Scalar>, _ input: Program.ValueShape, _ weight: UnsafeBufferPointer<Scalar>,
    _ axes: [Int], _ convolution: Program.Convolution, channel: Int, bias: Double, output: Program.ValueShape,
    into sums: UnsafeMutableBufferPointer<Double>
  ) {
    guard case .image(_, let height, let width) = input,
      case .image(_, let outputHeight, let outputWidth) = output
    else { return }
    let (stride, dilation) = (convolution.stride, convolution.dilation)
    let above = convolution.padding.before(height, kernel: (axes[2] - 1) * dilation + 1, stride: stride)
    let left = convolution.padding.before(width, kernel: (axes[3] - 1) * dilation + 1, stride: stride)
    unsafe sums.update(repeating: bias)
    let group = channel / (axes[0] / convolution.groups)
    for index in 0..<axes[1] {
      let plane = (group * axes[1] + index) * height * width
      for row in 0..<axes[2] {
        for column in 0..<axes[3] {
          let tap = unsafe Double(weight[((channel * axes[1] + index) * axes[2] + row) * axes[3] + column])
          // The results whose tap lies within the image: the others see a zero.
          let shift = column * dilation - left
          let first = shift >= 0 ? 0 : (-shift + stride - 1) / stride
          let last = min(outputWidth, shift >= width ? 0 : (width - 1 - shift) / stride + 1)
          guard first < last else { continue }
          for y in 0..<outputHeight {
            let sourceRow = y * stride + row * dilation - above
            guard sourceRow >= 0, sourceRow < height else { continue }
            let start = plane + sourceRow * width + shift
            for x in first..<last {
              unsafe sums[y * outputWidth + x] += tap * Double(source[start + x * stride])
            }
          }
        }
      }
    }
  }

  /// `reduce` over each window of a plane, given its elements and their number.
  static func pool(
    _ image: Image, _ window: Program.Window, height: Int, width: Int, averages: Bool
  ) -> Image {
    var pooled = Image(channels: image.channels, height: height, width: width, values: [])
    pooled.values.reserveCapacity(image.channels * height * width)
    for channel in 0..<image.channels {
      for y in 0..<height {
        for x in 0..<width {
          let rows = window.range(y, within: image.height)
          let columns = window.range(x, within: image.width)
          var sum = 0.0
          let isWhole = rows.count * columns.count == window.kernel * window.kernel
          var largest = window.seesZeros && !isWhole ? 0 : -Scalar.infinity
          for row in rows {
            for column in columns {
              let value = image.values[channel * image.area + row * image.width + column]
              sum += Double(value)
              // Not a number stays so: a maximum must not hide it.
              if value > largest || value.isNaN { largest = value }
            }
          }
          pooled.values.append(averages ? Scalar(sum / Double(rows.count * columns.count)) : largest)
        }
      }
    }
    return pooled
  }

  static func globalMeans(_ image: Image) -> [Scalar] {
    (0..<image.channels).map { channel in
      let plane = image.values[channel * image.area..<(channel + 1) * image.area]
      return Scalar(plane.reduce(0.0) { $0 + Double($1) } / Double(image.area))
    }
  }

  static func shortcut(_ image: Image, stride: Int, before: Int, after: Int) -> Image {
    var made = Image(
      channels: image.channels + before + after, height: (image.height - 1) / stride + 1,
      width: (image.width - 1) / stride + 1, values: [])
    made.values.reserveCapacity(made.channels * made.area)
    made.values += [Scalar](repeating: 0, count: before * made.area)
    for channel in 0..<image.channels {
      for y in 0..<made.height {
        for x in 0..<made.width {
          made.values.append(
            image.values[channel * image.area + y * stride * image.width + x * stride])
        }
      }
    }
    made.values += [Scalar](repeating: 0, count: after * made.area)
    return made
  }

  /// Each channel times its factor plus its shift.
  static func affine(_ image: Image, factors: [Double], shifts: [Double], relu: Bool) -> Image {
    var made = image
    for channel in 0..<image.channels {
      for index in channel * image.area..<(channel + 1) * image.area {
        let value = Scalar(Double(image.values[index]) * factors[channel] + shifts[channel])
        made.values[index] = relu ? rectified(value) : value
      }
    }
    return made
  }

  /// What the first convolution takes of pixels, with as many roundings as preprocessing has, so that its bits are the same.
  static func normalized(_ image: Image, by normalization: InputNormalization) -> Image {
    var made = image
    let divisor = normalization.divisor.map { Scalar($0) }
    let scale = Scalar(normalization.scale)
    for (channel, source) in normalization.channels.enumerated() {
      let (mean, std) = (Scalar(normalization.mean[channel]), Scalar(normalization.std[channel]))
      for pixel in 0..<image.area {
        let value = image.values[source * image.area + pixel]
        let scaled = divisor.map { value / $0 } ?? value * scale
        made.values[channel * image.area + pixel] = (scaled - mean) / std
      }
    }
    return made
  }

  static func linear(_ features: [Scalar], weight: [Scalar], bias: [Scalar]?, outputs: Int) -> [Scalar] {
    (0..<outputs).map { output in
      var sum = bias.map { Double($0[output]) } ?? 0
      for index in features.indices {
        sum += Double(weight[output * features.count + index]) * Double(features[index])
      }
      return Scalar(sum)
    }
  }

  static func channelConvolution(_ features: [Scalar], kernel: [Scalar], bias: Scalar?) -> [Scalar] {
    features.indices.map { center in
      var sum = Double(bias ?? 0)
      for (tap, weight) in kernel.enumerated() {
        let index = center + tap - kernel.count / 2
        if features.indices.contains(index) { sum += Double(weight) * Double(features[index]) }
      }
      return Scalar(sum)
    }
  }

  /// Negative numbers become zero; not a number stays so.
  static func rectified(_ value: Scalar) -> Scalar { value < 0 ? 0 : value }
}
