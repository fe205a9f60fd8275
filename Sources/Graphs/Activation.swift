public import ResectTensors

extension Graph {
  /// A function of each number or, for the softmaxes, of all numbers of a pixel or a vector.
  ///
  /// Source: torch's `nn.functional`, whose names are used; where Keras differs, the numbers that differ are the cases' own.
  public enum Activation: Sendable {
    /// max(x, 0).
    case relu
    /// min(max(x, 0), 6).
    case relu6
    /// x, or `slope` · x where x is negative.
    case leakyReLU(slope: Double)
    /// x, or slope · x where x is negative: a slope for each channel, or one for all.
    case prelu(slopes: LazyTensor)
    /// x / (1 + e⁻ˣ); Keras calls it swish.
    case silu
    /// x · Φ(x) by the error function, or by torch's approximation with tanh.
    case gelu(approximatesByTanh: Bool)
    /// x, or `alpha` · (eˣ − 1) where x is negative.
    case elu(alpha: Double)
    /// 1 / (1 + e⁻ˣ).
    case sigmoid
    case tanh
    /// min(max(`slope` · x + `offset`, 0), 1): 1/6 and 1/2 in torch and in Keras 3, 0.2 and 1/2 in Keras 2.
    case hardSigmoid(slope: Double, offset: Double)
    /// x · min(max(x + 3, 0), 6) / 6.
    case hardSwish
    /// eˣ / Σ eˣ over the channels.
    case softmax
    /// x − log Σ eˣ over the channels.
    case logSoftmax

    /// What it is called, in messages, tables and files.
    public var word: String {
      switch self {
      case .relu: "relu"
      case .relu6: "relu6"
      case .leakyReLU: "leaky-relu"
      case .prelu: "prelu"
      case .silu: "silu"
      case .gelu: "gelu"
      case .elu: "elu"
      case .sigmoid: "sigmoid"
      case .tanh: "tanh"
      case .hardSigmoid: "hard-sigmoid"
      case .hardSwish: "hard-swish"
      case .softmax: "softmax"
      case .logSoftmax: "log-softmax"
      }
    }

    /// Whether it turns logits into probabilities and keeps their order, so that logits are what enters it.
    public var endsClassifier: Bool {
      switch self {
      case .softmax, .logSoftmax, .sigmoid: true
      case .relu, .relu6, .leakyReLU, .prelu, .silu, .gelu, .elu, .tanh, .hardSigmoid, .hardSwish: false
      }
    }
  }
}
