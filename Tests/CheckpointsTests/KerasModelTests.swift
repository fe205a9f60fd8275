internal import ResectBytes
@testable internal import ResectCheckpoints
internal import ResectHDF5
internal import ResectTensors
internal import ResectTestSupport
import Testing

/// Files of real Keras as models: `Tests/Fixtures/keras/make_keras.py` writes them.
@Suite struct KerasModelTests {
  private func open(_ name: String) throws -> Checkpoint {
    try Checkpoint(InputFile(path: Fixtures.path("keras/\(name)")))
  }

  private func model(_ name: String) throws -> KerasModel { try #require(try open(name).keras).get() }

  @Test(arguments: ["v1.keras", "v1.weights.h5", "v1.names.h5"])
  func `every container gives the same weights under the layers' names`(_ name: String) throws {
    let expected = try model("v1.keras").weights
    let found = try model(name).weights
    #expect(Set(found.map(\.name)) == Set(expected.map(\.name)))
    #expect(found.contains { $0.name == "conv2_block1_0_conv.weight" })
    for weight in found {
      let other = try #require(expected.first { $0.name == weight.name })
      #expect(try weight.tensor.bytes() == other.tensor.bytes(), "\(weight.name)")
    }
  }

  @Test func `kernels are laid out as torch has them, and vectors as they are`() throws {
    let checkpoint = try open("v1.names.h5")
    let model = try #require(checkpoint.keras).get()
    let raw = try #require(checkpoint.tensors.first { $0.name.hasSuffix("conv1_conv/kernel") }).tensor
    let kernel = try #require(model.weights.first { $0.name == "conv1_conv.weight" }).tensor
    #expect(raw.shape.axes == [7, 7, 3, 8])
    #expect(kernel.shape.axes == [8, 3, 7, 7])
    let (before, after) = (try raw.doubles(), try kernel.doubles())
    for (row, column, input, output) in [(0, 0, 0, 0), (6, 5, 2, 7), (3, 1, 1, 4)] {
      #expect(
        after[((output * 3 + input) * 7 + row) * 7 + column] == before[((row * 7 + column) * 3 + input) * 8 + output])
    }
    let matrix = try #require(model.weights.first { $0.name == "predictions.weight" })
    #expect(matrix.tensor.shape.axes == [5, 24])
    #expect(model.layers.isEmpty)
  }

  @Test(arguments: ["keras1-tf-theano.h5", "keras1-th-tensorflow.h5", "keras1-th-theano.h5"])
  func `the kernels of Keras 1 are turned as their format says`(_ name: String) throws {
    let expected = try model("keras2-before-2019.h5").weights
    let found = try model(name).weights
    #expect(found.count == expected.count)
    for weight in found {
      let other = try #require(expected.first { $0.name == weight.name })
      #expect(try weight.tensor.bytes() == other.tensor.bytes(), "\(weight.name)")
    }
  }

  @Test func `what is no weight is listed, the optimizer's values as one`() throws {
    let legacy = try model("home-made.h5").ignored
    #expect(legacy.count == 1 && legacy[0].name == "optimizer_weights")
    #expect(try model("home-made.keras").ignored.map(\.name) == ["optimizer"])
  }

  @Test func `a scale or a shift that Keras leaves out is ones or zeros`() throws {
    let model = try model("bottlenecks.keras")
    let scale = try #require(model.weights.first { $0.name == "batch_normalization_10.weight" || $0.path == nil })
    #expect(scale.path == nil)
    #expect(try Set(scale.tensor.doubles()) == [1])
    #expect(model.warnings.count == 1)
  }

  @Test func `layers come with their connections, those of a model within the model too`() throws {
    let model = try model("within.keras")
    let names = model.layers.map(\.name)
    #expect(names.contains("conv3_block2_add") && !names.contains("backbone"))
    for (position, layer) in model.layers.enumerated() { #expect(layer.inputs.allSatisfy { $0 < position }) }
    #expect(model.layers[model.output].className == "Dense")
    let addition = try #require(model.layers.first { $0.name == "conv3_block2_add" })
    #expect(Set(addition.inputs.map { names[$0] }) == ["conv3_block1_out", "conv3_block2_3_bn"])
  }

  @Test(arguments: [
    ("filters", "expected a kernel of 3 × 3 × inputs × 5"), ("kernel", "expected a kernel of 1 × 1"),
    ("bias", "Conv2D has kernel, the file holds kernel, bias"), ("no-weights", "no weights of a layer"),
  ])
  func `a description that contradicts the weights is refused with the layer`(_ name: String, _ says: String) throws {
    let refused = #expect(throws: ResectError.self) { try open("refused-\(name).h5") }
    #expect(refused?.message.contains(says) == true)
    #expect(refused?.code == .mismatch)
  }

  @Test(arguments: [("stranger", "which is no layer"), ("damaged", "configuration is damaged")])
  func `a damaged description leaves the tensors, and no model`(_ name: String, _ says: String) throws {
    let checkpoint = try open("refused-\(name).h5")
    #expect(checkpoint.tensors.count == 2)
    let refused = #expect(throws: ResectError.self) { try checkpoint.keras?.get() }
    #expect(refused?.code == .malformed && refused?.message.contains(says) == true)
  }
}
