import ResectBytes
import ResectResNets
import ResectSurgery
import ResectTensors
import ResectTestSupport
import Testing

@Suite struct UnfoldBatchNormTests {
  @Test func `biases become shifts of batch-norms that change nothing`() throws {
    let folded = try ResNet.random(.small(bias: true)).foldingBatchNorm().network
    let (unfolded, record) = try folded.unfoldingBatchNorm()
    #expect(record.name == "unfold")
    #expect(unfolded.architecture.normalization == .batchNorm(affine: true, statistics: true))
    for (before, after) in zip(folded.units, unfolded.units) {
      #expect(try after.unit.convolution.weight.bytes() == before.unit.convolution.weight.bytes())
      #expect(after.unit.convolution.bias == nil)
      let norm = try #require(after.unit.norm)
      #expect(try norm.bias?.bytes() == before.unit.convolution.bias?.bytes())
      let variance = try #require(norm.runningVariance).doubles()
      for (scale, value) in zip(try #require(norm.weight).doubles(), variance) {
        // What a float32 program divides by: exactly one.
        #expect(Float(value) + Float(1e-3) == 1 && scale == 1)
      }
      #expect(try norm.runningMean?.doubles().allSatisfy { $0 == 0 } == true)
    }
    // Every tensor has the place and the shape that the architecture says.
    var tensors: [ParameterPath: LazyTensor] = [:]
    for parameter in unfolded.parameters { tensors[parameter.path] = parameter.tensor }
    _ = try ResNet(architecture: unfolded.architecture, tensors: tensors)
  }

  @Test func `a network with batch-norms is refused, and one whose eps is unknown`() throws {
    let kept = try ResNet.random(.small())
    #expect(throws: ResectError.self) { try kept.unfoldingBatchNorm() }
    var bare = try kept.foldingBatchNorm().network
    bare.updateUnits { $1.foldedEpsilon = nil }
    #expect(throws: ResectError.self) { try bare.unfoldingBatchNorm() }
    #expect(try bare.unfoldingBatchNorm(epsilon: 1e-5).network.architecture.epsilon.value == 1e-5)
  }
}
