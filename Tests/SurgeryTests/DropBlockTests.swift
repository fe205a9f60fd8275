import ResectBytes
import ResectGraphs
import ResectResNets
import ResectSurgery
import ResectTensors
import ResectTestSupport
import Testing

@Suite struct DropBlockTests {
  private func error(_ body: () throws -> Void) -> ResectError? {
    do { try body() } catch { return error as? ResectError }
    return nil
  }

  // MARK: A ResNet

  @Test func `the block is gone, those behind it move up, and the rest keeps every bit`() throws {
    let network = try ResNet.random(.small(depths: [4, 1], stemWidth: 16))
    let (dropped, record) = try network.droppingBlock("stage1.1")
    #expect(dropped.stages.map(\.count) == [3, 1])
    var expected: [ParameterPath: [UInt8]] = [:]
    var gone = 0
    for (path, bytes) in try network.bytes {
      guard let block = path.module.block(ofStage: 1) else {
        expected[path] = bytes
        continue
      }
      if block == 1 { gone += bytes.count / 4 }
      if block != 1 { expected[ParameterPath(path.module.moved(to: block > 1 ? block - 1 : block), path.kind)] = bytes }
    }
    #expect(try dropped.bytes == expected)
    #expect(record.name == "drop-block" && record.parameters == .object(["block": .string("stage1.1")]))
    #expect(record.report["parameters"] == .integer(gone))
    #expect(record.summary.hasSuffix("; the 2 behind it in its stage move up by one"))
    // What the tree says of its tensors is what they are.
    let tensors = Dictionary(uniqueKeysWithValues: dropped.parameters.map { ($0.path, $0.tensor) })
    #expect(try ResNet(architecture: dropped.architecture, tensors: tensors).bytes == dropped.bytes)
  }

  @Test func `what is done to every block is done to those that are left`() throws {
    let network = try ResNet.random(.small(depths: [3, 1], stemWidth: 16))
    let before = try network.droppingBlock("stage1.1").network.foldingBatchNorm().network
    let after = try network.foldingBatchNorm().network.droppingBlock("stage1.1").network
    #expect(try before.bytes == after.bytes)
  }

  @Test func `a block that changes the shape is refused, and so is the only one of its stage`() throws {
    let network = try ResNet.random(.small(depths: [1, 2], stemWidth: 16))
    // The stem's channels are those of the first stage, which has one block.
    let only = error { _ = try network.droppingBlock("stage1.0") }
    #expect(only?.code == .notApplicable && only?.message == "the block is the only one of its stage")
    let projected = error { _ = try network.droppingBlock("stage2.0") }
    #expect(projected?.code == .notApplicable && projected?.tensor == "stage2.0")
    #expect(projected?.message.contains("not the identity") == true)
  }

  @Test func `a zero-padded shortcut is not the identity`() throws {
    let network = try ResNet.random(.small(depths: [2, 2], stemWidth: 16, shortcut: .zeroPadded))
    #expect(error { _ = try network.droppingBlock("stage2.0") }?.code == .notApplicable)
    #expect(try network.droppingBlock("stage2.1").network.stages.map(\.count) == [2, 1])
  }

  @Test(arguments: ["stage1.9", "stage0.0", "stage9.0", "1.1", "stage1", ""])
  func `an unknown block is refused with those that can go`(name: String) throws {
    let network = try ResNet.random(.small(depths: [2, 1], stemWidth: 16))
    let error = error { _ = try network.droppingBlock(name) }
    #expect(error?.code == .badArgument)
    #expect(error?.advice == "name one whose shortcut is the identity: stage1.0, stage1.1")
  }

  // MARK: A graph

  /// Two blocks, of which only the first adds its input as it is: the addition takes it first or second.
  private func graph(shortcutFirst: Bool = true) throws -> Graph {
    var test = TestGraph()
    var builder = GraphBuilder(input: .image(channels: 3))
    func convolution(_ outputs: Int, _ inputs: Int) throws -> Graph.Operation {
      .convolution(.init(weight: try test.tensor(outputs, inputs, 1, 1)))
    }
    let stem = builder.add(try convolution(4, 3), of: builder.input, as: "stem")
    let expanded = builder.add(try convolution(8, 4), of: stem, as: "block_1_expand")
    let branch = builder.add(try convolution(4, 8), of: expanded, as: "block_1_project")
    let sum = builder.add(
      .add, ofAll: shortcutFirst ? [stem, branch] : [branch, stem], as: "block_1_add")
    let one = builder.add(try convolution(6, 4), of: sum, as: "block_2_project")
    let other = builder.add(try convolution(6, 4), of: sum, as: "block_2_shortcut")
    let last = builder.add(.add, of: other, one, as: "block_2_add")
    return try builder.graph(outputs: [.init(Graph.Output.features, last)], features: last)
  }

  @Test(arguments: [false, true], ["block_1", "block_1_add"])
  func `what goes into a block takes the place of its addition`(shortcutFirst: Bool, name: String) throws {
    let graph = try graph(shortcutFirst: shortcutFirst)
    let (dropped, record) = try graph.droppingBlock(name)
    #expect(dropped.nodes.map(\.name) == ["stem", "block_2_project", "block_2_shortcut", "block_2_add"])
    #expect(dropped.nodes[1].inputs == [1] && dropped.nodes[2].inputs == [1])
    #expect(dropped.features == 4 && dropped.output == 4)
    #expect(record.parameters["block"]?.string == "block_1_add")
    #expect(record.report["parameters"] == .integer(64))
    #expect(try dropped.bytes["stem.weight"] == graph.bytes["stem.weight"])
  }

  @Test func `an addition of two branches is refused, and names that mean several or nothing`() throws {
    let graph = try graph()
    let projected = error { _ = try graph.droppingBlock("block_2") }
    #expect(projected?.code == .notApplicable && projected?.tensor == "block_2_add")
    let several = error { _ = try graph.droppingBlock("block") }
    #expect(several?.code == .ambiguous && several?.message.hasSuffix("block_1_add, block_2_add") == true)
    let unknown = error { _ = try graph.droppingBlock("block_11") }
    #expect(unknown?.code == .badArgument)
    #expect(unknown?.advice == "name one whose shortcut is the identity: block_1_add")
  }

  @Test func `what else takes a part of the block keeps that part`() throws {
    let graph = try graph()
    let expanded = try #require(graph.nodes.firstIndex { $0.name == "block_1_expand" })
    let tapped = try Graph(
      input: graph.input, nodes: graph.nodes,
      outputs: graph.outputs + [.init("tap", expanded + 1)], features: graph.features)
    let dropped = try tapped.droppingBlock("block_1").graph
    #expect(
      dropped.nodes.map(\.name) == ["stem", "block_1_expand", "block_2_project", "block_2_shortcut", "block_2_add"])
  }
}

extension ModulePath {
  /// The block that the module is in, where that is in stage `stage`.
  fileprivate func block(ofStage stage: Int) -> Int? {
    switch self {
    case .convolution(stage, let block, _), .norm(stage, let block, _), .shortcutConvolution(stage, let block),
      .shortcutNorm(stage, let block):
      block
    default: nil
    }
  }

  /// The same module of another block.
  fileprivate func moved(to block: Int) -> ModulePath {
    switch self {
    case .convolution(let stage, _, let index): .convolution(stage: stage, block: block, index: index)
    case .norm(let stage, _, let index): .norm(stage: stage, block: block, index: index)
    case .shortcutConvolution(let stage, _): .shortcutConvolution(stage: stage, block: block)
    case .shortcutNorm(let stage, _): .shortcutNorm(stage: stage, block: block)
    default: self
    }
  }
}
