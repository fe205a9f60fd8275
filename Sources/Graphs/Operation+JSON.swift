internal import ResectBytes
internal import ResectTensors

// Words, numbers and tensors of the operations: what `numbers` writes of each, `init` reads.

extension Graph.Operation {
  /// What says, beside the tensors, what is computed.
  var numbers: [JSON.Member] {
    switch self {
    case .convolution(let convolution):
      [
        .init("stride", convolution.stride.json), .init("padding", convolution.padding.json),
        .init("dilation", convolution.dilation.json), .init("groups", .integer(convolution.groups)),
      ]
    case .batchNorm(let norm): [.init("epsilon", .number(norm.epsilon))]
    case .activation(.leakyReLU(let slope)): [.init("slope", .number(slope))]
    case .activation(.gelu(let approximatesByTanh)): [.init("approximatesByTanh", .bool(approximatesByTanh))]
    case .activation(.elu(let alpha)): [.init("alpha", .number(alpha))]
    case .activation(.hardSigmoid(let slope, let offset)):
      [.init("slope", .number(slope)), .init("offset", .number(offset))]
    case .maxPool(let pooling): pooling.window.json
    case .averagePool(let pooling): pooling.window.json + [.init("countsBorder", .bool(pooling.countsBorder))]
    case .globalAveragePool(let keepsImage), .globalMaxPool(let keepsImage): [.init("keepsImage", .bool(keepsImage))]
    case .flatten(let order): [.init("order", .string(order.rawValue))]
    case .pad(let border):
      [
        .init("sides", .array([border.top, border.bottom, border.left, border.right].map { .integer($0) })),
        .init("channels", .array([border.channelsBefore, border.channelsAfter].map { .integer($0) })),
        .init("value", .number(border.value)),
      ]
    case .normalize(let normalization): [.init("normalization", normalization.json)]
    case .linear, .scaleShift, .activation, .add, .multiply, .concatenate, .toImage, .channelConvolution, .constant,
      .identity:
      []
    }
  }

  /// The operation that `word` names, with its numbers taken out of `members` and its tensors out of `tensors`.
  init(_ word: String, _ members: inout Members, _ tensors: inout [String: LazyTensor]) throws(ResectError) {
    func tensor(_ role: String) throws(ResectError) -> LazyTensor {
      guard let tensor = tensors.removeValue(forKey: role) else {
        throw ResectError(.malformed, "the \(word) has no \(role)")
      }
      return tensor
    }
    func optional(_ role: String) -> LazyTensor? { tensors.removeValue(forKey: role) }
    switch word {
    case "convolution":
      self = .convolution(
        .init(
          weight: try tensor("weight"), bias: optional("bias"), stride: try members.extent("stride"),
          padding: try members.padding("padding"), dilation: try members.extent("dilation"),
          groups: try members.count("groups")))
    case "linear": self = .linear(.init(weight: try tensor("weight"), bias: optional("bias")))
    case "batch-norm":
      self = .batchNorm(
        .init(
          weight: optional("weight"), bias: optional("bias"), mean: try tensor("running_mean"),
          variance: try tensor("running_var"), epsilon: try members.number("epsilon")))
    case "scale-shift": self = .scaleShift(.init(scale: optional("weight"), shift: optional("bias")))
    case "relu": self = .activation(.relu)
    case "relu6": self = .activation(.relu6)
    case "leaky-relu": self = .activation(.leakyReLU(slope: try members.number("slope")))
    case "prelu": self = .activation(.prelu(slopes: try tensor("weight")))
    case "silu": self = .activation(.silu)
    case "gelu": self = .activation(.gelu(approximatesByTanh: try members.flag("approximatesByTanh")))
    case "elu": self = .activation(.elu(alpha: try members.number("alpha")))
    case "sigmoid": self = .activation(.sigmoid)
    case "tanh": self = .activation(.tanh)
    case "hard-sigmoid":
      self = .activation(.hardSigmoid(slope: try members.number("slope"), offset: try members.number("offset")))
    case "hard-swish": self = .activation(.hardSwish)
    case "softmax": self = .activation(.softmax)
    case "log-softmax": self = .activation(.logSoftmax)
    case "max-pool": self = .maxPool(.init(try members.window()))
    case "average-pool":
      self = .averagePool(.init(try members.window(), countsBorder: try members.flag("countsBorder")))
    case "global-average-pool": self = .globalAveragePool(keepsImage: try members.flag("keepsImage"))
    case "global-max-pool": self = .globalMaxPool(keepsImage: try members.flag("keepsImage"))
    case "add": self = .add
    case "multiply": self = .multiply
    case "concatenate": self = .concatenate
    case "flatten":
      guard let order = Graph.FlatteningOrder(rawValue: try members.text("order")) else {
        throw members.refusal("order")
      }
      self = .flatten(order)
    case "to-image": self = .toImage
    case "pad":
      let (sides, channels) = (try members.counts("sides", 4), try members.counts("channels", 2))
      self = .pad(
        .init(
          top: sides[0], bottom: sides[1], left: sides[2], right: sides[3], channelsBefore: channels[0],
          channelsAfter: channels[1], value: try members.number("value")))
    case "channel-convolution":
      self = .channelConvolution(.init(kernel: try tensor("weight"), bias: optional("bias")))
    case "normalize":
      let json = try members.take("normalization")
      self = .normalize(try InputNormalization(json: json, inputChannels: json["channels"]?.elements?.count ?? 0))
    case "constant": self = .constant(try tensor("value"))
    case "identity": self = .identity
    default:
      throw ResectError(
        .unsupported, "the operation \(word.printable(limit: 80)) is not known", advice: "use a newer Resect")
    }
  }
}

extension Graph.Extent {
  fileprivate var json: JSON { .array([.integer(height), .integer(width)]) }
}

extension Graph.Padding {
  fileprivate static let sameWord = "same"

  fileprivate var json: JSON {
    switch self {
    case .sides(let top, let bottom, let left, let right): .array([top, bottom, left, right].map { .integer($0) })
    case .same: .string(Graph.Padding.sameWord)
    }
  }
}

extension Graph.Window {
  fileprivate var json: [JSON.Member] {
    [
      .init("kernel", kernel.json), .init("stride", stride.json), .init("padding", padding.json),
      .init("dilation", dilation.json), .init("roundsUp", .bool(roundsUp)),
    ]
  }
}

extension Members {
  fileprivate mutating func extent(_ name: String) throws(ResectError) -> Graph.Extent {
    let pair = try counts(name, 2)
    return Graph.Extent(pair[0], pair[1])
  }

  fileprivate mutating func padding(_ name: String) throws(ResectError) -> Graph.Padding {
    if self[name]?.string == Graph.Padding.sameWord {
      _ = try take(name)
      return .same
    }
    let sides = try counts(name, 4)
    return .sides(top: sides[0], bottom: sides[1], left: sides[2], right: sides[3])
  }

  fileprivate mutating func window() throws(ResectError) -> Graph.Window {
    Graph.Window(
      kernel: try extent("kernel"), stride: try extent("stride"), padding: try padding("padding"),
      dilation: try extent("dilation"), roundsUp: try flag("roundsUp"))
  }
}
