import ResectGraphs
import ResectBytes
import ResectResNets
import ResectSurgery
import ResectTensors
import ResectTestSupport
import Testing

@Suite struct NormalizeTests {
  private let weight = ParameterPath(.stemConvolution, .weight)
  private let bias = ParameterPath(.stemConvolution, .bias)
  private let mean = ParameterPath(.stemNorm, .runningMean)

  /// Numbers that are easy to follow: blue first, another mean and deviation for each channel.
  private func preprocessing() throws -> Preprocessing {
    try Preprocessing(scale: 0.5, channelOrder: .bgr, mean: [1, 2, 4], std: [0.5, 2, 8])
  }

  private func code(
    _ network: ResNet, by preprocessing: Preprocessing, folds: Bool
  ) -> ResectError.Code? {
    refusal { () throws(ResectError) in
      folds ? try network.foldingNormalization(of: preprocessing) : try network.normalizing(by: preprocessing)
    }
  }

  // MARK: As a layer

  @Test func `a layer of its own changes no weight`() throws {
    let network = try TestNetwork().network()
    let (normalized, record) = try network.normalizing(by: preprocessing())
    #expect(try normalized.bytes == network.bytes)
    var architecture = network.architecture
    architecture.inputNormalization = InputNormalization(try preprocessing())
    #expect(normalized.architecture == architecture)
    #expect(record.name == "normalize")
    #expect(record.parameters["preprocessing"] == (try preprocessing().json))
    #expect(record.parameters["fold"]?.bool == false)
  }

  @Test func `every surgery keeps it`() throws {
    let network = try TestNetwork().network().normalizing(by: preprocessing()).network
    let normalization = try #require(network.architecture.inputNormalization)
    let (backbone, classes, _) = try network.split(bias: .feature)
    let others = try [
      network.foldingBatchNorm().network, network.droppingClassifierBias().network, backbone,
      backbone.joined(with: classes).network, network.keepingClasses([1]).network,
      network.replacingHead(classes: 2).network,
    ]
    for other in others { #expect(other.architecture.inputNormalization == normalization) }
  }

  // MARK: Folded

  /// What the stem's convolution and batch-norm make of one window of pixels that lies within the image, in double precision.
  private func stem(_ network: ResNet, _ window: [Double]) throws -> [Double] {
    let weights = try network.stem.convolution.weight.doubles()
    let bias = try network.stem.convolution.bias?.doubles()
    let norm = try #require(network.stem.norm)
    let (mean, variance) = try (
      #require(norm.runningMean).doubles(), #require(norm.runningVariance).doubles()
    )
    let (scale, shift) = try (#require(norm.weight).doubles(), #require(norm.bias).doubles())
    return (0..<4).map { output in
      let sum = (0..<27).reduce(bias?[output] ?? 0) { $0 + weights[output * 27 + $1] * window[$1] }
      return (sum - mean[output]) / (variance[output] + 1e-5).squareRoot() * scale[output] + shift[output]
    }
  }

  @Test(arguments: [false, true])
  func `within the image, folding gives what normalising gave`(hasBias: Bool) throws {
    let test = TestNetwork(bias: hasBias)
    let network = try test.network()
    let folded = try network.foldingNormalization(of: preprocessing()).network
    #expect(folded.architecture == network.architecture)
    var random = SeededRandom(seed: 7)
    for _ in 0..<5 {
      // Red, green and blue pixels of a window of 3 × 3.
      let pixels = (0..<27).map { _ in Double(Int.random(in: 0...255, using: &random)) }
      let blue = pixels[18..<27].map { ($0 * 0.5 - 1) / 0.5 }
      let green = pixels[9..<18].map { ($0 * 0.5 - 2) / 2 }
      let red = pixels[0..<9].map { ($0 * 0.5 - 4) / 8 }
      let expected = try stem(network, blue + green + red)
      for (value, wanted) in zip(try stem(folded, pixels), expected) {
        #expect(abs(value - wanted) <= 1e-9 * max(1, abs(wanted)))
      }
    }
  }

  @Test(arguments: [false, true])
  func `the means go to the bias or, where there is none, to the running mean, and nothing else changes`(
    hasBias: Bool
  ) throws {
    let test = TestNetwork(bias: hasBias)
    let network = try test.network()
    let folded = try network.foldingNormalization(of: preprocessing()).network
    let changed = Set(try folded.bytes.filter { try network.bytes[$0.key] != $0.value }.map(\.key))
    #expect(changed == [weight, hasBias ? bias : mean])
  }

  @Test func `what would make the border exact is reported in the image's order`() throws {
    let network = try TestNetwork().network()
    let record = try network.foldingNormalization(of: preprocessing()).record
    #expect(record.report["exactPadding"] == .array([.number(8), .number(4), .number(2)]))
    #expect(record.warnings.count == 1)
    // Pixels of that value are to the folded network what zeros were.
    let folded = try network.foldingNormalization(of: preprocessing()).network
    let padding = [8.0, 4, 2].flatMap { [Double](repeating: $0, count: 9) }
    let zeros = [Double](repeating: 0, count: 27)
    for (value, wanted) in zip(try stem(folded, padding), try stem(network, zeros)) {
      #expect(abs(value - wanted) <= 1e-12 * max(1, abs(wanted)))
    }
    #expect(record.warnings[0].contains("8, 4, 2"))
    let torchvision = try network.foldingNormalization(of: .torchvision).record.report["exactPadding"]
    // 255 times ImageNet's means.
    for (padding, pixel) in zip(torchvision?.elements ?? [], [123.675, 116.28, 103.53]) {
      #expect(abs((padding.number ?? 0) - pixel) < 1e-9)
    }
    let scaled = try Preprocessing(scale: 0.25, channelOrder: .rgb, mean: [0, 0, 0], std: [1, 1, 1])
    #expect(try network.foldingNormalization(of: scaled).record.warnings == [])
  }

  @Test func `half precision becomes float32, other weights keep their dtype`() throws {
    for (dtype, expected) in [(DType.float16, DType.float32), (.float32, .float32), (.float64, .float64)] {
      let folded = try TestNetwork(dtype: dtype).network().foldingNormalization(of: preprocessing()).network
      #expect(folded.stem.convolution.weight.dtype == expected)
      #expect(folded.stem.norm?.runningMean?.dtype == expected)
    }
  }

  @Test func `without a bias and without a running mean there is no place for the means`() throws {
    var test = TestNetwork()
    test.architecture.normalization = .none
    #expect(code(try test.network(), by: try preprocessing(), folds: true) == .notApplicable)
    #expect(code(try test.network(), by: try preprocessing(), folds: false) == nil)
    let folded = try TestNetwork().network().foldingBatchNorm().network
    #expect(code(folded, by: try preprocessing(), folds: true) == nil)
  }

  @Test func `weights that are not finite are refused by their place`() throws {
    var test = TestNetwork()
    test.values[weight]?[5] = .nan
    let network = try test.network()
    let error = #expect(throws: ResectError.self) { try network.foldingNormalization(of: preprocessing()) }
    #expect(error?.code == .badValue)
    #expect(error?.tensor == "stem.conv.weight")
  }

  // MARK: Both

  @Test(arguments: [false, true])
  func `other channels, a second normalisation and one that does nothing are refused`(folds: Bool) throws {
    let network = try TestNetwork().network()
    let grey = try Preprocessing(scale: 0.5, channelOrder: .grey, mean: [1], std: [1])
    #expect(code(network, by: grey, folds: folds) == .mismatch)
    #expect(code(network, by: .none, folds: folds) == .notApplicable)
    let normalized = try network.normalizing(by: .torchvision).network
    #expect(code(normalized, by: .torchvision, folds: folds) == .notApplicable)
  }
}
