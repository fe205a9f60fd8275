import ResectBytes
import ResectResNets
import ResectSurgery
import ResectTensors
import ResectTestSupport
import Testing

@Suite struct SplitHeadTests {
  private let bias = ParameterPath(.classifier(layer: nil), .bias)
  private let weight = ParameterPath(.classifier(layer: nil), .weight)

  private func code(of network: ResNet, bias: BiasTreatment = .keep) -> ResectError.Code? {
    refusal { () throws(ResectError) in try network.split(bias: bias) }
  }

  @Test(arguments: BiasTreatment.allCases)
  func `the backbone is the network without its head`(treatment: BiasTreatment) throws {
    let network = try TestNetwork().network()
    let backbone = try network.split(bias: treatment).backbone
    var expected = try network.bytes
    expected[bias] = nil
    expected[weight] = nil
    #expect(try backbone.bytes == expected)
    var architecture = network.architecture
    architecture.head = .none
    architecture.headWidths = []
    architecture.hasHeadBias = false
    architecture.appendsConstantFeature = treatment == .feature
    #expect(backbone.architecture == architecture)
    #expect(backbone.architecture.classes == nil)
    #expect(backbone.architecture.featureCount == (treatment == .feature ? 9 : 8))
  }

  @Test func `a bias that is kept stays beside the embedding`() throws {
    let test = TestNetwork()
    let (_, classes, record) = try test.network().split(bias: .keep)
    #expect(classes.classes == 5)
    #expect(classes.features == 8)
    #expect(!classes.hasConstantFeature)
    #expect(try classes.weight.doubles() == test.values[weight])
    #expect(try classes.bias?.doubles() == test.values[bias])
    #expect(record.name == "split")
    #expect(record.parameters == .object(["bias": .string("keep")]))
    #expect(record.report == .object(["classes": .integer(5), "features": .integer(8)]))
    #expect(record.warnings == [])
  }

  @Test func `a bias that is dropped is reported as drop-fc-bias reports it`() throws {
    let test = TestNetwork()
    let network = try test.network()
    let (_, classes, record) = try network.split(bias: .drop)
    #expect(classes.bias == nil)
    #expect(!classes.hasConstantFeature)
    #expect(try classes.weight.doubles() == test.values[weight])
    let dropped = try network.droppingClassifierBias().record
    #expect(record.report["dropped"] == dropped.report)
    #expect(record.warnings == [dropped.summary])
  }

  @Test func `a bias as a feature is the last column`() throws {
    let test = TestNetwork()
    let (_, classes, record) = try test.network().split(bias: .feature)
    #expect(classes.bias == nil)
    #expect(classes.hasConstantFeature)
    #expect(classes.weight.shape.axes == [5, 9])
    let (weights, biases) = try (#require(test.values[weight]), #require(test.values[bias]))
    var rows: [Double] = []
    for row in 0..<5 {
      rows += weights[row * 8..<(row + 1) * 8]
      rows.append(biases[row])
    }
    #expect(try classes.weight.doubles() == rows)
    #expect(record.report["features"]?.integer == 9)
    #expect(record.warnings == [])
  }

  @Test func `where there is no bias, no constant feature is appended`() throws {
    let network = try TestNetwork().network().droppingClassifierBias().network
    let (backbone, classes, record) = try network.split(bias: .feature)
    #expect(!backbone.architecture.appendsConstantFeature)
    #expect(!classes.hasConstantFeature)
    #expect(classes.features == 8)
    #expect(record.warnings.count == 1)
    #expect(try network.split(bias: .keep).classes.bias == nil)
    #expect(try network.split(bias: .drop).record.report["dropped"] == .object(["bias": .null]))
  }

  @Test func `a bias of another dtype is no column`() throws {
    var test = TestNetwork(dtype: .float16)
    test.dtypes[bias] = .float32
    #expect(code(of: try test.network(), bias: .feature) == .notApplicable)
    #expect(code(of: try test.network(), bias: .keep) == nil)
  }

  @Test(arguments: BiasTreatment.allCases)
  func `a network without a head is a backbone already`(treatment: BiasTreatment) throws {
    #expect(code(of: try TestNetwork(head: .none, headWidths: []).network(), bias: treatment) == .notApplicable)
  }

  @Test func `a head of several layers is refused with the reason`() throws {
    let network = try TestNetwork(head: .layers([0, 2]), headWidths: [7, 5]).network()
    let error = #expect(throws: ResectError.self) { try network.split(bias: .keep) }
    #expect(error?.code == .notApplicable)
    #expect(error?.message.contains("2 linear layers") == true)
    #expect(error?.message.contains("no single class embedding") == true)
  }

  @Test func `a bias that is not finite is refused where it is dropped, and kept otherwise`() throws {
    var test = TestNetwork()
    test.values[bias]?[2] = .nan
    #expect(code(of: try test.network(), bias: .drop) == .badValue)
    #expect(code(of: try test.network(), bias: .keep) == nil)
    #expect(code(of: try test.network(), bias: .feature) == nil)
  }
}
