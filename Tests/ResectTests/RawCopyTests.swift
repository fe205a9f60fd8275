internal import Resect
internal import TestSupport
import Testing

/// Copying the tensors of any model.
@Suite struct RawCopyTests {
  @Test(arguments: ["layouts.zip.pth", "dtypes_recent.recent.pth", "module.zip.pth", "mlp_head.stream.pth"])
  func `every tensor arrives under its own name, to the bit`(_ name: String) throws {
    let folder = try TemporaryFolder()
    let source = Fixtures.path("checkpoints/\(name)")
    let copy = folder.file("copy.safetensors")
    let result = try copyTensors(from: source, to: copy)
    let before = try Checkpoint(InputFile(path: source)).tensors
    let after = try Checkpoint(InputFile(path: copy)).tensors
    #expect(result.tensors == before.count)
    let copies = Dictionary(after.map { ($0.name, $0.tensor) }, uniquingKeysWith: { a, _ in a })
    #expect(copies.count == before.count)
    for entry in before {
      let copied = try #require(copies[entry.name])
      #expect(copied.dtype == entry.tensor.dtype)
      #expect(copied.shape == entry.tensor.shape)
      #expect(try copied.bytes() == entry.tensor.bytes())
    }
  }

  @Test func `a native file holds no other tensors than a ResNet's`() throws {
    let folder = try TemporaryFolder()
    let error = #expect(throws: ResectError.self) {
      _ = try copyTensors(
        from: Fixtures.path("checkpoints/layouts.zip.pth"), to: folder.file("copy.resect"))
    }
    #expect(error?.code == .badArgument)
    #expect(try folder.names.isEmpty)
  }
}
