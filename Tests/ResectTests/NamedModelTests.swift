internal import Resect
internal import ResectTestSupport
import Testing

/// Models under the names of other conventions.
@Suite struct NamedModelTests {
  private let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  private func fixture(_ name: String) -> String { Fixtures.path("checkpoints/\(name)") }

  @Test(arguments: Convention.all.map(\.name).filter { !["cifar-wide-resnet", "keras-v2", "timm-v2"].contains($0) })
  func `a model that was written by a convention has every bit of its tensors`(name: String) throws {
    let original = fixture("bottleneck.tar.pth")
    let convention = try #require(Convention.named(name))
    let (there, back) = (folder.file("there.safetensors"), folder.file("back.safetensors"))
    try Model(contentsOf: original).named(by: convention).write(
      to: there, options: .init(allowsDifferentCode: true))
    let copy = try Model(contentsOf: there)
    #expect(copy.convention.name == name)
    #expect(try Comparison(original, there).isEqual)
    try copy.named(by: .torchvision).write(to: back)
    #expect(try Comparison(original, back, byName: true).isEqual)
  }

  @Test(arguments: ["timm/resnet10t", "mmpretrain/v1d", "huggingface/headless", "caffe2/bottleneck"])
  func `names come back from a .resect file as they were`(network: String) throws {
    // Any bytes will do: a header of safetensors, then zeros.
    var entries: [JSON.Member] = []
    var offset = 0
    for entry in try StateDict("frameworks", network).entries {
      let bytes = entry.axes.reduce(1, *) * 2
      entries.append(
        JSON.Member(
          entry.name,
          .object([
            "dtype": .string("F16"), "shape": .array(entry.axes.map { .integer($0) }),
            "data_offsets": .array([.integer(offset), .integer(offset + bytes)]),
          ])))
      offset += bytes
    }
    var header = JSON.object(entries).compact
    while header.count % 8 != 0 { header.append(UInt8(ascii: " ")) }
    var bytes = (0..<8).map { UInt8(truncatingIfNeeded: header.count >> (8 * $0)) } + header
    bytes += [UInt8](repeating: 0, count: offset)
    let input = try folder.write(bytes, as: "input.safetensors")
    let (native, output) = (folder.file("model.resect"), folder.file("output.safetensors"))
    try Model(contentsOf: input).write(to: native)
    try Model(contentsOf: native).write(to: output)
    let names = try Inspection(path: input).tensors.map(\.name)
    #expect(try Set(Inspection(path: output).tensors.map(\.name)) == Set(names))
    #expect(try Comparison(input, output, byName: true).isEqual)
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
    #expect(error?.message.contains("cifar-wide-resnet has no name for stem.norm.weight and ") == true)
    #expect(error?.advice?.text.contains("torchvision") == true)
  }

  @Test func `counts of batches that a convention has no name for are left out with a warning`() throws {
    let model = try Model(contentsOf: fixture("bottleneck.zip.pth")).named(by: .caffe2)
    #expect(model.loading.warnings.contains { $0.contains("counts of batches") })
    let path = folder.file("caffe2.safetensors")
    let report = try model.write(to: path)
    #expect(try !Inspection(path: path).tensors.contains { $0.name.contains("num_batches") })
    // Caffe2's networks stride elsewhere.
    #expect(report.warnings.contains { $0.contains("strides as v1,") })
  }

  @Test func `a file whose name says that its network smooths is refused`() throws {
    for name in ["resnetblur50.safetensors", "seresnextaa101d.pth"] {
      let path = folder.file(name)
      _ = try folder.write(contents(of: fixture("bottleneck.safetensors")), as: name)
      #expect(refusal { () throws(ResectError) in try Model(contentsOf: path) } == .unsupported)
    }
  }
}
