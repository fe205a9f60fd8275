internal import Resect
internal import ResectTestSupport
import Testing

/// `inspect` of a network that is no ResNet: `Tests/Fixtures/keras/many-layers.keras`, whose shapes and parameters are Keras' own.
@Suite struct InspectGraphTests {
  private let file = Fixtures.path("keras/many-layers.keras")

  @Test func `layers are shown with their shapes, and why the network is no ResNet`() throws {
    let program = try Program("inspect", file)
    #expect(program.status == 0)
    for line in [
      "gives logits of dense_2 (5), probabilities of dense_2.softmax (5)", "features: concatenate_1 (90)",
      "no ResNet: concatenate_1: the layer takes 2 others, which a ResNet has only for additions",
      "depthwise_conv2d            convolution          16 × 5 × 7          160          5,600",
    ] { #expect(program.output.contains(line), "\(line)") }
  }

  @Test func `programs get the same as JSON`() throws {
    let json = try Program("inspect", file, "--json").json
    #expect(json["kind"]?.string == "network" && json["architecture"] == .null && json["convention"] == .null)
    #expect(json["whyNoResNet"]?["tensor"]?.string == "concatenate_1")
    let nodes = try #require(json["graph"]?["nodes"]?.elements)
    #expect(nodes.count == 40)
    let pooling = try #require(nodes.first { $0["name"]?.string == "average_pooling2d" })
    #expect(pooling["shape"]?.elements?.map(\.integer) == [36, 3, 7])
    #expect(pooling["inputs"]?.elements?.map(\.string) == ["re_lu"])
    #expect(json["graph"]?["height"]?.integer == 21 && json["graph"]?["width"]?.integer == 24)
  }

  @Test func `a size that the network does not take is told, and one that cannot be is bad usage`() throws {
    let other = try Program("inspect", file, "--size", "32x48")
    #expect(other.status == 0 && other.output.contains("the network takes images of 21×24, not 32×48"))
    for size in ["0", "1x2x3", "x", "9999999999999999999"] {
      #expect(try Program("inspect", file, "--size", size).status == 64)
    }
  }
}
