internal import ResectGraphs
public import ResectBytes

/// How an image becomes the input of a network: what was done to the images that it was trained on.
///
/// The steps, in order: the choice of ``channelOrder``, ``resize``, ``crop``, and for every value
/// (pixel × ``scale`` − ``mean``) / ``std`` of its channel.
public struct Preprocessing: Sendable, Hashable {
  /// How the image is resized.
  public enum Resize: Sendable, Hashable {
    /// Not at all.
    case none
    /// So that its shorter side has so many pixels; the longer one keeps the proportion, rounded down.
    case shorterSide(Int)
    /// To this size, whatever the proportion was.
    case exact(Size)
  }

  /// A size in pixels.
  public struct Size: Sendable, Hashable {
    /// Pixels of a row.
    public let width: Int
    /// Rows.
    public let height: Int

    /// A size.
    public init(width: Int, height: Int) {
      self.width = width
      self.height = height
    }
  }

  /// The filter that resizes, as Pillow defines it.
  public enum Filter: String, Sendable, Hashable, CaseIterable {
    case bilinear
    case bicubic
    case lanczos
  }

  /// The channels of the input, in order. Means and deviations follow it.
  public enum ChannelOrder: String, Sendable, Hashable, CaseIterable {
    case rgb
    case bgr
    /// One channel: Pillow's mode `L`.
    case grey

    /// How many channels there are.
    public var count: Int {
      switch self {
      case .rgb, .bgr: 3
      case .grey: 1
      }
    }
  }

  /// A name for people, as that of a preset; readers take nothing from it.
  public let name: String?
  /// How the image is resized.
  public let resize: Resize
  /// The filter that resizes.
  public let filter: Filter
  /// What is cut out of the middle; a smaller image is surrounded by black.
  public let crop: Size?
  /// What pixels of 0 to 255 are multiplied by.
  public let scale: Double
  /// The channels of the input.
  public let channelOrder: ChannelOrder
  /// What is subtracted from each channel, in the order of ``channelOrder``.
  public let mean: [Double]
  /// What each channel is divided by, in the order of ``channelOrder``.
  public let std: [Double]

  /// The longest side that an image is resized or cropped to.
  public static let longestSide = 16384

  /// Preprocessing of these steps.
  ///
  /// Throws where a side is not in 1…``longestSide``, where there is not one mean and one deviation for each channel, and where
  /// a number is not finite or a scale or deviation is 0. Deviations and the scale have to be normal float32 numbers, the means
  /// finite ones, since inputs are computed in float32.
  public init(
    name: String? = nil, resize: Resize = .none, filter: Filter = .bilinear, crop: Size? = nil,
    scale: Double, channelOrder: ChannelOrder, mean: [Double], std: [Double]
  ) throws(ResectError) {
    self.init(
      unchecked: name, resize, filter, crop, scale, channelOrder, mean: mean, std: std)
    if let fault {
      throw ResectError(.badArgument, "the preprocessing makes no sense: \(fault)")
    }
  }

  init(
    unchecked name: String?, _ resize: Resize, _ filter: Filter, _ crop: Size?,
    _ scale: Double, _ channelOrder: ChannelOrder, mean: [Double], std: [Double]
  ) {
    self.name = name
    self.resize = resize
    self.filter = filter
    self.crop = crop
    self.scale = scale
    self.channelOrder = channelOrder
    self.mean = mean
    self.std = std
  }

  /// What no preprocessing may be, if this is it.
  var fault: String? {
    let sides =
      switch resize {
      case .none: [Int]()
      case .shorterSide(let side): [side]
      case .exact(let size): [size.width, size.height]
      }
    let cropSides = crop.map { [$0.width, $0.height] } ?? []
    if let side = (sides + cropSides).first(where: { !(1...Preprocessing.longestSide ~= $0) }) {
      return "a side of \(side) pixels, expected 1 to \(Preprocessing.longestSide)"
    }
    guard mean.count == channelOrder.count, std.count == channelOrder.count else {
      return
        "\(mean.count) means and \(std.count) deviations, expected \(channelOrder.count) for \(channelOrder.rawValue)"
    }
    if let value = ([scale] + std).first(where: { !Float($0).isNormal }) {
      return "a scale or deviation of \(value)"
    }
    if let value = mean.first(where: { !Float($0).isFinite }) { return "a mean of \(value)" }
    return nil
  }
}

extension Preprocessing: CustomStringConvertible {
  /// One line for people: `torchvision: shorter side 256 (bilinear), centre 224 × 224, rgb, scale 0.0039…, mean …, std …`.
  public var description: String {
    var steps: [String] = []
    switch resize {
    case .none: break
    case .shorterSide(let side): steps.append("shorter side \(side) (\(filter.rawValue))")
    case .exact(let size): steps.append("resized to \(size.width) × \(size.height) (\(filter.rawValue))")
    }
    if let crop { steps.append("centre \(crop.width) × \(crop.height)") }
    steps.append(channelOrder.rawValue)
    if let divisor { steps.append("pixels / \(divisor)") } else { steps.append("pixels × \(scale)") }
    func list(_ values: [Double]) -> String { values.map { "\($0)" }.joined(separator: " ") }
    steps.append("mean \(list(mean))")
    steps.append("std \(list(std))")
    let text = steps.joined(separator: ", ")
    return name.map { "\($0.printable(limit: 60)): \(text)" } ?? text
  }

  /// What pixels are divided by, where ``scale`` is the reciprocal of a float32 number, as 1/255 is.
  ///
  /// torch and Keras divide, and that rounds otherwise than multiplying by a rounded reciprocal.
  public var divisor: Float? { scale.reciprocal }
}

extension Preprocessing {
  /// Whether values reach the network as the pixels of the image, 0 to 255, red first.
  public var keepsPixels: Bool {
    channelOrder != .bgr && scale == 1 && mean.allSatisfy { $0 == 0 } && std.allSatisfy { $0 == 1 }
  }

  /// The same size and crop, with the pixels as they are: what is left to do for a network that normalises its input itself.
  public var withoutNormalization: Preprocessing {
    let order = channelOrder == .bgr ? ChannelOrder.rgb : channelOrder
    return Preprocessing(
      unchecked: nil, resize, filter, crop, 1, order, mean: [Double](repeating: 0, count: order.count),
      std: [Double](repeating: 1, count: order.count))
  }
}
