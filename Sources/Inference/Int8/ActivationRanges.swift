/// The ranges of a graph's values, from which the scales of 8-bit activations follow.
public struct ActivationRanges: Sendable, Hashable {
  /// The range of one value.
  public struct Range: Sendable, Hashable {
    /// The smallest number.
    public var low: Float
    /// The largest number.
    public var high: Float

    /// A range.
    public init(low: Float, high: Float) {
      self.low = low
      self.high = high
    }

    /// Whether there are negative numbers.
    public var isSigned: Bool { low < 0 }

    /// What an integer is multiplied by: 255 or, with a sign, ±127 is the end of the range.
    public var scale: Float {
      let end = isSigned ? max(-low, high) / 127 : high / 255
      return end > 0 && end.isFinite ? end : 1
    }

    /// The range with `other`'s numbers, too.
    public func union(_ other: Range) -> Range {
      Range(low: min(low, other.low), high: max(high, other.high))
    }
  }

  private var ranges: [Graph.ValueID: Range]

  /// No ranges.
  public init() { ranges = [:] }

  /// The range of a value, if somebody measured it.
  public subscript(value: Graph.ValueID) -> Range? {
    get { ranges[value] }
    set { ranges[value] = newValue }
  }
}
