public import ResectBytes
public import ResectGraphs
public import ResectResNets
internal import ResectTensors

/// Makes a network normalise its input itself. See `ResNet.normalizing(by:)` and `ResNet.foldingNormalization(of:)`, and those of
/// `Graph`.
public struct Normalize: Surgery {
  /// Whether the normalisation goes into the first convolution; else it is a layer of its own.
  public var folds: Bool

  /// The surgery. What the input is normalised by, the network's preprocessing says.
  public init(folds: Bool = false) { self.folds = folds }

  /// The network that takes pixels.
  public func operate(
    on network: Network, knowing facts: SurgeryFacts
  ) throws(ResectError) -> SurgeryOutcome<Network> {
    guard let preprocessing = facts.preprocessing else {
      throw ResectError(
        .notApplicable, "how images become the network's input is unknown", advice: .sayPreprocessing)
    }
    return try network.operated(
      effect: .normalizesInput(preprocessing, folds: folds),
      resNet: { network throws(ResectError) in
        folds ? try network.foldingNormalization(of: preprocessing) : try network.normalizing(by: preprocessing)
      },
      graph: { graph throws(ResectError) in
        folds ? try graph.foldingNormalization(of: preprocessing) : try graph.normalizing(by: preprocessing)
      })
  }
}

extension ResNet {
  /// Puts the scale, mean, standard deviation and channel order of `preprocessing` into the network, as a fixed first layer.
  ///
  /// - *Requires*: a preprocessing of the network's channels; a network that does not normalise its input yet.
  /// - *Changes*: what the network takes: the pixels of a decoded image, 0 to 255, red first. It normalises them itself, each step
  ///   in float32 as the preprocessing is computed, so with the same bits.
  /// - *Preserves*: every weight, and what an image gives.
  public func normalizing(by preprocessing: Preprocessing) throws(ResectError) -> (
    network: ResNet, record: SurgeryRecord
  ) {
    let normalization = try checkedNormalization(preprocessing)
    var normalized = self
    normalized.inputNormalization = normalization
    return (normalized, SurgeryRecord(normalizing: normalization, by: preprocessing))
  }

  /// Folds the scale, mean, standard deviation and channel order of `preprocessing` into the first convolution.
  ///
  /// - *Requires*: a preprocessing of the network's channels; a network that does not normalise its input yet; a bias of the first
  ///   convolution, or a batch-norm with running statistics after it. Finite weights.
  /// - *Changes*: what the network takes: the pixels of a decoded image, 0 to 255, red first. The weight of the first convolution to
  ///   `w · scale / std`, its input channels to the image's order; and by Σ `w` · mean / std less, summed over the kernel, its
  ///   bias or, where it has none, by as much more the running mean of its batch-norm. Each is the exact number, rounded
  ///   once when it is pulled; a float16 weight becomes float32, since the numbers are up to a thousand times smaller.
  /// - *Preserves*: what an image gives, up to rounding, except near the border: the convolution pads with zeros, which stood for
  ///   mean pixels before and are black ones now. The report has the pixel value by which it would have to pad
  ///   (`exactPadding`, one for each channel of the image).
  public func foldingNormalization(of preprocessing: Preprocessing) throws(ResectError) -> (
    network: ResNet, record: SurgeryRecord
  ) {
    let normalization = try checkedNormalization(preprocessing)
    let isDeep = !innerStem.isEmpty
    let paths =
      isDeep
      ? UnitPaths(convolution: .innerStemConvolution(index: 1), norm: .innerStemNorm(index: 1))
      : UnitPaths(convolution: .stemConvolution, norm: .stemNorm)
    var first = isDeep ? innerStem[0] : stem
    let path = ParameterPath(paths.convolution, .weight)
    var folded = self
    let taps = try FoldedTaps(first.convolution.weight, named: path.description, normalization)
    first.convolution.weight = taps.weight
    try first.shift(by: taps, paths: paths)
    if isDeep { folded.innerStem[0] = first } else { folded.stem = first }
    return (folded, SurgeryRecord(folding: normalization, of: preprocessing))
  }

  /// The normalisation by `preprocessing`, where the network can get it.
  private func checkedNormalization(
    _ preprocessing: Preprocessing
  ) throws(ResectError) -> InputNormalization {
    try InputNormalization(
      preprocessing, after: inputNormalization, channels: inputChannels)
  }
}

extension InputNormalization {
  /// The normalisation by `preprocessing`, for a network of so many input channels that normalises by `present` until now.
  fileprivate init(
    _ preprocessing: Preprocessing, after present: InputNormalization?, channels: Int
  ) throws(ResectError) {
    guard present == nil else {
      throw ResectError(.notApplicable, "the network normalises its input already")
    }
    guard preprocessing.channelOrder.count == channels else {
      throw ResectError(
        .mismatch,
        "the preprocessing gives \(preprocessing.channelOrder.count) channels (\(preprocessing.channelOrder.rawValue)), the network takes \(channels)"
      )
    }
    guard !preprocessing.keepsPixels else {
      throw ResectError(
        .notApplicable, "the preprocessing leaves pixels as they are: there is nothing to put into the network")
    }
    self.init(preprocessing)
  }
}

extension SurgeryRecord {
  fileprivate init(normalizing normalization: InputNormalization, by preprocessing: Preprocessing) {
    self.init(
      name: "normalize", parameters: .object(["preprocessing": preprocessing.json, "fold": .bool(false)]),
      report: .object(["inputNormalization": normalization.json]),
      summary: "the network takes pixels of 0 to 255 and normalises them itself: mean and std are its first layer")
  }

  fileprivate init(folding normalization: InputNormalization, of preprocessing: Preprocessing) {
    let padding = normalization.exactPadding
    self.init(
      name: "normalize", parameters: .object(["preprocessing": preprocessing.json, "fold": .bool(true)]),
      report: .object(["exactPadding": .array(padding.map { .number($0) })]),
      warnings: padding.contains { $0 != 0 }
        ? [
          "the first convolution pads with zeros, which were mean pixels and are black ones now: near the border the result differs (padding with \(padding.map { $0.text(digits: 4) }.joined(separator: ", ")) would be exact)"
        ] : [],
      summary: "folded the normalisation of pixels into the first convolution")
  }
}

extension Graph {
  /// Puts the scale, mean, standard deviation and channel order of `preprocessing` into the network, as a fixed first layer. See
  /// `ResNet.normalizing(by:)`.
  ///
  /// - *Requires*: a network that takes images, of the preprocessing's channels, and does not normalise them yet.
  /// - *Changes*: what the network takes: the pixels of a decoded image, 0 to 255, red first.
  /// - *Preserves*: every weight, and what an image gives.
  public func normalizing(by preprocessing: Preprocessing) throws(ResectError) -> (graph: Graph, record: SurgeryRecord)
  {
    let normalization = try checkedNormalization(preprocessing)
    let normalized = try preceded(by: .normalize(normalization), as: freeName("normalize"))
    return (normalized, SurgeryRecord(normalizing: normalization, by: preprocessing))
  }

  /// Folds the scale, mean, standard deviation and channel order of `preprocessing` into the first convolution. See
  /// `ResNet.foldingNormalization(of:)`.
  ///
  /// - *Requires*: a network that takes images, of the preprocessing's channels, and does not normalise them yet; a convolution in one
  ///   group that alone takes them, with nothing between but zeros around the image.
  /// - *Changes*: the convolution's weight and, by Σ `w` · mean / std less, its bias or, where it has none, by as much more the mean of
  ///   the batch-norm behind it, where that alone takes its result; else it gets a bias.
  /// - *Preserves*: what an image gives, up to rounding, except near the border.
  public func foldingNormalization(
    of preprocessing: Preprocessing
  ) throws(ResectError) -> (graph: Graph, record: SurgeryRecord) {
    let normalization = try checkedNormalization(preprocessing)
    let consumers = consumers
    let position = try firstConvolution(consumers)
    guard case .convolution(var convolution) = nodes[position].operation else {
      throw ResectError(.notApplicable, "the first layer is no convolution", tensor: nodes[position].name)
    }
    let name = nodes[position].name
    let taps = try FoldedTaps(convolution.weight, named: "\(name).weight", normalization)
    convolution.weight = taps.weight
    var changes: [Int: Operation] = [:]
    let takers = consumers[position + 1]
    let isHandedOut = outputs.contains { $0.value == position + 1 } || features == position + 1
    if let bias = convolution.bias {
      convolution.bias = try bias.lessSums(of: taps, named: "\(name).bias")
    } else if takers.count == 1, !isHandedOut, case .batchNorm(var norm) = nodes[takers[0]].operation {
      norm.mean = try norm.mean.sums(of: taps, named: "\(nodes[takers[0]].name).running_mean")
      changes[takers[0]] = .batchNorm(norm)
    } else {
      convolution.bias = LazyTensor(
        exact: taps.lessSums([Double](repeating: 0, count: taps.count)), dtype: convolution.weight.dtypeOfSums)
    }
    changes[position] = .convolution(convolution)
    let folded = try rewritten { position, _ in changes[position].map { .replace($0) } ?? .keep }
    return (folded, SurgeryRecord(folding: normalization, of: preprocessing))
  }

  private func checkedNormalization(_ preprocessing: Preprocessing) throws(ResectError) -> InputNormalization {
    guard case .image(let channels, _, _) = input.kind else {
      throw ResectError(.notApplicable, "the network takes features, no images that could be normalised")
    }
    return try InputNormalization(preprocessing, after: inputNormalization, channels: channels)
  }

  /// The position of the one convolution that takes the input, with nothing between but zeros around the image.
  private func firstConvolution(_ consumers: [[Int]]) throws(ResectError) -> Int {
    func refusal(_ what: String, at value: ValueID) -> ResectError {
      ResectError(
        .notApplicable, "the normalisation cannot be folded: \(what)",
        advice: .normalizeInLayer, tensor: name(of: value))
    }
    var value = 0
    while true {
      guard consumers[value].count == 1, let taker = consumers[value].first else {
        throw refusal("\(consumers[value].count) operations take this value", at: value)
      }
      switch nodes[taker].operation {
      case .convolution(let convolution):
        guard convolution.groups == 1, convolution.weight.shape.rank == 4,
          convolution.weight.shape.axes[1] == input.channels
        else {
          throw refusal("the first convolution does not take all \(input.channels) channels", at: taker + 1)
        }
        return taker
      case .identity: value = taker + 1
      case .pad(let border) where border.value == 0 && border.channelsBefore == 0 && border.channelsAfter == 0:
        value = taker + 1
      case let operation:
        throw refusal("a \(operation.word) stands before the first convolution", at: taker + 1)
      }
    }
  }
}

extension InputNormalization {
  /// The pixel that becomes 0, for each channel of the image.
  fileprivate var exactPadding: [Double] {
    var pixels = [Double](repeating: 0, count: channels.count)
    for (channel, source) in channels.enumerated() { pixels[source] = mean[channel] / scale }
    return pixels
  }
}

/// The weights of a convolution that takes pixels, and what the means add to its result.
private struct FoldedTaps {
  let weight: LazyTensor
  /// Σ w · mean / std for each output channel, times ``denominator``.
  private var shifts: [Dyadic]
  /// The product of all std.
  private let denominator: Dyadic

  /// Folds `weight`, output channels × input channels × height × width.
  init(_ weight: LazyTensor, named name: String, _ normalization: InputNormalization) throws(ResectError) {
    let values = try weight.finiteValues(named: name)
    let axes = weight.shape.axes
    let area = axes[2] * axes[3]
    var weights = values.map { AffineRoot(minuend: $0) }
    shifts = [Dyadic](repeating: Dyadic(0), count: axes[0])
    denominator = normalization.std.reduce(Dyadic(1)) { $0 * Dyadic($1) }
    for output in 0..<axes[0] {
      for (channel, source) in normalization.channels.enumerated() {
        let std = normalization.std
        let others = std.indices.filter { $0 != channel }.reduce(Dyadic(1)) { $0 * Dyadic(std[$1]) }
        var sum = Dyadic(0)
        let start = (output * axes[1] + channel) * area
        let target = (output * axes[1] + source) * area
        for tap in 0..<area {
          weights[target + tap] = AffineRoot(
            addend: -0.0, minuend: values[start + tap], factor: normalization.scale, divisor: std[channel])
          sum = sum + Dyadic(values[start + tap])
        }
        shifts[output] = shifts[output] + sum * Dyadic(normalization.mean[channel]) * others
      }
    }
    self.weight = try LazyTensor(
      exact: weights, shape: weight.shape, dtype: weight.dtype == .float16 ? .float32 : weight.dtype)
  }

  /// How many output channels there are.
  var count: Int { shifts.count }

  /// Each of `values` less Σ w · mean / std.
  func lessSums(_ values: [Double]) -> [DyadicQuotient] {
    zip(values, shifts).map { DyadicQuotient(Dyadic($0) * denominator - $1, over: denominator) }
  }

  /// Each of `values` and Σ w · mean / std.
  func sums(_ values: [Double]) -> [DyadicQuotient] {
    zip(values, shifts).map { DyadicQuotient(Dyadic($0) * denominator + $1, over: denominator) }
  }
}

extension ResNet.ConvolutionUnit {
  /// Takes what the means add from what the convolution makes: from its bias or, where it has none, by the mean that the batch-norm subtracts.
  fileprivate mutating func shift(by taps: FoldedTaps, paths: ResNet.UnitPaths) throws(ResectError) {
    if let bias = convolution.bias {
      convolution.bias = try bias.lessSums(of: taps, named: ParameterPath(paths.convolution, .bias).description)
      return
    }
    guard let mean = norm?.runningMean else {
      throw ResectError(
        .notApplicable,
        "the first convolution has no bias and no batch-norm with running statistics after it, where the means could go",
        advice: .normalizeInLayer)
    }
    norm?.runningMean = try mean.sums(
      of: taps, named: ParameterPath(paths.norm, .runningMean).description)
  }
}

extension LazyTensor {
  /// The dtype of what is added to every activation, for which half precision is not enough.
  fileprivate var dtypeOfSums: DType { dtype == .float64 ? .float64 : .float32 }

  /// The tensor, a number for each channel, less Σ w · mean / std.
  fileprivate func lessSums(of taps: FoldedTaps, named name: String) throws(ResectError) -> LazyTensor {
    LazyTensor(exact: taps.lessSums(try channels(of: taps, named: name)), dtype: dtypeOfSums)
  }

  /// The tensor, a number for each channel, and Σ w · mean / std.
  fileprivate func sums(of taps: FoldedTaps, named name: String) throws(ResectError) -> LazyTensor {
    LazyTensor(exact: taps.sums(try channels(of: taps, named: name)), dtype: dtypeOfSums)
  }

  private func channels(of taps: FoldedTaps, named name: String) throws(ResectError) -> [Double] {
    let values = try finiteValues(named: name)
    guard values.count == taps.count else {
      throw ResectError(
        .mismatch, "there are \(values.count) elements for \(taps.count) output channels", tensor: name)
    }
    return values
  }
}
