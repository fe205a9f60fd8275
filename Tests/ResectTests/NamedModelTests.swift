internal import Resect
internal import TestSupport
import Testing

/// Models under the names of other conventions.
@Suite struct NamedModelTests {
  private let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  private func fixture(_ name: String) -> String { Fixtures.path("checkpoints/\(name)") }

  @Test(arguments: Convention.all.map(\.name).filter { $0 != "cifar-wide-resnet" })
  func `a model that was written by a convention has every bit of its tensors`(name: String) throws {
    let original = fixture("bottleneck.tar.pth")
    let convention = try #require(Convention.named(name))
    let (there, back) = (folder.file("there.safetensors"), folder.file("back.safetensors"))
    try Model(contentsOf: original).named(by: convention).write(to: there)
    let copy = try Model(contentsOf: there)
    #expect(copy.convention.name == name)
    #expect(try Comparison(original, there).isEqual)
    try copy.named(by: .torchvision).write(to: back)
    #expect(try Comparison(original, back, byName: true).isEqual)
  }

  @Test func `the names in the file are the convention's`() throws {
    let path = folder.file("named.safetensors")
    try Model(contentsOf: fixture("bottleneck.zip.pth")).named(by: .huggingFace).write(to: path)
    let names = try Inspection(path: path).tensors.map(\.name)
    #expect(names.contains("resnet.encoder.stages.1.layers.0.layer.2.convolution.weight"))
    #expect(names.contains("classifier.1.bias"))
    #expect(!names.contains { $0.hasPrefix("layer") })
  }

  @Test func `what a convention has no name for is refused, with those that have`() throws {
    var error: ResectError?
    do throws(ResectError) {
      // Its projections have no batch-norm.
      _ = try Model(contentsOf: fixture("bottleneck.zip.pth")).named(by: .wideResNet)
    } catch let refusal {
      error = refusal
    }
    #expect(error?.code == .unsupported)
    #expect(error?.message.contains("cifar-wide-resnet has no name for stem.norm and ") == true)
    #expect(error?.advice?.contains("torchvision") == true)
  }

  @Test func `counts of batches that a convention has no name for are left out with a warning`() throws {
    let model = try Model(contentsOf: fixture("bottleneck.zip.pth")).named(by: .caffe2)
    #expect(model.loading.warnings.contains { $0.contains("counts of batches") })
    let path = folder.file("caffe2.safetensors")
    try model.write(to: path)
    #expect(try !Inspection(path: path).tensors.contains { $0.name.contains("num_batches") })
    // Caffe2's networks stride elsewhere.
    #expect(model.loading.warnings.contains { $0.contains("strides as v1 ") })
  }

  @Test func `a file whose name says that its network smooths is refused`() throws {
    for name in ["resnetblur50.safetensors", "seresnextaa101d.pth"] {
      let path = folder.file(name)
      _ = try folder.write(contents(of: fixture("bottleneck.safetensors")), as: name)
      #expect(refusal { () throws(ResectError) in try Model(contentsOf: path) } == .unsupported)
    }
  }
}
