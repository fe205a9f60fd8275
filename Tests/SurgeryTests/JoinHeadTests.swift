import ResectBytes
import ResectResNets
import ResectSurgery
import ResectTensors
import ResectTestSupport
import Testing

@Suite struct JoinHeadTests {
  private func code(_ backbone: ResNet, _ classes: ClassEmbedding) -> ResectError.Code? {
    refusal { () throws(ResectError) in try backbone.joined(with: classes) }
  }

  private func embedding(features: Int, hasConstantFeature: Bool = false) throws -> ClassEmbedding {
    try ClassEmbedding(
      weight: UnreadableStorage.tensor([5, features]), bias: nil, hasConstantFeature: hasConstantFeature)
  }

  @Test(arguments: [BiasTreatment.keep, .feature], [DType.float64, .float32, .float16, .bfloat16])
  func `joining undoes a split to the bit`(treatment: BiasTreatment, dtype: DType) throws {
    let network = try TestNetwork(dtype: dtype, seed: 31).network()
    let (backbone, classes, _) = try network.split(bias: treatment)
    let (joined, record) = try backbone.joined(with: classes)
    #expect(joined.architecture == network.architecture)
    #expect(joined.parameters.map(\.path) == network.parameters.map(\.path))
    #expect(joined.parameters.map(\.tensor.dtype) == network.parameters.map(\.tensor.dtype))
    #expect(joined.parameters.map(\.tensor.shape) == network.parameters.map(\.tensor.shape))
    #expect(try joined.bytes == network.bytes)
    #expect(record.name == "join")
    #expect(record.report["classes"]?.integer == 5)
    #expect(record.report["features"]?.integer == (treatment == .feature ? 9 : 8))
  }

  /// Infinities, NaN with a payload, negative zero and subnormal numbers: bits, not values.
  @Test(arguments: [BiasTreatment.keep, .feature])
  func `bits that arithmetic would not keep are kept`(treatment: BiasTreatment) throws {
    var network = try TestNetwork(dtype: .float32).network()
    var random = SeededRandom(seed: 41)
    let patterns: [UInt32] = [0x7FC1_2345, 0xFF80_0000, 0x7FA0_0001, 0x8000_0000, 1, 0x007F_FFFF]
    func tensor(_ axes: [Int]) throws -> LazyTensor {
      var bytes: [UInt8] = []
      for _ in 0..<axes.reduce(1, *) {
        bytes.append(littleEndian: patterns.randomElement(using: &random) ?? 0)
      }
      return try LazyTensor(storage: MemoryStorage(bytes), dtype: .float32, shape: Shape(axes))
    }
    network.head[0].weight = try tensor([5, 8])
    network.head[0].bias = try tensor([5])
    let (backbone, classes, _) = try network.split(bias: treatment)
    let joined = try backbone.joined(with: classes).network
    #expect(try joined.bytes == network.bytes)
  }

  @Test func `a bias that was dropped stays dropped`() throws {
    let network = try TestNetwork().network()
    let (backbone, classes, _) = try network.split(bias: .drop)
    let joined = try backbone.joined(with: classes).network
    let dropped = try network.droppingClassifierBias().network
    #expect(joined.architecture == dropped.architecture)
    #expect(try joined.bytes == dropped.bytes)
  }

  @Test func `a folded network is split and joined like any other`() throws {
    let network = try TestNetwork(.bottleneck).network().foldingBatchNorm().network
    let (backbone, classes, _) = try network.split(bias: .feature)
    let joined = try backbone.joined(with: classes).network
    #expect(joined.architecture == network.architecture)
    #expect(try joined.bytes == network.bytes)
  }

  @Test func `another embedding of the same features makes another classifier`() throws {
    let backbone = try TestNetwork().network().split(bias: .keep).backbone
    let more = try ClassEmbedding(
      weight: LazyTensor(stored: (0..<24).map(Double.init), [3, 8]),
      bias: LazyTensor(stored: [7, 8, 9], [3]), hasConstantFeature: false)
    let joined = try backbone.joined(with: more).network
    #expect(joined.architecture.classes == 3)
    #expect(try joined.head[0].weight.doubles() == (0..<24).map(Double.init))
    #expect(try joined.head[0].bias?.doubles() == [7, 8, 9])
  }

  @Test func `a network that has a classifier is no backbone`() throws {
    let network = try TestNetwork().network()
    let classes = try network.split(bias: .keep).classes
    let error = #expect(throws: ResectError.self) { try network.joined(with: classes) }
    #expect(error?.code == .notApplicable)
    #expect(error?.advice?.text.contains("split") == true)
  }

  @Test func `features of another number are refused`() throws {
    let backbone = try TestNetwork().network().split(bias: .keep).backbone
    #expect(code(backbone, try embedding(features: 7)) == .mismatch)
    #expect(code(backbone, try embedding(features: 9)) == .mismatch)
    #expect(code(backbone, try embedding(features: 0)) == .mismatch)
    #expect(code(backbone, try embedding(features: 8)) == nil)
  }

  @Test func `a constant feature on one side only is refused`() throws {
    let network = try TestNetwork().network()
    let (plain, plainClasses, _) = try network.split(bias: .drop)
    let (constant, constantClasses, _) = try network.split(bias: .feature)
    #expect(code(plain, constantClasses) == .mismatch)
    #expect(code(constant, plainClasses) == .mismatch)
    // Also where the numbers of features happen to agree.
    #expect(code(plain, try embedding(features: 8, hasConstantFeature: true)) == .mismatch)
    #expect(code(constant, try embedding(features: 9)) == .mismatch)
  }
}
