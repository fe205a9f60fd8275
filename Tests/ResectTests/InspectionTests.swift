internal import Resect
internal import ResectTestSupport
import Testing

/// What is told of a file, whether it is a ResNet or not.
@Suite struct InspectionTests {
  private func fixture(_ name: String) -> String { Fixtures.path("checkpoints/\(name)") }

  @Test func `a file that is no ResNet is listed with the reason`() throws {
    let inspection = try Inspection(path: fixture("dtypes.zip.pth"))
    #expect(inspection.model == nil)
    #expect(inspection.whyNoModel?.code == .notAResNet)
    #expect(inspection.tensors.count >= 11)
    #expect(inspection.format == "torch-zip")
  }

  @Test func `buffers are told from parameters by name, or by the module's word`() throws {
    for name in ["bottleneck.zip.pth", "module.zip.pth"] {
      let inspection = try Inspection(path: fixture(name))
      #expect(inspection.parameterCount == 943)
      #expect(inspection.bufferCount == 133)
      #expect(
        inspection.tensors.filter(\.isBuffer).allSatisfy {
          $0.name.contains("running") || $0.name.contains("num_batches")
        })
    }
  }

  @Test func `the tree adds up`() throws {
    let inspection = try Inspection(path: fixture("bottleneck.zip.pth"))
    let tree = inspection.tree()
    #expect(tree.parameters == inspection.parameterCount)
    #expect(tree.buffers == inspection.bufferCount)
    #expect(tree.children.map(\.name) == ["conv1", "bn1", "layer1", "layer2", "fc"])
    for child in tree.children where !child.children.isEmpty {
      #expect(child.parameters == child.children.reduce(0) { $0 + $1.parameters })
    }
  }

  @Test func `values that are not finite are counted by tensor`() throws {
    let inspection = try Inspection(path: fixture("dtypes.zip.pth"))
    let counts = try inspection.verify()
    #expect(counts.first { $0.name == "float32" }?.notFinite == 3)
    #expect(!counts.contains { $0.name == "int64" })
  }
}
