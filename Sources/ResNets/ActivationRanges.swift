public import ResectGraphs
public import ResectBytes

/// The ranges of the values that a network computes, from which the scales of 8-bit activations follow.
///
/// Values are named after the module that makes them, as `stage1.0.conv2`: a convolution's value is what it makes together with its
/// batch-norm, the addition and the ReLU behind it. What the first convolution takes is `input`.
public struct ActivationRanges: Sendable, Hashable {
  /// The range of one value.
  public struct Range: Sendable, Hashable {
    /// The smallest number, zero or below.
    public var low: Float
    /// The largest number, zero or above.
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
      return end.isNormal ? end : 1
    }

    /// The range with `other`'s numbers, too.
    public func union(_ other: Range) -> Range {
      Range(low: min(low, other.low), high: max(high, other.high))
    }
  }

  /// What ranges were taken from.
  public enum Source: String, Sendable, Hashable {
    /// What the network makes of given images.
    case images
    /// What it makes of fixed pseudo-random inputs.
    case probes
    /// The statistics in its batch-norms.
    case batchNorms = "batch-norms"
  }

  /// What the ranges were taken from.
  public var source: Source
  private var ranges: [String: Range] = [:]

  /// No ranges.
  public init(from source: Source) { self.source = source }

  /// The range of the value `name`, where it is known.
  public subscript(name: String) -> Range? {
    get { ranges[name] }
    set { ranges[name] = newValue }
  }

  /// The values whose ranges are known, in the order of their names' bytes.
  public var names: [String] { ranges.keys.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) } }
}

extension ActivationRanges {
  /// The ranges as JSON; ``init(json:)`` reads it back.
  public var json: JSON {
    let members = names.compactMap { name in
      ranges[name].map {
        JSON.Member(name, .array([.number(Double($0.low)), .number(Double($0.high))]))
      }
    }
    return .object([JSON.Member("source", .string(source.rawValue)), JSON.Member("ranges", .object(members))])
  }

  /// Reads what ``json`` wrote. Refused: a source that is not known, and a range that is not two finite numbers of float32, the
  /// first not above zero, the second not below.
  public init(json: JSON) throws(ResectError) {
    func refusal(_ what: String) -> ResectError {
      ResectError(.malformed, "the calibration is damaged: \(what)", advice: "export the model again")
    }
    guard let source = json["source"]?.string.flatMap(Source.init) else { throw refusal("its source is not known") }
    guard let members = json["ranges"]?.members else { throw refusal("it has no ranges") }
    self.init(from: source)
    for member in members {
      let ends = member.value.elements?.compactMap { $0.number.map { Float($0) } } ?? []
      guard ends.count == 2, member.value.elements?.count == 2, ends.allSatisfy(\.isFinite), ends[0] <= 0, ends[1] >= 0
      else { throw refusal("\(member.name) has no range of two numbers about zero") }
      self[member.name] = Range(low: ends[0], high: ends[1])
    }
  }
}

extension InputNormalization {
  /// What pixels of 0 to 255 become, and zero.
  public var range: ActivationRanges.Range {
    var range = ActivationRanges.Range(low: 0, high: 0)
    for (mean, std) in zip(mean, std) {
      let (black, white) = (Float((0 - mean) / std), Float((255 * scale - mean) / std))
      range = range.union(.init(low: min(black, white), high: max(black, white)))
    }
    return range
  }
}
