import ResectBytes
import ResectGraphs
import ResectResNets
import ResectTensors
import ResectTestSupport
import Testing

@testable import ResectNaming

/// torchvision's VGG by names and shapes. `Tests/Peers/test_running.py` compares what such networks compute with torch.
@Suite struct VGGTests {
  private func tensors(
    _ network: String, _ change: (StateDict.Entry) -> (name: String, axes: [Int])? = { ($0.name, $0.axes) }
  ) throws -> [NamedTensor] {
    try StateDict("strangers", network).entries.compactMap(change).map {
      NamedTensor(name: $0.name, tensor: try UnreadableStorage.tensor($0.axes))
    }
  }

  @Test func `poolings stand where numbers are left out`() throws {
    let vgg = try #require(try VGG(tensors("vgg19")))
    #expect(vgg.name == "vgg19")
    let pools = vgg.graph.nodes.filter { $0.operation.word == "max-pool" }.map(\.name)
    // By printing torchvision.models.vgg19().
    #expect(pools == ["features.4", "features.9", "features.18", "features.27", "features.36"])
    let shapes = try vgg.graph.shapes(height: 224, width: 224)
    #expect(shapes.last == .vector(1000))
    let features = try #require(vgg.graph.features)
    #expect(shapes[features] == .vector(4096) && vgg.graph.name(of: features) == "classifier.4")
    let flat = try #require(vgg.graph.nodes.firstIndex { $0.name == "flatten" })
    #expect(shapes[flat] == .image(channels: 512, height: 7, width: 7))
    #expect(vgg.graph.parameters.reduce(0) { $0 + $1.tensor.shape.elementCount } == 143_667_240)
  }

  @Test func `batch-norms are told by their statistics, and folded ones by the places that they left`() throws {
    let whole = try #require(try VGG(tensors("vgg16_bn")))
    #expect(whole.name == "vgg16_bn" && whole.graph.nodes.count { $0.operation.word == "batch-norm" } == 13)
    let norms = Set(whole.graph.nodes.filter { $0.operation.word == "batch-norm" }.map(\.name))
    let folded = try #require(
      try VGG(
        tensors("vgg16_bn") { entry in
          norms.contains { entry.name.hasPrefix("\($0).") } ? nil : (entry.name, entry.axes)
        }))
    let kept = whole.graph.nodes.map(\.name).filter { !norms.contains($0) }
    #expect(folded.name == "vgg16" && folded.graph.nodes.map(\.name) == kept)
  }

  @Test func `other networks, and a VGG whose parts do not fit, are none`() throws {
    for name in ["mobilenet_v2", "squeezenet1_0"] { #expect(try VGG(tensors(name)) == nil) }
    #expect(try VGG(tensors("vgg19") { $0.name == "features.0.bias" ? nil : ($0.name, $0.axes) }) == nil)
    #expect(
      try VGG(tensors("vgg19") { $0.name == "classifier.0.weight" ? ($0.name, [4096, 512]) : ($0.name, $0.axes) })
        == nil)
    #expect(
      try VGG(tensors("vgg19") { $0.name == "features.2.weight" ? ($0.name, [64, 63, 3, 3]) : ($0.name, $0.axes) })
        == nil)
    #expect(try VGG(tensors("vgg19") { ($0.name.replacing("features.34", with: "features.33"), $0.axes) }) == nil)
    #expect(try VGG([]) == nil)
  }

  @Test func `what a whole module says of its layers counts, and what contradicts the code is refused`() throws {
    let tensors = try tensors("vgg16_bn")
    let known = try #require(
      try VGG(tensors, facts: ["features.1": LayerFacts(className: "BatchNorm2d", epsilon: 1e-3)]))
    guard case .batchNorm(let norm) = known.graph.nodes[1].operation else { throw Failure() }
    #expect(norm.epsilon == 1e-3)
    for (name, facts) in [
      ("features.2", LayerFacts(className: "LeakyReLU")),
      ("features.0", LayerFacts(className: "Conv2d", stride: [2, 2])),
      ("features.0", LayerFacts(className: "Conv2d", paddingMode: "reflect")),
      ("features.6", LayerFacts(className: "AvgPool2d")), ("classifier.4", LayerFacts(className: "Tanh")),
      ("features.6", LayerFacts(className: "MaxPool2d", stride: [3, 3])),
    ] {
      let refused = #expect(throws: ResectError.self) { try VGG(tensors, facts: [name: facts]) }
      #expect(refused?.code == .unsupported && refused?.tensor == name)
    }
  }

  private struct Failure: Error {}
}
