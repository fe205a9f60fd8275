import ResectBytes
import ResectResNets
import ResectTensors
import ResectTestSupport
import Testing

@Suite struct ClassEmbeddingTests {
  private func code(
    _ weight: [Int], bias: [Int]?, constant: Bool = false
  ) throws -> ResectError.Code? {
    let weight = try UnreadableStorage.tensor(weight)
    let bias = try bias.map { try UnreadableStorage.tensor($0) }
    return refusal { () throws(ResectError) in
      try ClassEmbedding(weight: weight, bias: bias, hasConstantFeature: constant)
    }
  }

  @Test func `an embedding is a matrix of classes by features`() throws {
    let embedding = try ClassEmbedding(
      weight: UnreadableStorage.tensor([10, 64]), bias: UnreadableStorage.tensor([10]),
      hasConstantFeature: false)
    #expect(embedding.classes == 10)
    #expect(embedding.features == 64)
  }

  @Test(arguments: [[], [10], [10, 64, 1], [10, 64, 1, 1]])
  func `a weight that is no matrix is refused`(axes: [Int]) throws {
    #expect(try code(axes, bias: nil) == .mismatch)
  }

  @Test(arguments: [[], [9], [64], [10, 1]])
  func `a bias that is no vector of the classes is refused`(axes: [Int]) throws {
    #expect(try code([10, 64], bias: axes) == .mismatch)
  }

  @Test func `a bias beside a constant feature is refused`() throws {
    #expect(try code([10, 65], bias: nil, constant: true) == nil)
    #expect(try code([10, 65], bias: [10], constant: true) == .mismatch)
  }
}
