public import ResectBytes
internal import ResectTensors

extension Graph {
  /// The shape of a value for one image of the batch.
  public enum ValueShape: Sendable, Hashable, CustomStringConvertible {
    /// Channels × height × width.
    case image(channels: Int, height: Int, width: Int)
    /// Elements.
    case vector(Int)

    /// How many numbers there are.
    public var count: Int {
      switch self {
      case .image(let channels, let height, let width): channels * height * width
      case .vector(let count): count
      }
    }

    /// Channels or elements.
    public var channels: Int {
      switch self {
      case .image(let channels, _, _): channels
      case .vector(let count): count
      }
    }

    /// Whether there is one number a channel: a vector, or an image of one pixel.
    public var isPerChannel: Bool { count == channels }

    /// The axes, channels first.
    public var axes: [Int] {
      switch self {
      case .image(let channels, let height, let width): [channels, height, width]
      case .vector(let count): [count]
      }
    }

    /// As `64 × 56 × 56`.
    public var description: String { axes.map(String.init).joined(separator: " × ") }
  }

  /// The shape of every value, the input's first, for images of `height` × `width`; both are of no matter where the graph takes
  /// features.
  ///
  /// Throws `ResectError.Code.badArgument` where the image is smaller than what a window reaches over or of another size than the
  /// graph fixes, `ResectError.Code.mismatch`, with the node's name, where an operation does not fit what it takes, and
  /// `ResectError.Code.limit` where a value would have more numbers than can be.
  public func shapes(height: Int, width: Int) throws(ResectError) -> [ValueShape] {
    var shapes: [ValueShape] = []
    shapes.reserveCapacity(nodes.count + 1)
    switch input.kind {
    case .features(let count): shapes.append(try ValueShape.vector(count).checked())
    case .image(let channels, let fixedHeight, let fixedWidth):
      guard fixedHeight ?? height == height, fixedWidth ?? width == width else {
        let sizes = [fixedHeight, fixedWidth].map { $0.map(String.init) ?? "any" }
        throw ResectError(
          .badArgument, "the network takes images of \(sizes.joined(separator: "×")), not \(height)×\(width)")
      }
      shapes.append(try ValueShape.image(channels: channels, height: height, width: width).checked())
    }
    for node in nodes {
      do throws(ResectError) {
        shapes.append(try node.operation.shape(of: node.inputs.map { shapes[$0] }).checked())
      } catch {
        guard error.code == .badArgument else { throw error.located(tensor: node.name) }
        throw ResectError(
          .badArgument, "an image of \(width)×\(height) is too small: \(error.message) at \(node.name)",
          advice: "give a larger one")
      }
    }
    return shapes
  }
}

extension Graph.ValueShape {
  /// The same shape, or an error where it has more numbers than memory could hold.
  fileprivate func checked() throws(ResectError) -> Graph.ValueShape {
    var count = 1
    for axis in axes {
      let (product, overflow) = count.multipliedReportingOverflow(by: axis)
      guard axis > 0, !overflow, product <= Limits.valueElements else {
        throw ResectError(.limit, "a value of \(self) numbers is none that is computed")
      }
      count = product
    }
    return self
  }
}

extension Graph.Operation {
  /// The shape of what the operation makes of values of the shapes `inputs`.
  fileprivate func shape(of inputs: [Graph.ValueShape]) throws(ResectError) -> Graph.ValueShape {
    // Again: the tensors may not be those that the graph was made with.
    try check()
    switch (self, inputs.first) {
    case (.convolution(let convolution), .image(let channels, let height, let width)?):
      let axes = convolution.weight.shape.axes
      // There are no more groups than outputs, so the product is one of the weight's axes at most.
      let taken = axes[1] * convolution.groups
      guard channels == taken else { throw mismatch("takes \(taken) channels, there are \(channels)") }
      let window = convolution.window
      return .image(
        channels: axes[0], height: try window.vertical(height).count, width: try window.horizontal(width).count)
    case (.maxPool(let pooling), .image(let channels, let height, let width)?),
      (.averagePool(let pooling), .image(let channels, let height, let width)?):
      let (rows, columns) = (try pooling.window.vertical(height), try pooling.window.horizontal(width))
      // The maximum, or the mean, of no pixel is no number.
      guard rows.reachesImage(of: height), columns.reachesImage(of: width) else {
        throw mismatch("has windows that lie beside the image of \(height) × \(width)")
      }
      return .image(channels: channels, height: rows.count, width: columns.count)
    case (.globalAveragePool(let keepsImage), .image(let channels, _, _)?),
      (.globalMaxPool(let keepsImage), .image(let channels, _, _)?):
      return keepsImage ? .image(channels: channels, height: 1, width: 1) : .vector(channels)
    case (.linear(let linear), .vector(let count)?):
      let axes = linear.weight.shape.axes
      guard axes[1] == count else { throw mismatch("takes \(axes[1]) features, there are \(count)") }
      return .vector(axes[0])
    case (.batchNorm(let norm), let shape?):
      let count = norm.mean.shape.elementCount
      guard count == shape.channels else {
        throw mismatch("normalises \(count) channels, there are \(shape.channels)")
      }
      return shape
    case (.scaleShift(let affine), let shape?):
      for tensor in [affine.scale, affine.shift] {
        guard let count = tensor?.shape.elementCount, count != 1, count != shape.channels else { continue }
        throw mismatch("scales \(count) channels, there are \(shape.channels)")
      }
      return shape
    case (.activation(.prelu(let slopes)), let shape?):
      guard [1, shape.channels].contains(slopes.shape.elementCount) else {
        throw mismatch("has \(slopes.shape.elementCount) slopes for \(shape.channels) channels")
      }
      return shape
    case (.activation, let shape?), (.identity, let shape?): return shape
    case (.add, let shape?):
      if let other = inputs.first(where: { $0 != shape }) { throw mismatch("adds \(other) to \(shape)") }
      return shape
    case (.multiply, let shape?):
      let factor = inputs[1]
      guard factor == shape || factor.isPerChannel && factor.channels == shape.channels else {
        throw mismatch("multiplies \(shape) by \(factor)")
      }
      return shape
    case (.concatenate, .vector?):
      var count = 0
      for input in inputs {
        guard case .vector(let more) = input else { throw mismatch("joins \(input) to a vector") }
        count += more
      }
      return .vector(count)
    case (.concatenate, .image(_, let height, let width)?):
      var count = 0
      for input in inputs {
        guard case .image(let more, height, width) = input else {
          throw mismatch("joins \(input) to an image of \(height) × \(width)")
        }
        count += more
      }
      return .image(channels: count, height: height, width: width)
    case (.flatten, .image(let channels, let height, let width)?): return .vector(channels * height * width)
    case (.flatten, .vector(let count)?): return .vector(count)
    case (.toImage, .vector(let count)?): return .image(channels: count, height: 1, width: 1)
    case (.pad(let border), .image(let channels, let height, let width)?):
      return .image(
        channels: channels + border.channelsBefore + border.channelsAfter, height: height + border.top + border.bottom,
        width: width + border.left + border.right)
    case (.channelConvolution, let shape?):
      guard shape.isPerChannel else { throw mismatch("takes one number a channel, not \(shape)") }
      return shape
    case (.normalize(let normalization), .image(let channels, let height, let width)?):
      guard normalization.channels.count == channels else {
        throw mismatch("normalises \(normalization.channels.count) channels, there are \(channels)")
      }
      return .image(channels: channels, height: height, width: width)
    case (.constant(let tensor), nil):
      let axes = tensor.shape.axes
      return axes.count == 1 ? .vector(axes[0]) : .image(channels: axes[0], height: axes[1], width: axes[2])
    case (_, let shape): throw mismatch("cannot take \(shape.map { "\($0)" } ?? "nothing")")
    }
  }
}
