import ResectBytes
import ResectResNets
import ResectSurgery
import ResectTensors
import ResectTestSupport
import Testing

/// fold-bn on networks whose batch-norms stand elsewhere than after every convolution.
@Suite struct FoldVariantsTests {
  private static let projections = [ModulePath.shortcutNorm(stage: 1, block: 0), .shortcutNorm(stage: 2, block: 0)]

  /// Pre-activated: no batch-norm after stem and projections, one after the last stage.
  private func preactivated(_ block: Architecture.Block = .basic, stem: Architecture.Stem = .three) throws -> ResNet {
    try TestNetwork(block, epsilon: 1e-3) {
      $0.isPreactivated = true
      $0.stem = stem
      $0.absentNorms = Set(FoldVariantsTests.projections + [.stemNorm])
      $0.hasFinalNorm = true
    }.network()
  }

  /// γ / √(σ² + eps) and β − μ · γ / √(σ² + eps).
  private func scaleAndShift(_ norm: ResNet.BatchNorm?) throws -> (scale: [AffineRoot], shift: [Double]) {
    let norm = try #require(norm)
    let gamma = try #require(norm.weight).doubles()
    let beta = try #require(norm.bias).doubles()
    let mean = try #require(norm.runningMean).doubles()
    let variance = try #require(norm.runningVariance).doubles()
    let scale = gamma.indices.map { AffineRoot(factor: gamma[$0], radicand: .init(variance[$0], 1e-3)) }
    let shift = gamma.indices.map {
      AffineRoot(
        addend: beta[$0], minuend: 0, subtrahend: mean[$0], factor: gamma[$0], radicand: .init(variance[$0], 1e-3))
    }
    return (scale, shift.map(\.rounded))
  }

  private func scaled(_ weight: LazyTensor, by scale: [AffineRoot]) throws -> [Double] {
    let size = weight.shape.elementCount / scale.count
    return try weight.doubles().enumerated().map { index, weight in
      var product = scale[index / size]
      product.minuend = weight
      return product.rounded
    }
  }

  @Test(arguments: Architecture.Block.allCases)
  func `a pre-activated block's inner batch-norms go into the convolutions before them`(
    block: Architecture.Block
  ) throws {
    let network = try preactivated(block, stem: .sevenWithMaxPool)
    let folded = try network.foldingBatchNorm().network
    for (old, new) in zip(network.stages.joined(), folded.stages.joined()) {
      for index in 1..<old.units.count {
        let (scale, shift) = try scaleAndShift(old.units[index].norm)
        let convolution = new.units[index - 1].convolution
        #expect(try convolution.weight.doubles() == scaled(old.units[index - 1].convolution.weight, by: scale))
        #expect(try convolution.bias?.doubles() == shift)
        #expect(new.units[index].norm == nil)
      }
      let last = old.units.count - 1
      #expect(new.units[last].convolution.bias == nil)
      #expect(
        try new.units[last].convolution.weight.bytes() == old.units[last].convolution.weight.bytes())
      let (scale, shift) = try scaleAndShift(old.units[0].norm)
      #expect(try new.units[0].norm?.weight?.doubles() == scale.map(\.rounded))
      #expect(try new.units[0].norm?.bias?.doubles() == shift)
      #expect(new.units[0].norm?.runningMean == nil && new.units[0].norm?.batchesTracked == nil)
    }
    let (scale, shift) = try scaleAndShift(network.finalNorm)
    #expect(try folded.finalNorm?.weight?.doubles() == scale.map(\.rounded))
    #expect(try folded.finalNorm?.bias?.doubles() == shift)
  }

  @Test func `a batch-norm that only the stem feeds goes into the stem, unless pooling lies between`() throws {
    let network = try preactivated()
    let folded = try network.foldingBatchNorm().network
    let (scale, shift) = try scaleAndShift(network.stages[0][0].units[0].norm)
    #expect(try folded.stem.convolution.weight.doubles() == scaled(network.stem.convolution.weight, by: scale))
    #expect(try folded.stem.convolution.bias?.doubles() == shift)
    #expect(folded.stages[0][0].units[0].norm == nil)
    #expect(folded.stages[0][1].units[0].norm != nil)
    let pooled = try preactivated(stem: .sevenWithMaxPool).foldingBatchNorm().network
    #expect(pooled.stem.convolution.bias == nil)
    #expect(pooled.stages[0][0].units[0].norm != nil)
  }

  @Test func `the architecture says what is left`() throws {
    for stem in [Architecture.Stem.three, .sevenWithMaxPool] {
      let folded = try preactivated(stem: stem).foldingBatchNorm().network
      #expect(folded.architecture.normalization == .scaleAndShift)
      // The tree has exactly what its architecture says, and is built from it again.
      let tensors = Dictionary(uniqueKeysWithValues: folded.parameters.map { ($0.path, $0.tensor) })
      #expect(Set(folded.architecture.parameters.map(\.path)) == Set(tensors.keys))
      let again = try ResNet(architecture: folded.architecture, tensors: tensors)
      #expect(again.parameters.map(\.path) == folded.parameters.map(\.path))
      let json = folded.architecture.json.compact
      #expect(try Architecture(json: JSON(parsing: Array(json))) == folded.architecture)
    }
  }

  @Test func `the report names what was folded into what, and what was not`() throws {
    let (folded, record) = try preactivated(stem: .sevenWithMaxPool).foldingBatchNorm()
    let layers = try #require(record.report["layers"]?.elements)
    let into = Dictionary(
      uniqueKeysWithValues: layers.map { ($0["norm"]?.string ?? "", $0["foldedInto"]?.string) })
    #expect(into["stage1.1.norm2"] == "stage1.1.conv1")
    #expect(into["stage1.1.norm1"] == .some(nil))
    #expect(into["final.norm"] == .some(nil))
    #expect(layers.count == 7)
    #expect(record.summary.contains("folded 3 batch-norms") && record.summary.contains("4 that no convolution"))
    let again = try folded.foldingBatchNorm()
    #expect(again.record.summary.contains("nothing to fold"))
    #expect(again.network.architecture == folded.architecture)
  }

  @Test func `projections without batch-norm stay as they are`() throws {
    let network = try TestNetwork(epsilon: 1e-3) { $0.absentNorms = Set(FoldVariantsTests.projections) }.network()
    let folded = try network.foldingBatchNorm().network
    #expect(folded.architecture.normalization == .none)
    #expect(!folded.architecture.hasConvolutionBias)
    #expect(folded.stages[1][0].shortcut?.convolution.bias == nil)
    #expect(!folded.architecture.hasBias(.shortcutConvolution(stage: 2, block: 0)))
    #expect(folded.architecture.hasBias(.convolution(stage: 2, block: 0, index: 2)))
    #expect(Set(folded.architecture.parameters.map(\.path)) == Set(folded.parameters.map(\.path)))
  }

  @Test func `deep stems and what replaces the pooling are folded too`() throws {
    let network = try TestNetwork(epsilon: 1e-3) {
      $0.stem = .deepWithConvolution
      $0.innerStemWidths = [3, 5]
      $0.attention = .init(.squeezeExcitation, sizes: [[2, 3], [1]], hasBias: true)
    }.network()
    let (folded, record) = try network.foldingBatchNorm()
    #expect(record.report["layers"]?.elements?.count == network.units.count)
    #expect(folded.units.allSatisfy { $0.unit.norm == nil && $0.unit.convolution.bias != nil })
    let (scale, _) = try scaleAndShift(network.innerStem[1].norm)
    #expect(
      try folded.innerStem[1].convolution.weight.doubles() == scaled(network.innerStem[1].convolution.weight, by: scale)
    )
    #expect(
      try folded.stages[0][1].attention?.layers[0].weight.bytes()
        == network.stages[0][1].attention?.layers[0].weight.bytes())
    #expect(folded.architecture.hasConvolutionBias && folded.architecture.biasExceptions.isEmpty)
  }

  @Test func `a frozen scale and shift is folded as it is`() throws {
    let network = try TestNetwork(epsilon: nil) { $0.normalization = .scaleAndShift }.network()
    let folded = try network.foldingBatchNorm().network
    let scale = try #require(network.stem.norm?.weight).doubles().map { AffineRoot(factor: $0) }
    #expect(try folded.stem.convolution.weight.doubles() == scaled(network.stem.convolution.weight, by: scale))
    #expect(try folded.stem.convolution.bias?.doubles() == network.stem.norm?.bias?.doubles())
    #expect(folded.architecture.normalization == .none)
  }
}
