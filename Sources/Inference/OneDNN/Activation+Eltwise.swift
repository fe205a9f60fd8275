internal import CResectOneDNN
internal import ResectGraphs

extension Graph.Activation {
  /// The library's function, where it has one; else the activation is a step of its own, by the reference kernel.
  var eltwise: resect_eltwise? {
    switch self {
    case .relu: resect_eltwise(function: RESECT_RELU, alpha: 0, beta: 0)
    case .relu6: resect_eltwise(function: RESECT_CLIP, alpha: 0, beta: 6)
    case .leakyReLU(let slope): resect_eltwise(function: RESECT_RELU, alpha: Float(slope), beta: 0)
    case .silu: resect_eltwise(function: RESECT_SWISH, alpha: 1, beta: 0)
    case .gelu(approximatesByTanh: false): resect_eltwise(function: RESECT_GELU_ERF, alpha: 0, beta: 0)
    case .gelu(approximatesByTanh: true): resect_eltwise(function: RESECT_GELU_TANH, alpha: 0, beta: 0)
    case .elu(let alpha): resect_eltwise(function: RESECT_ELU, alpha: Float(alpha), beta: 0)
    case .sigmoid: resect_eltwise(function: RESECT_LOGISTIC, alpha: 0, beta: 0)
    case .tanh: resect_eltwise(function: RESECT_TANH, alpha: 0, beta: 0)
    case .hardSwish: resect_eltwise(function: RESECT_HARD_SWISH, alpha: 0, beta: 0)
    case .hardSigmoid, .prelu, .softmax, .logSoftmax: nil
    }
  }

  /// The function of a number that was divided by `scale`, divided by it; absent where there is none of the same kind.
  func eltwise(dividedBy scale: Float) -> resect_eltwise? {
    switch self {
    case .relu, .leakyReLU: eltwise
    case .relu6: resect_eltwise(function: RESECT_CLIP, alpha: 0, beta: 6 / scale)
    case .silu, .gelu, .elu, .sigmoid, .tanh, .hardSwish, .hardSigmoid, .prelu, .softmax, .logSoftmax: nil
    }
  }
}
