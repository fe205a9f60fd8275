import ResectBytes
import ResectResNets
import ResectSurgery
import ResectTensors
import ResectTestSupport
import Testing

@Suite struct ReplaceHeadTests {
  /// `torch.manual_seed(42); torch.nn.Linear(8, 3)` in torch 1.13 and 2.13, the bits of its floats.
  private let torchWeight: [UInt32] = [
    0x3E8A_6571, 0x3E96_3F5B, 0xBDA9_A1A3, 0x3EA6_4952, 0xBD9E_A5DF, 0x3D92_1CB0, 0xBE30_42A6, 0x3E54_9E79, 0x3E9F_9389,
    0xBE84_CD06, 0x3E9D_5760, 0x3D87_848F, 0x3E85_BD1B, 0x3D44_1FDA, 0x3E2E_921C, 0xBD4C_7767, 0x3E8B_8B95, 0x3D56_0CD7,
    0xBE29_039C, 0x3DB8_90EB, 0xBE26_CDF2, 0xBD29_D448, 0xBE13_0B86, 0x3E70_2A7B,
  ]
  private let torchBias: [UInt32] = [0xBE8E_E42A, 0xBE26_E750, 0xBDCC_760E]

  private func bits(_ tensor: LazyTensor?) throws -> [UInt32] { try #require(tensor).floats().map(\.bitPattern) }

  @Test func `the numbers are torch's`() throws {
    let (network, record) = try TestNetwork().network().replacingHead(classes: 3, seed: 42)
    #expect(try bits(network.head[0].weight) == torchWeight)
    #expect(try bits(network.head[0].bias) == torchBias)
    #expect(network.head[0].weight.shape.axes == [3, 8])
    #expect(record.name == "replace-head")
    #expect(record.parameters == .object(["classes": .integer(3), "seed": .integer(42)]))
    #expect(record.report["classesBefore"]?.integer == 5)
    #expect(record.report["features"]?.integer == 8)
  }

  @Test func `nothing but the head changes`() throws {
    let network = try TestNetwork().network()
    let replaced = try network.replacingHead(classes: 3).network
    let paths = [ParameterPath.Kind.weight, .bias].map { ParameterPath(.classifier(layer: nil), $0) }
    var (before, after) = try (network.bytes, replaced.bytes)
    for path in paths { (before[path], after[path]) = (nil, nil) }
    #expect(after == before)
    var architecture = network.architecture
    architecture.headWidths = [3]
    #expect(replaced.architecture == architecture)
    // What the tree says of shapes is what the tensors are.
    for expected in replaced.architecture.parameters {
      #expect(replaced.parameters.contains { $0.path == expected.path && $0.tensor.shape.axes == expected.axes })
    }
  }

  @Test func `a backbone gets a head, a constant feature goes`() throws {
    for treatment in [BiasTreatment.keep, .feature] {
      let backbone = try TestNetwork().network().split(bias: treatment).backbone
      let (network, record) = try backbone.replacingHead(classes: 3, seed: 42)
      #expect(try bits(network.head[0].weight) == torchWeight)
      #expect(network.architecture.head == .linear)
      #expect(network.architecture.hasHeadBias)
      #expect(!network.architecture.appendsConstantFeature)
      #expect(record.report["classesBefore"] == JSON.null)
    }
  }

  @Test func `one layer keeps its place, several are replaced whole`() throws {
    let numbered = try TestNetwork(head: .layers([1])).network().replacingHead(classes: 3).network
    #expect(numbered.head[0].layer == 1)
    #expect(numbered.architecture.head == .layers([1]))
    let longer = try TestNetwork(head: .layers([0, 2]), headWidths: [7, 5]).network()
      .replacingHead(classes: 3, seed: 42).network
    #expect(longer.architecture.head == .linear)
    #expect(longer.head.count == 1)
    #expect(try bits(longer.head[0].weight) == torchWeight)
  }

  @Test func `the seed is 0 where nobody says one, and another gives other numbers`() throws {
    let network = try TestNetwork().network()
    let byDefault = try network.replacingHead(classes: 3).network.bytes
    #expect(try network.replacingHead(classes: 3, seed: 0).network.bytes == byDefault)
    #expect(try network.replacingHead(classes: 3, seed: 1).network.bytes != byDefault)
  }

  @Test(arguments: [0, -1, 1 << 24 + 1, .max])
  func `a head of no classes, or of more than a file can have, is refused`(classes: Int) throws {
    let network = try TestNetwork().network()
    #expect(refusal { () throws(ResectError) in try network.replacingHead(classes: classes) } == .badArgument)
  }
}
