import Bytes
import NativeFormat
import ResNets
import Tensors
import Testing

@Suite struct ResNetInputMomentsTests {
  private func network(_ architecture: Architecture) throws -> (ResNet, [String: [Double]]) {
    let tensors = try TinyNetwork.tensors(of: architecture)
    let places = Dictionary(
      uniqueKeysWithValues: zip(architecture.parameters.map(\.path), tensors.map(\.tensor)))
    let values = try Dictionary(uniqueKeysWithValues: tensors.map { ($0.name, try $0.tensor.doubles()) })
    return (try ResNet(architecture: architecture, tensors: places), values)
  }

  /// Stem, a block of two units without projection, a block with one.
  @Test func `each layer sees what the batch-norms before it leave after ReLU`() throws {
    let (network, values) = try network(TinyNetwork.architecture)
    func norm(_ name: String) throws -> [Moments] {
      zip(try #require(values["\(name).weight"]), try #require(values["\(name).bias"]))
        .map { Moments(scale: $0, shift: $1) }
    }
    func sum(_ one: [Moments], _ other: [Moments]) -> [Moments] { zip(one, other).map { ($0 + $1).rectified } }
    let inputs = try #require(try network.inputMoments(image: Moments(mean: 0.5, variance: 2)))
    let stem = try norm("stem.norm").map(\.rectified)
    let first = sum(try norm("stage1.0.norm2"), stem)
    let second = sum(try norm("stage2.0.norm2"), try norm("stage2.0.shortcut.norm"))
    let channels = TinyNetwork.architecture.inputChannels
    #expect(inputs[.stemConvolution] == [Moments](repeating: Moments(mean: 0.5, variance: 2), count: channels))
    #expect(inputs[.convolution(stage: 1, block: 0, index: 1)] == stem)
    #expect(try inputs[.convolution(stage: 1, block: 0, index: 2)] == norm("stage1.0.norm1").map(\.rectified))
    #expect(inputs[.convolution(stage: 2, block: 0, index: 1)] == first)
    #expect(inputs[.shortcutConvolution(stage: 2, block: 0)] == first)
    #expect(inputs[.classifier(layer: nil)] == second)
    #expect(inputs.count == 7)
  }

  @Test func `a zero-padded shortcut has nothing in its new channels`() throws {
    let (network, _) = try network(TinyNetwork.architectures[3])
    let inputs = try #require(try network.inputMoments())
    // Without scales and shifts, every batch-norm puts out the standard normal distribution: the two outer of four channels
    // are ReLU of that alone.
    let alone = Moments(mean: 0, variance: 1).rectified
    let both = (Moments(mean: 0, variance: 1) + (Moments(mean: 0, variance: 1) + alone).rectified).rectified
    #expect(inputs[.classifier(layer: nil)] == [alone, both, both, alone])
  }

  @Test func `a folded network tells nothing`() throws {
    let (network, _) = try network(TinyNetwork.architectures[1])
    #expect(try network.inputMoments() == nil)
  }
}
