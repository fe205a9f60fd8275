public import ResectBytes

extension Graph {
  /// Two numbers of pixels: vertical, then horizontal.
  public struct Extent: Sendable, Hashable, ExpressibleByIntegerLiteral, CustomStringConvertible {
    /// Along the height.
    public var height: Int
    /// Along the width.
    public var width: Int

    /// Two numbers.
    public init(_ height: Int, _ width: Int) {
      self.height = height
      self.width = width
    }

    /// The same number twice.
    public init(_ both: Int) { self.init(both, both) }

    /// The same number twice.
    public init(integerLiteral value: Int) { self.init(value) }

    /// Whether both are one number.
    public var isSquare: Bool { height == width }

    /// As `3×3`.
    public var description: String { "\(height)×\(width)" }
  }

  /// How many pixels lie around an image.
  public enum Padding: Sendable, Hashable {
    /// So many on each side.
    case sides(top: Int, bottom: Int, left: Int, right: Int)
    /// As many as there must be for a window every stride pixels; of an odd number, one more below and to the right (TensorFlow's
    /// SAME).
    case same

    /// None.
    public static let none = Padding.each(0)

    /// So many on every side.
    public static func each(_ count: Int) -> Padding { .sides(top: count, bottom: count, left: count, right: count) }

    /// So many above and below, and to the left and right.
    public static func each(_ count: Extent) -> Padding {
      .sides(top: count.height, bottom: count.height, left: count.width, right: count.width)
    }

    /// The number on every side, where it is one.
    public var uniform: Int? {
      guard case .sides(let top, let bottom, let left, let right) = self, top == bottom, left == right, top == left
      else { return nil }
      return top
    }
  }

  /// The windows of a convolution or a pooling, in both directions.
  public struct Window: Sendable, Hashable {
    /// Pixels of a window.
    public var kernel: Extent
    /// Pixels between windows.
    public var stride: Extent
    /// Pixels around the image that windows reach over.
    public var padding: Padding
    /// Pixels between the taps of a window.
    public var dilation: Extent
    /// Whether a last window that reaches past the image counts. Windows of ``Padding/same`` never do.
    public var roundsUp: Bool

    /// Windows.
    public init(
      kernel: Extent, stride: Extent = 1, padding: Padding = .none, dilation: Extent = 1, roundsUp: Bool = false
    ) {
      self.kernel = kernel
      self.stride = stride
      self.padding = padding
      self.dilation = dilation
      self.roundsUp = roundsUp
    }
  }

  /// The windows of a pooling.
  public struct Pooling: Sendable, Hashable {
    /// The windows.
    public var window: Window
    /// Whether a mean counts the zeros beyond the border, as torch's does by default and Keras' does not.
    public var countsBorder: Bool

    /// A pooling.
    public init(_ window: Window, countsBorder: Bool = false) {
      self.window = window
      self.countsBorder = countsBorder
    }
  }
}

extension Graph.Window {
  /// The windows along one direction.
  public struct Axis: Sendable, Hashable {
    /// Pixels of a window, first tap to last.
    public let span: Int
    /// Pixels between windows.
    public let stride: Int
    /// Pixels between taps.
    public let dilation: Int
    /// Pixels before the image.
    public let before: Int
    /// Pixels behind the image that windows are meant to reach over.
    public let after: Int
    /// How many windows there are.
    public let count: Int

    /// Whether each window reaches a pixel of `length`: the first one's end and the last one's beginning lie on it.
    func reachesImage(of length: Int) -> Bool { before < span && (count - 1) * stride < length + before }
  }

  /// The windows along the height of an image.
  ///
  /// Throws `ResectError.Code.badArgument` where not one window fits, and `ResectError.Code.malformed` where the numbers are none that
  /// windows can have.
  public func vertical(_ height: Int) throws(ResectError) -> Axis {
    let sides: (Int, Int)? = if case .sides(let top, let bottom, _, _) = padding { (top, bottom) } else { nil }
    return try axis(height, kernel.height, stride.height, dilation.height, sides)
  }

  /// The windows along the width of an image. Throws as ``vertical(_:)``.
  public func horizontal(_ width: Int) throws(ResectError) -> Axis {
    let sides: (Int, Int)? = if case .sides(_, _, let left, let right) = padding { (left, right) } else { nil }
    return try axis(width, kernel.width, stride.width, dilation.width, sides)
  }

  /// Refuses numbers that no window can have.
  func check() throws(ResectError) {
    let most = Limits.windowPixels
    let sides: [Int] =
      if case .sides(let top, let bottom, let left, let right) = padding { [top, bottom, left, right] } else { [] }
    guard [kernel, stride, dilation].allSatisfy({ 1...most ~= $0.height && 1...most ~= $0.width }),
      sides.allSatisfy({ 0...most ~= $0 })
    else {
      throw ResectError(
        .malformed,
        "a window of \(kernel) pixels, stride \(stride), dilation \(dilation), padding \(sides) cannot be")
    }
  }

  /// `sides` are the pixels around the image, absent where they follow from the stride.
  private func axis(
    _ length: Int, _ kernel: Int, _ stride: Int, _ dilation: Int, _ sides: (before: Int, after: Int)?
  ) throws(ResectError) -> Axis {
    // What a kernel spans, and so every sum below, stays far from overflow.
    try check()
    guard 0...Limits.imagePixels ~= length else {
      throw ResectError(.limit, "an image of \(length) pixels in one direction is none that is computed")
    }
    let span = (kernel - 1) * dilation + 1
    guard let sides else {
      let count = (length + stride - 1) / stride
      let around = max((count - 1) * stride + span - length, 0)
      return Axis(
        span: span, stride: stride, dilation: dilation, before: around / 2, after: around - around / 2, count: count)
    }
    let room = length + sides.before + sides.after - span
    guard room >= 0 || (roundsUp && room + stride > 0) else {
      throw ResectError(
        .badArgument, "a window of \(span) pixels does not fit \(length + sides.before + sides.after)")
    }
    var count = (roundsUp ? room + stride - 1 : room) / stride + 1
    // A window that begins in the padding behind the image does not count.
    if roundsUp, (count - 1) * stride >= length + sides.before { count -= 1 }
    return Axis(
      span: span, stride: stride, dilation: dilation, before: sides.before, after: sides.after, count: count)
  }
}
