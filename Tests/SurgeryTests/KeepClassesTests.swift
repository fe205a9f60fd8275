import ResectBytes
import ResectResNets
import ResectSurgery
import ResectTensors
import ResectTestSupport
import Testing

@Suite struct KeepClassesTests {
  private let weight = ParameterPath(.classifier(layer: nil), .weight)
  private let bias = ParameterPath(.classifier(layer: nil), .bias)

  /// The rows of `indices` of a matrix of `width` columns.
  private func rows(_ indices: [Int], of values: [Double], width: Int) -> [Double] {
    indices.flatMap { values[$0 * width..<($0 + 1) * width] }
  }

  @Test(arguments: [[0], [4, 1], [4, 3, 2, 1, 0], [0, 1, 2, 3, 4]])
  func `the rows of the classes that are kept are the same, in the order asked for`(indices: [Int]) throws {
    let test = TestNetwork()
    let network = try test.network()
    let (kept, record) = try network.keepingClasses(indices)
    let (weights, biases) = try (#require(test.values[weight]), #require(test.values[bias]))
    #expect(try kept.head[0].weight.doubles() == rows(indices, of: weights, width: 8))
    #expect(try kept.head[0].bias?.doubles() == rows(indices, of: biases, width: 1))
    #expect(kept.architecture.classes == indices.count)
    #expect(record.name == "keep-classes")
    #expect(record.parameters == .object(["classes": .array(indices.map { .integer($0) })]))
    #expect(record.report == .object(["classesBefore": .integer(5), "classes": .integer(indices.count)]))
  }

  @Test func `nothing but the head changes`() throws {
    let network = try TestNetwork().network()
    let kept = try network.keepingClasses([2, 0]).network
    var (before, after) = try (network.bytes, kept.bytes)
    for path in [weight, bias] { (before[path], after[path]) = (nil, nil) }
    #expect(after == before)
    var architecture = network.architecture
    architecture.headWidths = [2]
    #expect(kept.architecture == architecture)
  }

  @Test func `a head without bias stays without`() throws {
    let network = try TestNetwork().network().droppingClassifierBias().network
    let kept = try network.keepingClasses([1]).network
    #expect(kept.head[0].bias == nil)
    #expect(!kept.architecture.hasHeadBias)
  }

  @Test func `of a longer head, the last layer has the classes`() throws {
    let network = try TestNetwork(head: .layers([0, 2]), headWidths: [7, 5]).network()
    let kept = try network.keepingClasses([3]).network
    #expect(kept.architecture.headWidths == [7, 1])
    #expect(try kept.head[0].weight.bytes() == network.head[0].weight.bytes())
    #expect(kept.head[1].weight.shape.axes == [1, 7])
  }

  @Test(arguments: [BiasTreatment.keep, .feature])
  func `an embedding of classes keeps the same rows as its network`(treatment: BiasTreatment) throws {
    let network = try TestNetwork().network()
    let (backbone, classes, _) = try network.split(bias: treatment)
    let (kept, record) = try classes.keepingClasses([3, 1])
    #expect(kept.classes == 2)
    let joined = try backbone.joined(with: kept).network
    let direct = try network.keepingClasses([3, 1])
    #expect(try joined.bytes == direct.network.bytes)
    #expect(record == direct.record)
  }

  @Test(arguments: [[], [5], [-1], [1, 1], [0, 2, 4, 2]])
  func `no classes, strangers and repetitions are refused`(indices: [Int]) throws {
    let network = try TestNetwork().network()
    #expect(refusal { () throws(ResectError) in try network.keepingClasses(indices) } == .badArgument)
    let classes = try network.split(bias: .keep).classes
    #expect(refusal { () throws(ResectError) in try classes.keepingClasses(indices) } == .badArgument)
  }

  @Test func `a backbone has no classes`() throws {
    let backbone = try TestNetwork(head: .none, headWidths: []).network()
    #expect(refusal { () throws(ResectError) in try backbone.keepingClasses([0]) } == .notApplicable)
  }
}
