import ResectBytes
import ResectGraphs
import ResectTensors
import Testing

@Suite struct GraphCostsTests {
  private static let rows = Tables.rows("costs.json")

  private static func network(_ name: String) throws -> Graph? {
    switch name {
    case "resnet18": try Networks.resNet([2, 2, 2, 2], bottleneck: false)
    case "resnet50": try Networks.resNet([3, 4, 6, 3], bottleneck: true)
    case "resnet152": try Networks.resNet([3, 8, 36, 3], bottleneck: true)
    case "vgg16": try Networks.vgg16()
    case "small": try Networks.small()
    default: nil
    }
  }

  @Test func `there are networks to count`() { #expect(Self.rows.count == 6) }

  @Test(arguments: rows.indices)
  func `costs are those that torchinfo and fvcore count`(index: Int) throws {
    let row = Self.rows[index]
    let name = try #require(row["name"]?.string)
    let graph = try #require(try Self.network(name))
    let costs = try graph.costs(height: row.count("height"), width: row.count("width"), batch: row.count("batch"))
    let total = costs.total
    #expect(total.parameters == row.count("parameters"))
    #expect(total.parameterBytes == row.count("parameterBytes"))
    #expect(total.multiplyAdds == row.count("multiplyAdds"))
    #expect(total.passBytes == row.count("passBytes"))
    #expect(total.constants == row.count("buffers"))
    #expect(total.constantBytes == 4 * row.count("buffers"))
    #expect(costs.peakActivationBytes == row.count("peakActivationBytes"))
    // The adaptive pooling of a VGG is no global one: at this size it changes nothing, and here it is an identity.
    let counted = try #require(row["flops"]?.members).filter { name != "vgg16" || $0.name != "adaptive_avg_pool2d" }
    #expect(total.flops == counted.reduce(0) { $0 + Int($1.value.integer ?? .min) })
  }

  @Test func `nodes add up to the total, and a batch is as many times one image`() throws {
    let graph = try Networks.resNet([1, 1], bottleneck: true)
    let (one, three) = (
      try graph.costs(height: 64, width: 96), try graph.costs(height: 64, width: 96, batch: 3)
    )
    #expect(one.nodes.map(\.name) == graph.nodes.map(\.name))
    #expect(one.nodes.map(\.amounts.multiplyAdds).reduce(0, +) == one.total.multiplyAdds)
    #expect(one.nodes.map(\.amounts.flops).reduce(0, +) == one.total.flops)
    #expect(three.total.multiplyAdds == 3 * one.total.multiplyAdds)
    #expect(three.total.flops == 3 * one.total.flops)
    #expect(three.total.activationBytes == 3 * one.total.activationBytes)
    #expect(three.peakActivationBytes == 3 * one.peakActivationBytes)
    #expect(three.inputBytes == 3 * 4 * 3 * 64 * 96)
    #expect(three.total.parameters == one.total.parameters)
    #expect(three.total.parameterBytes == one.total.parameterBytes)
  }

  @Test func `parameters take the bytes that they are stored in`() throws {
    let half = LazyTensor(values: [1, 2, 3, 4, 5, 6], dtype: .float16)
    var builder = GraphBuilder(input: .features(6))
    let made = builder.add(.scaleShift(.init(scale: half, shift: nil)), of: 0, as: "scale")
    let costs = try builder.graph(outputs: [.init("scaled", made)]).costs(height: 0, width: 0)
    #expect(costs.total.parameters == 6)
    #expect(costs.total.parameterBytes == 12)
    #expect(costs.total.activationBytes == 24)
  }

  @Test func `a value lives until its last consumer, an output until the end`() throws {
    // 16 bytes go in; a, b and c have 16 each, d joins a and c to 32.
    var builder = GraphBuilder(input: .features(4))
    let a = builder.add(.activation(.relu), of: 0, as: "a")
    let b = builder.add(.activation(.relu), of: a, as: "b")
    let c = builder.add(.activation(.relu), of: b, as: "c")
    let d = builder.add(.concatenate, of: a, c, as: "d")
    func peak(_ outputs: Graph.ValueID...) throws -> Int {
      let named = outputs.map { Graph.Output("\($0)", $0) }
      return try builder.graph(outputs: named).costs(height: 0, width: 0).peakActivationBytes
    }
    // At d: a, c and d itself.
    #expect(try peak(d) == 16 + 16 + 32)
    // And b, which is given.
    #expect(try peak(d, b) == 16 + 16 + 16 + 32)
    // And the input.
    #expect(try peak(d, b, 0) == 16 + 16 + 16 + 16 + 32)
  }

  @Test func `a value that nothing takes goes at once, and a constant is not computed`() throws {
    var builder = GraphBuilder(input: .features(4))
    _ = builder.add(.concatenate, ofAll: [0, 0, 0, 0], as: "unused")
    let constant = builder.add(.constant(blank(4)), ofAll: [], as: "constant")
    let sum = builder.add(.add, of: 0, constant, as: "sum")
    let costs = try builder.graph(outputs: [.init("sum", sum)]).costs(height: 0, width: 0)
    #expect(costs.peakActivationBytes == 16 + 64)
    #expect(costs.total.activationBytes == 64 + 16)
    #expect(costs.total.constants == 4)
    #expect(costs.total.parameters == 0)
    #expect(costs.total.passBytes == 0)
  }

  @Test func `costs beyond 64 bits are refused with the node's name, and so are no images`() throws {
    let graph = try Networks.resNet([1], bottleneck: false)
    let error = #expect(throws: ResectError.self) { try graph.costs(height: 224, width: 224, batch: 1 << 40) }
    #expect(error?.code == .limit)
    #expect(error?.tensor == "conv1")
    for batch in [0, -1] {
      #expect(throws: ResectError.self) { try graph.costs(height: 224, width: 224, batch: batch) }
    }
  }
}
