import ResectBytes
import ResectGraphs
import ResectResNets
import ResectTensors
import ResectTestSupport
import Testing

@Suite struct ResNetCostsTests {
  /// What `Tests/GraphsTests/make_costs.py` wrote of torchvision's networks.
  private static let rows: [JSON] = {
    let text = try? contents(of: Fixtures.document("Tests/GraphsTests/costs.json"))
    return (text.flatMap { try? JSON(parsing: $0) }?.elements ?? []).filter {
      $0["name"]?.string?.hasPrefix("resnet") == true
    }
  }()

  @Test func `there are networks to count`() { #expect(Self.rows.count == 4) }

  @Test(arguments: rows.indices)
  func `a ResNet costs what torchinfo and fvcore count for torchvision's`(index: Int) throws {
    let row = Self.rows[index]
    let depths = try #require(
      ["resnet18": [2, 2, 2, 2], "resnet50": [3, 4, 6, 3], "resnet152": [3, 8, 36, 3]][row["name"]?.string ?? ""])
    let architecture = Architecture.small(
      depths == [2, 2, 2, 2] ? .basic : .bottleneck, widths: [64, 128, 256, 512], depths: depths, stemWidth: 64,
      stem: .sevenWithMaxPool, classes: 1000)
    var tensors: [ParameterPath: LazyTensor] = [:]
    for parameter in architecture.parameters { tensors[parameter.path] = try UnreadableStorage.tensor(parameter.axes) }
    func count(_ name: String) throws -> Int { Int(try #require(row[name]?.integer)) }
    let costs = try ResNet(architecture: architecture, tensors: tensors).graph()
      .costs(height: count("height"), width: count("width"), batch: count("batch"))
    #expect(try costs.total.parameters == count("parameters"))
    #expect(try costs.total.multiplyAdds == count("multiplyAdds"))
    #expect(try costs.total.passBytes == count("passBytes"))
    #expect(try costs.total.constants == count("buffers"))
    #expect(costs.total.flops == row["flops"]?.members?.reduce(0) { $0 + Int($1.value.integer ?? .min) })
  }
}
