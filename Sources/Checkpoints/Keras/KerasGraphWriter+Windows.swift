internal import ResectBytes
internal import ResectGraphs
internal import ResectTensors

extension KerasGraphWriter {
  /// How a layer pads.
  enum Padding: String {
    case valid
    case same
  }

  /// Adds a convolution: with a kernel for each channel, a layer of that kind.
  mutating func convolve(
    _ convolution: Graph.Convolution, _ taken: Value, at position: Int
  ) throws(ResectError) -> Value {
    var window = convolution.window
    // A kernel of one pixel has no taps that could lie apart.
    if window.kernel == 1 { window.dilation = 1 }
    // Layers either stride or dilate.
    let strides: Graph.Extent? = window.dilation != 1 && window.stride != 1 ? window.stride : nil
    if strides != nil {
      guard window.padding != .same else { throw refusal("that strides, dilates and pads as SAME") }
      window.stride = 1
    }
    let (padded, padding) = pad(taken, for: window, apart: isPaddedApart(at: position), at: position)
    let activation = strides == nil ? takeActivation(behind: position) : nil
    let axes = convolution.weight.shape.axes
    let isDepthwise = axes[1] == 1 && convolution.groups > 1 && window.stride.isSquare
    let settings: [JSON.Member?] = [
      isDepthwise ? nil : .init("filters", .integer(axes[0])), .init("kernel_size", window.kernel.json),
      .init("strides", window.stride.json), .init("padding", .string(padding.rawValue)),
      window.dilation == 1 ? nil : .init("dilation_rate", window.dilation.json),
      isDepthwise
        ? .init("depth_multiplier", .integer(axes[0] / convolution.groups))
        : .init("groups", .integer(convolution.groups)),
      .init("use_bias", .bool(convolution.bias != nil)), activation.map { .init("activation", .string($0)) },
    ]
    let kernel =
      isDepthwise
      ? try convolution.weight.asKerasDepthwiseKernel(channels: convolution.groups)
      : try convolution.weight.asKerasKernel()
    var result = add(
      isDepthwise ? "DepthwiseConv2D" : "Conv2D", name(at: position), settings.compactMap(\.self), of: padded,
      keeping: (
        isDepthwise ? .depthwiseConvolution : .convolution,
        weights([("kernel", convolution.weight, kernel), ("bias", convolution.bias, nil)])
      ))
    if window.kernel != 1 || !window.isUnpadded { result.kind = .image }
    return strides.map { subsample(result, by: $0, at: position) } ?? result
  }

  /// Adds a pooling that takes maxima.
  mutating func maximize(_ pooling: Graph.Pooling, _ taken: Value, at position: Int) throws(ResectError) -> Value {
    let window = try poolingWindow(pooling.window, overZeros: taken.isNonNegative)
    guard !window.isUnpadded, !window.padsAsSame, !taken.isNonNegative else {
      return pool("MaxPooling2D", window, taken, apart: false, at: position)
    }
    guard window.isCentered else {
      throw refusal("that takes maxima over this border: its zeros would be larger than numbers below zero")
    }
    return poolCentered("MaxPooling2D", window, taken, at: position)
  }

  /// Adds a pooling that takes means.
  mutating func average(_ pooling: Graph.Pooling, _ taken: Value, at position: Int) throws(ResectError) -> Value {
    let window = try poolingWindow(pooling.window, overZeros: false)
    let countsBorder = pooling.countsBorder && !pooling.window.isUnpadded
    if window.isUnpadded || countsBorder && window.border != nil || !countsBorder && window.padsAsSame {
      return pool("AveragePooling2D", window, taken, apart: countsBorder, at: position)
    }
    guard !countsBorder, window.isCentered else {
      let verb = countsBorder ? "counts" : "leaves out"
      throw refusal("that takes means over this border and \(verb) what lies beyond the image")
    }
    return poolCentered("AveragePooling2D", window, taken, at: position)
  }

  /// The windows of a pooling, none of which reaches past the padding; `overZeros` where zeros beyond the image do not count.
  private func poolingWindow(_ window: Graph.Window, overZeros: Bool) throws(ResectError) -> Graph.Window {
    guard window.dilation == 1 else { throw refusal("that pools windows whose pixels lie apart") }
    guard let window = window.roundingDown(overZeros: overZeros) else {
      throw refusal("that pools over a last window which reaches past the image (ceil mode)")
    }
    return window
  }

  private mutating func pool(
    _ className: String, _ window: Graph.Window, _ taken: Value, apart: Bool, at position: Int
  ) -> Value {
    let (padded, padding) = pad(taken, for: window, apart: apart || isPaddedApart(at: position), at: position)
    return pool(className, window, padded, padding, as: name(at: position))
  }

  private mutating func pool(
    _ className: String, _ window: Graph.Window, _ taken: Value, _ padding: Padding, as name: String
  ) -> Value {
    var result = add(
      className, name,
      [
        .init("pool_size", window.kernel.json), .init("strides", window.stride.json),
        .init("padding", .string(padding.rawValue)),
      ], of: taken)
    result.kind = .image
    return result
  }

  /// Adds a pooling whose windows lie around pixels, and of which what lies beyond the image does not count: one around each pixel,
  /// and of those every so many.
  private mutating func poolCentered(
    _ className: String, _ window: Graph.Window, _ taken: Value, at position: Int
  ) -> Value {
    var dense = window
    dense.stride = 1
    return subsample(
      pool(className, dense, taken, .same, as: name(at: position)), by: window.stride, at: position)
  }

  /// Every so many pixels of an image.
  private mutating func subsample(_ taken: Value, by stride: Graph.Extent, at position: Int) -> Value {
    pool(
      "MaxPooling2D", Graph.Window(kernel: 1, stride: stride), taken, .valid, as: partName(at: position, "subsample"))
  }

  /// An image with the zeros around it that a layer does not add by itself, or shall not, and how that layer pads.
  private mutating func pad(
    _ taken: Value, for window: Graph.Window, apart: Bool, at position: Int
  ) -> (Value, Padding) {
    if window.isUnpadded { return (taken, .valid) }
    guard let border = window.border, apart || !window.padsAsSame else { return (taken, .same) }
    return (pad(taken, border, as: preparationName(at: position, "pad")), .valid)
  }

  /// Adds zeros around an image.
  mutating func pad(_ taken: Value, _ border: Graph.Border, as name: String) -> Value {
    let sides = [[border.top, border.bottom], [border.left, border.right]]
    var result = add(
      "ZeroPadding2D", name, [.init("padding", .array(sides.map { .array($0.map { .integer($0) }) }))], of: taken)
    result.kind = .image
    return result
  }
}

extension Graph.Window {
  /// Whether windows lie within the image, whatever its size.
  fileprivate var isUnpadded: Bool { padding == .none || padding == .same && kernel == 1 }

  /// The zeros around the image; nil where their number follows from its size.
  fileprivate var border: Graph.Border? {
    guard case .sides(let top, let bottom, let left, let right) = padding else { return nil }
    return Graph.Border(top: top, bottom: bottom, left: left, right: right)
  }

  /// Whether Keras' padding "same" is this one, whatever the image's size: of an odd number, it adds one more below and to the right.
  fileprivate var padsAsSame: Bool {
    guard case .sides(let top, let bottom, let left, let right) = padding else { return true }
    // The numbers were checked when the graph was made.
    let (rows, columns) = ((kernel.height - 1) * dilation.height, (kernel.width - 1) * dilation.width)
    return stride == 1 && top == rows / 2 && bottom == rows - top && left == columns / 2 && right == columns - left
  }

  /// Whether each window lies around a pixel, the first around the first.
  fileprivate var isCentered: Bool {
    kernel.height % 2 == 1 && kernel.width % 2 == 1
      && padding == .each(Graph.Extent(kernel.height / 2, kernel.width / 2))
  }

  /// Windows that see the same and of which none reaches past the padding; nil where these do. `overZeros` where zeros beyond the
  /// image do not count.
  fileprivate func roundingDown(overZeros: Bool) -> Graph.Window? {
    var result = self
    result.roundsUp = false
    guard roundsUp, stride != 1, case .sides(let top, let bottom, let left, let right) = padding else { return result }
    if kernel == 2, stride == 2, isUnpadded {
      result.padding = .same
      return result
    }
    // Else a last window could begin behind the image, and would not count.
    guard overZeros, bottom + stride.height <= kernel.height, right + stride.width <= kernel.width else { return nil }
    result.padding = .sides(
      top: top, bottom: bottom + stride.height - 1, left: left, right: right + stride.width - 1)
    return result
  }
}

extension Graph.Extent {
  fileprivate var json: JSON { .array([.integer(height), .integer(width)]) }
}
