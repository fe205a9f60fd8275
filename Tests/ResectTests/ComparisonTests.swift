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

  // MARK: Facts

  /// What differs between the fixture opened by `one` and by `other`.
  private func facts(_ one: OpenOptions, _ other: OpenOptions) throws -> [String] {
    let path = fixture("bottleneck.zip.pth")
    let there = try Comparison(path, path, options: one, secondOptions: other)
    let back = try Comparison(path, path, options: other, secondOptions: one)
    #expect(there.rows.allSatisfy { $0.difference.isNone })
    #expect(there.isEqual == back.isEqual && there.isEqual == !there.facts.contains(where: \.isDecisive))
    #expect(back.facts.map { [$0.first, $0.second] } == there.facts.map { [$0.second, $0.first] })
    return there.facts.map(\.name)
  }

  @Test func `an eps or a stride that differs is a difference, whoever says it`() throws {
    let plain = OpenOptions()
    var same = OpenOptions()
    // What torchvision's networks do anyway.
    same.network.epsilon = 1e-5
    same.network.stridePlacement = .v15
    #expect(try facts(plain, same) == [])
    var other = OpenOptions()
    other.network.epsilon = 1e-3
    #expect(try facts(plain, other) == ["epsilon"])
    other.network.stridePlacement = .v1
    #expect(try facts(plain, other) == ["stridePlacement", "epsilon"])
    let path = fixture("bottleneck.zip.pth")
    let fact = try Comparison(path, path, options: plain, secondOptions: other).facts[1]
    #expect(fact.first == .number(1e-5) && fact.second == .number(1e-3) && fact.isDecisive)
  }

  @Test func `preprocessing, labels and what a network does with pixels are compared`() throws {
    let model = try Model(contentsOf: fixture("bottleneck.zip.pth"))
    let count = try #require(model.classCount)
    let names = (0..<count).map { "class \($0)" }
    let plain = folder.file("plain.resect")
    try model.labelled(names).write(to: plain)
    func facts(_ name: String, _ other: Model) throws -> [String] {
      try other.write(to: folder.file(name))
      let comparison = try Comparison(plain, folder.file(name))
      #expect(comparison.isEqual == comparison.facts.isEmpty)
      return comparison.facts.map(\.name)
    }
    let known = try #require(model.preprocessing.value)
    #expect(try facts("same.resect", model.labelled(names).preprocessed(by: known)) == [])
    let halved = try Preprocessing(
      resize: known.resize, filter: known.filter, crop: known.crop, scale: known.scale / 2,
      channelOrder: known.channelOrder, mean: known.mean, std: known.std)
    #expect(try facts("scale.resect", model.labelled(names).preprocessed(by: halved)) == ["preprocessing scale"])
    #expect(try facts("labels.resect", model.labelled(["other"] + names.dropFirst())) == ["labels 0"])
    #expect(try facts("none.resect", model) == ["labels"])
    let normalizing = try Comparison(
      plain,
      {
        try model.labelled(names).normalizing().write(to: folder.file("n.resect"))
        return folder.file("n.resect")
      }())
    #expect(!normalizing.isEqual)
    #expect(normalizing.facts.contains { $0.name.hasPrefix("inputNormalization") })
  }

  @Test func `a head that is not there is a fact, and names alone are none that decides`() throws {
    let path = fixture("bottleneck.zip.pth")
    let (backbone, classes) = try Model(contentsOf: path).split()
    _ = try Model.write((backbone, folder.file("b.safetensors")), (classes, folder.file("c.pth")))
    let headless = try Comparison(path, folder.file("b.safetensors"))
    #expect(!headless.isEqual && headless.facts.first?.name == "kind")
    try Model(contentsOf: folder.file("c.pth")).write(to: folder.file("c.resect"))
    #expect(try Comparison(folder.file("c.pth"), folder.file("c.resect")).isEqual)
    try Model(contentsOf: path).named(by: .huggingFace).write(to: folder.file("hf.safetensors"))
    let renamed = try Comparison(path, folder.file("hf.safetensors"))
    #expect(renamed.isEqual && renamed.facts.map(\.name) == ["names"])
    #expect(renamed.facts.first?.isDecisive == false)
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
