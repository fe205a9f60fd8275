import ResectBytes
import ResectResNets
import ResectSurgery
import ResectTensors
import ResectTestSupport
import Testing

@Suite struct DropClassifierBiasTests {
  private func network(_ bias: [Double]) throws -> ResNet {
    var test = TestNetwork(headWidths: [bias.count])
    test.values[.init(.classifier(layer: nil), .bias)] = bias
    return try test.network()
  }

  private func code(of network: ResNet) -> ResectError.Code? {
    refusal { () throws(ResectError) in try network.droppingClassifierBias() }
  }

  @Test func `the bias is gone and nothing else`() throws {
    let network = try network([1, 2, 3, 6])
    let dropped = try network.droppingClassifierBias().network
    #expect(dropped.head[0].bias == nil)
    #expect(!dropped.architecture.hasHeadBias)
    var expected = try network.bytes
    expected[.init(.classifier(layer: nil), .bias)] = nil
    #expect(try dropped.bytes == expected)
    var architecture = network.architecture
    architecture.hasHeadBias = false
    #expect(dropped.architecture == architecture)
  }

  @Test(
    arguments: [
      // Means and deviations by hand: of the population, divided by the count.
      ([1, 2, 3, 6], 1, 6, 3, 3.5), ([-2, 2], -2, 2, 0, 4), ([0.5], 0.5, 0.5, 0.5, 0),
      ([-1, -1, -1], -1, -1, -1, 0), ([0, 0, 0, 8], 0, 8, 2, 12),
    ] as [([Double], Double, Double, Double, Double)])
  func `the report has the bias's statistics`(
    bias: [Double], least: Double, greatest: Double, mean: Double, variance: Double
  ) throws {
    let record = try network(bias).droppingClassifierBias().record
    #expect(record.name == "drop-fc-bias")
    #expect(record.parameters == .object([]))
    #expect(record.report["smallest"]?.number == least)
    #expect(record.report["largest"]?.number == greatest)
    #expect(record.report["mean"]?.number == mean)
    #expect(record.report["standardDeviation"]?.number == variance.squareRoot())
    // Of every pair of classes, the one whose difference changes most.
    var change = 0.0
    for one in bias { for other in bias { change = max(change, (one - other).magnitude) } }
    #expect(record.report["largestChangeBetweenClasses"]?.number == change)
    #expect(record.summary.contains("dropped \(bias.count) biases"))
    #expect(record.summary.contains("the mean changes no probability"))
  }

  @Test(arguments: [
    (123456, "123500"), (0.00012345678, "0.0001235"), (-9.99951, "-10"), (0, "0"),
    (.leastNonzeroMagnitude, "5e-324"),
    (123_456_789, "123500000"),
  ])
  func `people are shown four digits`(value: Double, text: String) throws {
    #expect(try network([value]).droppingClassifierBias().record.summary.contains("from \(text) to \(text) "))
  }

  @Test func `a classifier without a bias is left as it is`() throws {
    let once = try network([1, 2, 3]).droppingClassifierBias().network
    let (twice, record) = try once.droppingClassifierBias()
    #expect(try twice.bytes == once.bytes)
    #expect(twice.architecture == once.architecture)
    #expect(record.report == .object(["bias": .null]))
    #expect(record.summary.contains("nothing to drop"))
  }

  @Test func `a single numbered layer is a classifier too`() throws {
    let network = try TestNetwork(head: .layers([1])).network()
    let dropped = try network.droppingClassifierBias().network
    #expect(dropped.head[0].layer == 1)
    #expect(dropped.head[0].bias == nil)
  }

  @Test(arguments: [Double.nan, .infinity, -.infinity])
  func `a bias that is not finite is refused by its place`(value: Double) throws {
    let network = try network([0, value, 1])
    let error = #expect(throws: ResectError.self) { try network.droppingClassifierBias() }
    #expect(error?.code == .badValue)
    #expect(error?.tensor == "classifier.bias")
  }

  @Test func `a backbone and a longer head are refused`() throws {
    #expect(code(of: try TestNetwork(head: .none, headWidths: []).network()) == .notApplicable)
    #expect(code(of: try TestNetwork(head: .layers([0, 2]), headWidths: [7, 5]).network()) == .notApplicable)
  }
}
