internal import ResectGraphs
public import ResectBytes
internal import ResectResNets
internal import ResectTensors

extension Program {
  /// The shape of a value for one element of the batch.
  public enum ValueShape: Sendable, Hashable {
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
  }

  /// The shape of every value, the input's first, for an image of `height` × `width`.
  ///
  /// Throws `ResectError.Code.badArgument` where the image is smaller than what a window reaches over, and
  /// `ResectError.Code.mismatch` where an operation does not fit its input.
  public func shapes(height: Int, width: Int) throws(ResectError) -> [ValueShape] {
    let input =
      takesFeatures
      ? ValueShape.vector(inputChannels)
      : .image(channels: inputChannels, height: height, width: width)
    var shapes = [input]
    for node in nodes {
      do throws(ResectError) {
        shapes.append(try node.shape(of: node.inputs.map { shapes[$0] }))
      } catch {
        guard error.code == .badArgument else { throw error }
        throw ResectError(
          .badArgument, "an image of \(width)×\(height) is too small: \(error.message) at \(node.name)",
          advice: "give a larger one")
      }
    }
    return shapes
  }
}

extension Program.Node {
  fileprivate func shape(of inputs: [Program.ValueShape]) throws(ResectError) -> Program.ValueShape {
    switch (operation, inputs.first) {
    case (.convolution(let convolution), .image(let channels, let height, let width)?):
      let axes = convolution.weight.shape.axes
      guard channels == axes[1] * convolution.groups else {
        throw mismatch("takes \(axes[1] * convolution.groups) channels, the input has \(channels)")
      }
      func size(_ length: Int, _ kernel: Int) throws(ResectError) -> Int {
        try convolution.padding.windows(
          length, kernel: (kernel - 1) * convolution.dilation + 1, stride: convolution.stride)
      }
      let made = Program.ValueShape.image(
        channels: axes[0], height: try size(height, axes[2]), width: try size(width, axes[3]))
      guard !convolution.adds || inputs.last == made else {
        throw mismatch("adds \(inputs.last.map { "\($0)" } ?? "nothing") to \(made)")
      }
      return made
    case (.maxPool(let window), .image(let channels, let height, let width)?),
      (.averagePool(let window), .image(let channels, let height, let width)?):
      return .image(channels: channels, height: try window.count(height), width: try window.count(width))
    case (.globalAveragePool, .image(let channels, _, _)?): return .vector(channels)
    case (.zeroPaddedShortcut(let stride, let before, let after), .image(let channels, let height, let width)?):
      return .image(
        channels: channels + before + after, height: (height - 1) / stride + 1,
        width: (width - 1) / stride + 1)
    case (.linear(let linear), .vector(let count)?):
      guard linear.weight.shape.axes[1] == count else {
        throw mismatch("takes \(linear.weight.shape.axes[1]) features, there are \(count)")
      }
      return .vector(linear.weight.shape.axes[0])
    case (.batchNorm(let norm), .image(let channels, let height, let width)?):
      guard norm.mean.shape.elementCount == channels else {
        throw mismatch("normalises \(norm.mean.shape.elementCount) channels, the input has \(channels)")
      }
      return .image(channels: channels, height: height, width: width)
    case (.add, let shape?):
      guard inputs.last == shape else { throw mismatch("adds \(inputs[inputs.count - 1]) to \(shape)") }
      return shape
    case (.gate, let shape?):
      guard inputs.last == .vector(shape.channels) else {
        throw mismatch("gates \(shape.channels) channels by \(inputs[inputs.count - 1])")
      }
      return shape
    case (.relu, let shape?), (.sigmoid, let shape?), (.channelConvolution, let shape?): return shape
    case (.normalize(let normalization), .image(let channels, let height, let width)?):
      guard normalization.channels.count == channels else {
        throw mismatch("normalises \(normalization.channels.count) channels, the input has \(channels)")
      }
      return .image(channels: channels, height: height, width: width)
    case (_, let shape): throw mismatch("cannot take \(shape.map { "\($0)" } ?? "nothing")")
    }
  }

  private func mismatch(_ what: String) -> ResectError {
    ResectError(.mismatch, "\(name) \(what)")
  }
}
