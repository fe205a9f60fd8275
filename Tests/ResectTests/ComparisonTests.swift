internal import Resect
internal import ResectTestSupport
import Testing

/// How files are compared.
@Suite struct ComparisonTests {
  private let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  private func fixture(_ name: String) -> String { Fixtures.path("checkpoints/\(name)") }

  @Test func `networks are compared by place, whatever their names and containers`() throws {
    let comparison = try Comparison(
      fixture("bottleneck.zip.pth"), fixture("bottleneck.stream.pth"))
    #expect(comparison.isByPlace)
    #expect(comparison.isEqual)
    let path = folder.file("native.resect")
    try Model(contentsOf: fixture("bottleneck.zip.pth")).write(to: path)
    #expect(try Comparison(fixture("bottleneck.zip.pth"), path).isEqual)
    #expect(try !Comparison(fixture("bottleneck.zip.pth"), path, byName: true).isEqual)
  }

  @Test func `a difference has its largest absolute and relative size`() throws {
    let first = try writeVectors(["x": [1, 2, 4], "same": [5]], as: "first")
    let second = try writeVectors(["x": [1, 2.5, 5], "same": [5]], as: "second")
    let comparison = try Comparison(first, second)
    let rows = Dictionary(
      comparison.rows.map { ($0.name, $0.difference) }, uniquingKeysWith: { first, _ in first })
    #expect(rows["same"] == Comparison.Difference.none)
    #expect(rows["x"] == .values(.float32, .float32, largest: 1, relative: 0.2))
    #expect(!comparison.isEqual)
  }

  @Test func `tensors of one file only, other shapes and a NaN are differences`() throws {
    let first = try writeVectors(["a": [1], "b": [1, 2], "c": [.nan], "d": [.nan]], as: "first")
    let second = try writeVectors(["b": [1], "c": [1], "d": [.nan], "e": [0]], as: "second")
    let comparison = try Comparison(first, second)
    let rows = Dictionary(
      comparison.rows.map { ($0.name, $0.difference) }, uniquingKeysWith: { first, _ in first })
    #expect(rows["a"] == .onlyFirst)
    #expect(rows["b"] == .shape(Shape(vector: 2), Shape(vector: 1)))
    #expect(rows["c"] == .values(.float32, .float32, largest: .infinity, relative: 0))
    #expect(rows["d"] == Comparison.Difference.none)
    #expect(rows["e"] == .onlySecond)
  }

  private func writeVectors(_ vectors: [String: [Double]], as name: String) throws -> String {
    let path = folder.file("\(name).safetensors")
    let file = try OutputFile(path: path, overwrite: false)
    let tensors = vectors.sorted { $0.key < $1.key }.map { name, values in
      OutputTensor(
        name: name, tensor: LazyTensor(values: values, dtype: .float32), dtype: .float32)
    }
    try writeSafetensors(tensors, metadata: [], to: file)
    _ = try file.committed()
    return path
  }
}
