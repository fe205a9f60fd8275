import ResectBytes
import ResectResNets
import ResectSurgery
import ResectTensors
import ResectTestSupport
import Testing

@Suite struct FoldBatchNormTests {
  // MARK: The oracle

  /// A convolution with its batch-norm as numbers, absent parts filled in: what folding must not change.
  private struct Numbers {
    let axes: [Int]
    let weight: [Double]
    let bias: [Double]
    var gamma: [Double]
    var beta: [Double]
    let mean: [Double]
    let variance: [Double]

    init(_ unit: ResNet.ConvolutionUnit) throws {
      axes = unit.convolution.weight.shape.axes
      weight = try unit.convolution.weight.doubles()
      let zeros = [Double](repeating: 0, count: axes[0])
      let ones = [Double](repeating: 1, count: axes[0])
      bias = try unit.convolution.bias?.doubles() ?? zeros
      gamma = try unit.norm?.weight?.doubles() ?? ones
      beta = try unit.norm?.bias?.doubles() ?? zeros
      mean = try unit.norm?.runningMean?.doubles() ?? zeros
      variance = try unit.norm?.runningVariance?.doubles() ?? ones
    }

    /// The folded weight and bias, by the formula of the paper.
    func folded(epsilon: Double) -> (weight: [Double], bias: [Double]) {
      let size = axes.dropFirst().reduce(1, *)
      var weight: [Double] = []
      var bias: [Double] = []
      for channel in 0..<axes[0] {
        let deviation = (variance[channel] + epsilon).squareRoot()
        for index in 0..<size {
          weight.append(self.weight[channel * size + index] * gamma[channel] / deviation)
        }
        bias.append(beta[channel] + (self.bias[channel] - mean[channel]) * gamma[channel] / deviation)
      }
      return (weight, bias)
    }

    /// What the convolution puts out at one point of an image, of which it sees `patch`: channels × height × width.
    func convolved(_ patch: [Double], groups: Int) -> [Double] {
      let size = axes.dropFirst().reduce(1, *)
      return (0..<axes[0]).map { channel in
        let group = channel / (axes[0] / groups)
        return (0..<size).reduce(bias[channel]) {
          $0 + weight[channel * size + $1] * patch[group * size + $1]
        }
      }
    }

    /// The batch-norm of one point.
    func normalised(_ point: [Double], epsilon: Double) -> [Double] {
      point.indices.map {
        (point[$0] - mean[$0]) / (variance[$0] + epsilon).squareRoot() * gamma[$0] + beta[$0]
      }
    }
  }

  struct Form: Sendable, CustomTestStringConvertible {
    var block = Architecture.Block.basic
    var groups = 1
    var affine = true
    var bias = false
    var testDescription: String {
      "\(block), \(groups) groups, \(affine ? "affine" : "plain")\(bias ? ", with biases" : "")"
    }

    func network(_ dtype: DType = .float64, epsilon: Double = 1e-5) -> TestNetwork {
      TestNetwork(block, groups: groups, affine: affine, bias: bias, epsilon: epsilon, dtype: dtype, seed: 17)
    }
  }

  static let forms = [
    Form(), Form(affine: false), Form(bias: true), Form(affine: false, bias: true), Form(block: .bottleneck),
    Form(block: .bottleneck, groups: 2), Form(block: .bottleneck, groups: 2, affine: false, bias: true),
  ]

  // MARK: Arithmetic

  @Test(arguments: forms)
  func `weights and biases are computed in double and rounded once`(form: Form) throws {
    let network = try form.network(.float32).network()
    let folded = try network.foldingBatchNorm().network
    #expect(folded.units.count == network.units.count)
    for (before, after) in zip(network.units, folded.units) {
      let expected = try Numbers(before.unit).folded(epsilon: 1e-5)
      let weight = try after.unit.convolution.weight.doubles()
      #expect(weight == expected.weight.map { Double(Float($0)) }, "\(before.paths.convolution)")
      let bias = try #require(after.unit.convolution.bias).doubles()
      #expect(bias == expected.bias.map { Double(Float($0)) }, "\(before.paths.convolution)")
    }
  }

  @Test(arguments: forms)
  func `a folded unit computes what the convolution and its batch-norm did`(form: Form) throws {
    let network = try form.network(epsilon: 1e-3).network()
    let folded = try network.foldingBatchNorm().network
    var random = SeededRandom(seed: 23)
    for (before, after) in zip(network.units, folded.units) {
      let unit = try Numbers(before.unit)
      let isGrouped = form.groups > 1 && before.paths.convolution.isGrouped
      let groups = isGrouped ? form.groups : 1
      for _ in 0..<3 {
        let patch = (0..<unit.axes.dropFirst().reduce(groups, *)).map { _ in
          Double.random(in: -2...2, using: &random)
        }
        let expected = unit.normalised(unit.convolved(patch, groups: groups), epsilon: 1e-3)
        let found = try Numbers(after.unit).convolved(patch, groups: groups)
        for (one, other) in zip(expected, found) { #expect((one - other).magnitude < 1e-11) }
      }
    }
  }

  @Test func `gammas and betas may stand alone`() throws {
    for drops in [ParameterPath.Kind.weight, .bias] {
      var network = try TestNetwork(dtype: .float32).network()
      network.updateUnits { _, unit in
        if drops == .weight { unit.norm?.weight = nil } else { unit.norm?.bias = nil }
      }
      let folded = try network.foldingBatchNorm().network
      for (before, after) in zip(network.units, folded.units) {
        let expected = try Numbers(before.unit).folded(epsilon: 1e-5)
        #expect(try after.unit.convolution.weight.doubles() == expected.weight.map { Double(Float($0)) })
        #expect(try after.unit.convolution.bias?.doubles() == expected.bias.map { Double(Float($0)) })
      }
    }
  }

  @Test func `a gamma of zero leaves the beta alone, a negative one turns the weights`() throws {
    let test = TestNetwork()
    let path = ParameterPath(.stemNorm, .weight)
    let gammas = try #require(test.values[path])
    #expect(gammas[1] == 0 && gammas[2] < 0)
    let network = try test.network()
    let folded = try network.foldingBatchNorm().network
    let old = try network.stem.convolution.weight.doubles()
    let new = try folded.stem.convolution.weight.doubles()
    #expect(new[27..<54].allSatisfy { $0 == 0 })
    #expect(try folded.stem.convolution.bias?.doubles()[1] == test.values[.init(.stemNorm, .bias)]?[1])
    #expect((54..<81).allSatisfy { old[$0] == 0 || old[$0].sign != new[$0].sign })
  }

  @Test(arguments: [0, 1e-5, 1.001e-5, 1e-3, 1])
  func `epsilon is the architecture's`(epsilon: Double) throws {
    let network = try TestNetwork(epsilon: epsilon, dtype: .float32).network()
    let (folded, record) = try network.foldingBatchNorm()
    let expected = try Numbers(network.stem).folded(epsilon: epsilon)
    #expect(try folded.stem.convolution.weight.doubles() == expected.weight.map { Double(Float($0)) })
    #expect(record.parameters == .object(["epsilon": .number(epsilon)]))
    #expect(folded.architecture.epsilon == .init(epsilon, from: .option))
  }

  // MARK: Dtypes

  @Test(arguments: [(DType.float16, DType.float32), (.bfloat16, .float32), (.float32, .float32), (.float64, .float64)])
  func `biases have at least float32's precision`(_ stored: DType, _ expected: DType) throws {
    let folded = try TestNetwork(dtype: stored).network().foldingBatchNorm().network
    for (_, unit) in folded.units {
      #expect(unit.convolution.weight.dtype == stored)
      #expect(unit.convolution.bias?.dtype == expected)
    }
  }

  @Test func `weights keep their dtype whatever that of the statistics`() throws {
    var test = TestNetwork(dtype: .float32)
    for path in test.values.keys where path.kind == .weight && !path.module.isNorm { test.dtypes[path] = .float16 }
    let network = try test.network()
    let folded = try network.foldingBatchNorm().network
    for (before, after) in zip(network.units, folded.units) {
      #expect(after.unit.convolution.weight.dtype == .float16)
      #expect(after.unit.convolution.bias?.dtype == .float32)
      let expected = try Numbers(before.unit).folded(epsilon: 1e-5)
      #expect(try after.unit.convolution.weight.doubles() == expected.weight.map { Double(Float16($0)) })
    }
  }

  @Test func `a conversion on the way out rounds the double, not the stored dtype`() throws {
    let network = try TestNetwork(dtype: .float32, seed: 5).network()
    let folded = try network.foldingBatchNorm().network
    let expected = try Numbers(network.stem).folded(epsilon: 1e-5)
    var halves: [UInt8] = []
    for value in expected.weight { halves.append(littleEndian: Float16(value).bitPattern) }
    #expect(try folded.stem.convolution.weight.bytes(as: .float16) == halves)
  }

  @Test func `a variance that float16 cannot hold is folded first and cast last`() throws {
    var test = TestNetwork(dtype: .float32)
    test.values[.init(.stemNorm, .runningVariance)] = [1e6, 1e8, 1e10, 1e30]
    let folded = try test.network().foldingBatchNorm().network
    let halves = try folded.stem.convolution.weight.bytes(as: .float16)
    #expect(halves.count == 4 * 27 * 2)
    let expected = try Numbers(test.network().stem).folded(epsilon: 1e-5).weight[0]
    #expect(try folded.stem.convolution.weight.doubles()[0] == Double(Float(expected)))
  }

  // MARK: The tree

  @Test(arguments: forms)
  func `a folded network has biases, no batch-norms, and is whole`(form: Form) throws {
    let network = try form.network().network()
    let folded = try network.foldingBatchNorm().network
    #expect(folded.units.allSatisfy { $0.unit.norm == nil && $0.unit.convolution.bias != nil })
    #expect(folded.architecture.normalization == .none)
    #expect(folded.architecture.hasConvolutionBias)
    #expect(folded.bufferCount == 0)
    var expected = network.architecture
    expected.normalization = .none
    expected.hasConvolutionBias = true
    #expect(folded.architecture == expected)
    var tensors: [ParameterPath: LazyTensor] = [:]
    for parameter in folded.parameters { tensors[parameter.path] = parameter.tensor }
    #expect(try ResNet(architecture: expected, tensors: tensors).parameters.count == folded.parameters.count)
  }

  @Test func `the classifier and the original are left alone`() throws {
    let network = try TestNetwork().network()
    let before = try network.bytes
    let folded = try network.foldingBatchNorm().network
    #expect(try network.bytes == before)
    #expect(try folded.head[0].weight.bytes() == network.head[0].weight.bytes())
    #expect(try folded.head[0].bias?.bytes() == network.head[0].bias?.bytes())
  }

  @Test func `weights are not read before they are pulled`() throws {
    var network = try TestNetwork(dtype: .float32).network()
    try network.updateUnits { _, unit throws(ResectError) in
      unit.convolution.weight = try UnreadableStorage.tensor(unit.convolution.weight.shape.axes)
    }
    let folded = try network.foldingBatchNorm().network
    #expect(refusal { () throws(ResectError) in try folded.stem.convolution.weight.bytes() } == .system)
  }

  @Test func `folding a folded network says that there is nothing to fold`() throws {
    let once = try TestNetwork(.bottleneck).network().foldingBatchNorm().network
    let (twice, record) = try once.foldingBatchNorm()
    #expect(try twice.bytes == once.bytes)
    #expect(twice.architecture == once.architecture)
    #expect(record.name == "fold-bn")
    #expect(record.report["layers"] == .array([]))
    #expect(record.summary.contains("nothing to fold"))
    #expect(record.warnings == [])
  }

  // MARK: The report

  @Test func `the report has a line a layer, with what was found there`() throws {
    let network = try TestNetwork().network()
    let record = try network.foldingBatchNorm().record
    let layers = try #require(record.report["layers"]?.elements)
    #expect(layers.map { $0["norm"]?.string } == network.units.map { $0.paths.norm.description })
    for (layer, unit) in zip(layers, network.units) {
      let numbers = try Numbers(unit.unit)
      let scales = zip(numbers.gamma, numbers.variance).map {
        AffineRoot(factor: $0, radicand: .init($1, 1e-5)).rounded
      }
      #expect(layer["channels"]?.integer == Int64(scales.count))
      #expect(layer["smallestScale"]?.number == scales.min())
      #expect(layer["largestScale"]?.number == scales.max())
      #expect(layer["negativeScales"]?.integer == Int64(numbers.gamma.count { $0 < 0 }))
      #expect(layer["zeroScales"]?.integer == Int64(numbers.gamma.count { $0 == 0 }))
      #expect(layer["varianceBelowEpsilon"]?.integer == 0)
    }
    #expect(record.warnings == [])
    #expect(record.summary.contains("\(layers.count) batch-norms"))
  }

  @Test func `variances below epsilon are counted and warned of`() throws {
    var test = TestNetwork(epsilon: 1e-3)
    test.values[.init(.shortcutNorm(stage: 2, block: 0), .runningVariance)] = [1e-14, 0, 1e-3, 9e-4, 1, 1, 1, 1]
    let record = try test.network().foldingBatchNorm().record
    #expect(record.warnings.count == 1)
    #expect(record.warnings[0].hasPrefix("stage2.0.shortcut.norm: "))
    #expect(record.warnings[0].contains("3 of 8 channels"))
    let counts = record.report["layers"]?.elements?.compactMap { $0["varianceBelowEpsilon"]?.integer }
    #expect(counts == [0, 0, 0, 0, 0, 0, 0, 0, 3])
  }

  // MARK: Refusals

  private func fault(_ network: ResNet) -> ResectError? {
    do throws(ResectError) {
      _ = try network.foldingBatchNorm()
      return nil
    } catch {
      return error
    }
  }

  @Test(
    arguments: [
      (.norm(stage: 1, block: 0, index: 1), .runningMean), (.stemNorm, .runningVariance),
      (.shortcutNorm(stage: 2, block: 0), .weight), (.norm(stage: 2, block: 0, index: 2), .bias),
      (.convolution(stage: 1, block: 1, index: 2), .bias), (.shortcutConvolution(stage: 1, block: 0), .bias),
    ] as [(ModulePath, ParameterPath.Kind)])
  func `a value that is not finite is refused by its place`(module: ModulePath, kind: ParameterPath.Kind) throws {
    for value in [Double.nan, .infinity, -.infinity] {
      var test = TestNetwork(bias: true)
      test.values[.init(module, kind)]?[3] = value
      let error = fault(try test.network())
      #expect(error?.code == .badValue)
      #expect(error?.tensor == "\(module).\(kind.rawValue)")
      #expect(error?.message.contains("element 3") == true)
    }
  }

  @Test(arguments: [DType.float64, .float32, .float16])
  func `a weight that is not finite is refused when it is pulled`(dtype: DType) throws {
    var test = TestNetwork(dtype: dtype)
    test.values[.init(.convolution(stage: 2, block: 0, index: 1), .weight)]?[60] = .nan
    let folded = try test.network().foldingBatchNorm().network
    let weight = folded.stages[1][0].units[0].convolution.weight
    do throws(ResectError) {
      _ = try weight.bytes()
      Issue.record("the weight was not refused")
    } catch {
      #expect(error.code == .badValue)
      // 6 × 3 × 3 weights an output channel.
      #expect(error.message.contains("output channel 1 "))
    }
    #expect(try folded.stem.convolution.weight.doubles().allSatisfy(\.isFinite))
  }

  @Test func `a weight that becomes infinite by rounding is refused when it is pulled`() throws {
    var test = TestNetwork(dtype: .float32)
    test.values[.init(.stemConvolution, .weight)]?[0] = 3e38
    test.values[.init(.stemNorm, .weight)]?[0] = 1
    test.values[.init(.stemNorm, .runningVariance)]?[0] = 0.0001
    let folded = try test.network().foldingBatchNorm().network
    #expect(refusal { () throws(ResectError) in try folded.stem.convolution.weight.bytes() } == .badValue)
  }

  @Test func `a negative variance is refused by its place and channel`() throws {
    var test = TestNetwork()
    test.values[.init(.norm(stage: 1, block: 1, index: 1), .runningVariance)]?[4] = -1e-9
    let error = fault(try test.network())
    #expect(error?.code == .badValue)
    #expect(error?.tensor == "stage1.1.norm1.running_var")
    #expect(error?.message.contains("channel 4") == true)
  }

  @Test func `a variance of zero is refused where epsilon is zero too`() throws {
    var test = TestNetwork(epsilon: 0)
    #expect(fault(try test.network()) == nil)
    test.values[.init(.shortcutNorm(stage: 1, block: 0), .runningVariance)]?[5] = 0
    let error = fault(try test.network())
    #expect(error?.code == .badValue)
    #expect(error?.tensor == "stage1.0.shortcut.norm.running_var")
    #expect(error?.message.contains("channel 5") == true)
    test.architecture.epsilon.value = 1e-5
    #expect(fault(try test.network()) == nil)
  }

  @Test func `an epsilon that nobody knows is refused with the option that says it`() throws {
    let error = fault(try TestNetwork(epsilon: nil).network())
    #expect(error?.code == .notApplicable)
    #expect(error?.advice?.code.rawValue == "sayEpsilon")
  }

  @Test func `batch-norms that keep no statistics are refused`() throws {
    var test = TestNetwork()
    test.architecture.normalization = .batchNorm(affine: true, statistics: false)
    #expect(fault(try test.network())?.code == .notApplicable)
  }

  @Test func `a batch-norm without statistics among others is refused by its place`() throws {
    var network = try TestNetwork().network()
    network.stages[0][1].units[1].norm?.runningVariance = nil
    let error = fault(network)
    #expect(error?.code == .mismatch)
    #expect(error?.tensor == "stage1.1.norm2")
  }

  @Test func `weights that cannot be computed with are refused by their place`() throws {
    var network = try TestNetwork().network()
    network.stages[1][0].units[0].convolution.weight = try LazyTensor(
      stored: [Double](repeating: 1, count: 8 * 6 * 9), [8, 6, 3, 3], dtype: .int8)
    let error = fault(network)
    #expect(error?.code == .unsupported)
    #expect(error?.tensor == "stage2.0.conv1.weight")
  }

  @Test func `a tensor that cannot be read is refused by its place`() throws {
    var network = try TestNetwork().network()
    network.stem.norm?.runningMean = try UnreadableStorage.tensor([4])
    let error = fault(network)
    #expect(error?.code == .system)
    #expect(error?.tensor == "stem.norm.running_mean")
  }
}

extension ModulePath {
  /// Whether the module is the 3×3 convolution of a bottleneck.
  fileprivate var isGrouped: Bool {
    if case .convolution(_, _, index: 2) = self { true } else { false }
  }
}
