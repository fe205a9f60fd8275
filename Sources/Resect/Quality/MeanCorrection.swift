internal import Synchronization

/// Takes back what quantised weights do to the means of their layers' channels.
///
/// Where a layer has a bias, that takes the correction; else the mean that the batch-norm behind it subtracts. A layer with
/// neither stays as it is, as does one of whose input nobody knows the means.
struct MeanCorrection: Sendable {
  /// A tensor that can take a layer's correction.
  private struct Taker {
    let path: ParameterPath
    let tensor: LazyTensor
    /// 1 for a bias, −1 for a mean that is subtracted.
    let sign: Double
  }

  private let network: ResNet
  private let means: [ModulePath: [Double]]
  private let takers: [ModulePath: Taker]

  /// A correction for `network`, the means of whose layers' inputs are `means`.
  init(_ network: ResNet, means: [ModulePath: [Double]]) {
    self.network = network
    self.means = means
    var takers: [ModulePath: Taker] = [:]
    for (paths, unit) in network.units {
      if let bias = unit.convolution.bias {
        takers[paths.convolution] = Taker(path: .init(paths.convolution, .bias), tensor: bias, sign: 1)
      } else if !network.isPreactivated, let mean = unit.norm?.runningMean {
        takers[paths.convolution] = Taker(path: .init(paths.norm, .runningMean), tensor: mean, sign: -1)
      }
    }
    for linear in network.head {
      let module = ModulePath.classifier(layer: linear.layer)
      takers[module] = linear.bias.map { Taker(path: .init(module, .bias), tensor: $0, sign: 1) }
    }
    self.takers = takers
  }

  /// The tensors that make up for `steps`, by their places.
  func corrected(for steps: [ParameterPath: Double]) throws(ResectError) -> [ParameterPath: LazyTensor] {
    let weights = network.parameters.filter { steps[$0.path] != nil }
    let corrected = Mutex<[ParameterPath: LazyTensor]>([:])
    try parallelForEach(count: weights.count) { index throws(ResectError) in
      let weight = weights[index]
      guard let step = steps[weight.path], let taker = takers[weight.path.module],
        let tensor = try correct(taker, for: weight, step: step)
      else { return }
      corrected.withLock { $0[taker.path] = tensor }
    }
    return corrected.withLock { $0 }
  }

  private func correct(
    _ taker: Taker, for weight: ResNet.Parameter, step: Double
  ) throws(ResectError) -> LazyTensor? {
    guard let means = means[weight.path.module], let inputs = weight.tensor.shape.axes.dropFirst().first, inputs > 0,
      means.count % inputs == 0, taker.tensor.dtype.isComputable
    else { return nil }
    let corrections = try BiasCorrection.corrections(
      weights: weight.tensor.doubles(), changed: weight.tensor.multiples(of: step, rounding: .kernels).doubles(),
      shape: weight.tensor.shape, groups: means.count / inputs, inputMeans: means)
    let values = zip(try taker.tensor.doubles(), corrections).map { $0 + taker.sign * $1 }
    return LazyTensor(values: values, dtype: taker.tensor.dtype == .float64 ? .float64 : .float32)
  }
}
