public import ResectBytes

/// How a network makes its input of pixels by itself: a fixed first layer.
///
/// Channel *c* of what the first convolution takes is (pixel × ``scale`` − ``mean``) / ``std`` of *c*, the pixel being that of
/// channel `channels[c]`: the arithmetic of torchvision's transforms, each step rounded to float32.
public struct InputNormalization: Sendable, Hashable {
  /// The channel of the image that each channel of the result is made of: every one once.
  public let channels: [Int]
  /// What pixels of 0 to 255 are multiplied by.
  public let scale: Double
  /// What is subtracted from each channel of the result.
  public let mean: [Double]
  /// What each channel of the result is divided by.
  public let std: [Double]

  /// A normalisation by these numbers.
  ///
  /// Throws `ResectError.Code.badValue` where `channels` does not have each channel once, where there are not as many means and
  /// standard deviations, where the scale or a standard deviation is zero, subnormal or infinite as float32, and where a mean is not
  /// finite.
  public init(channels: [Int], scale: Double, mean: [Double], std: [Double]) throws(ResectError) {
    func refusal(_ what: String) -> ResectError {
      ResectError(.badValue, "no input can be normalised by these numbers: \(what)")
    }
    guard channels.sorted() == Array(0..<channels.count) else { throw refusal("channels \(channels)") }
    guard Float(scale).isNormal else { throw refusal("scale \(scale)") }
    guard mean.count == channels.count, mean.allSatisfy({ Float($0).isFinite }) else { throw refusal("mean \(mean)") }
    guard std.count == channels.count, std.allSatisfy({ Float($0).isNormal }) else { throw refusal("std \(std)") }
    (self.channels, self.scale, self.mean, self.std) = (channels, scale, mean, std)
  }

  /// A normalisation by numbers that are known to be such.
  package init(known channels: [Int], scale: Double, mean: [Double], std: [Double]) {
    (self.channels, self.scale, self.mean, self.std) = (channels, scale, mean, std)
  }

  /// What pixels are divided by instead of being multiplied.
  public var divisor: Float? { scale.reciprocal }
}

extension InputNormalization {
  /// The normalisation as JSON; ``init(json:inputChannels:)`` reads it back.
  public var json: JSON {
    .object([
      "channels": .array(channels.map { .integer($0) }),
      "scale": .number(scale),
      "mean": .array(mean.map { .number($0) }),
      "std": .array(std.map { .number($0) }),
    ])
  }

  /// Reads what ``json`` wrote, strictly: whatever is not known, or does not fit the network's channels, would mean another
  /// input, so it is refused.
  public init(json: JSON, inputChannels: Int) throws(ResectError) {
    func refusal(_ what: String) -> ResectError {
      ResectError(.malformed, "the input normalisation in the file is damaged: \(what)")
    }
    func numbers(_ name: String) throws(ResectError) -> [Double] {
      let numbers = json[name]?.elements?.map(\.number)
      guard let numbers, numbers.count == inputChannels, !numbers.contains(nil) else { throw refusal(name) }
      return numbers.compactMap(\.self)
    }
    guard let members = json.members else { throw refusal("it is no JSON object") }
    if let stranger = members.first(where: { !["channels", "scale", "mean", "std"].contains($0.name) }) {
      throw refusal("\"\(stranger.name)\" is not known")
    }
    let channels = try numbers("channels").compactMap { Int(exactly: $0) }
    guard let scale = json["scale"]?.number else { throw refusal("scale") }
    let (mean, std) = (try numbers("mean"), try numbers("std"))
    do throws(ResectError) {
      guard channels.count == inputChannels else { throw refusal("channels") }
      try self.init(channels: channels, scale: scale, mean: mean, std: std)
    } catch {
      throw refusal(error.message)
    }
  }
}

extension Double {
  /// The float32 number of which this is the reciprocal, if there is one.
  package var reciprocal: Float? {
    let divisor = Float(1 / self)
    return 1 / Double(divisor) == self ? divisor : nil
  }
}
