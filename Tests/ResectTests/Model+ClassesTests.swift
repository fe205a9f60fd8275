internal import Resect
internal import ResectTestSupport
import Testing

/// Classes that are kept or replaced, and their labels.
@Suite struct ModelClassesTests {
  private let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  private let labels = ["cat", "dog", "4", "cat", "0"]

  /// A classifier of five classes.
  private func model(_ labels: [String]? = nil) throws -> Model {
    let model = try Model(contentsOf: Fixtures.path("checkpoints/bottleneck.zip.pth"))
    guard let labels else { return model }
    return try model.labelled(labels)
  }

  private func error(_ model: Model, _ names: [String]) -> ResectError? {
    do throws(ResectError) {
      _ = try model.keepingClasses(named: names)
      return nil
    } catch {
      return error
    }
  }

  @Test func `labels go with their classes`() throws {
    let kept = try model(labels).keepingClasses([4, 1])
    #expect(kept.labels == ["0", "dog"])
    #expect(kept.classCount == 2)
    #expect(kept.surgeries.map(\.name) == ["keep-classes"])
    #expect(try model().keepingClasses([4, 1]).labels == ["4", "1"])
  }

  @Test func `a class is named by its label, or by its index where no class is called so`() throws {
    func kept(_ names: String...) throws -> JSON? {
      try model(labels).keepingClasses(named: names).surgeries[0].parameters["classes"]
    }
    func indices(_ indices: Int...) -> JSON { .array(indices.map { .integer($0) }) }
    #expect(try kept("dog", "3") == indices(1, 3))
    // Labels that look like numbers.
    #expect(try kept("4", "0") == indices(2, 4))
    #expect(try kept("1") == indices(1))
    #expect(try model().keepingClasses(named: ["4", "0"]).surgeries[0].parameters["classes"] == indices(4, 0))
  }

  @Test func `a label of two classes is ambiguous, and their indices are told`() throws {
    let error = error(try model(labels), ["cat"])
    #expect(error?.code == .ambiguous)
    #expect(error?.message.contains("0, 3") == true)
    #expect(error?.file != nil)
  }

  @Test func `an unknown label is refused with the closest ones`() throws {
    let error = error(try model(["tabby", "tiger", "tiger cat", "lion", "lynx"]), ["tiger cap"])
    #expect(error?.code == .badArgument)
    #expect(error?.advice == #"the closest labels are "tiger cat", "tiger""#)
    #expect(self.error(try model(), ["tabby"])?.advice?.code.rawValue == "labelClasses")
  }

  @Test(arguments: [["5"], ["-1"], ["dog", "1"], ["dog", "dog"], [""], []])
  func `classes that are not there, and repetitions, are refused`(names: [String]) throws {
    #expect(error(try model(labels), names)?.code == .badArgument)
  }

  @Test(arguments: formatsOfAnyModel)
  func `an embedding of classes keeps classes by their labels, in every format`(format: OutputFormat) throws {
    let labels = ["a", "b", "c", "d", "e"]
    let (backbone, classes) = try model(labels).split()
    let path = folder.file("classes.\(format.fileExtensions[0])")
    try classes.keepingClasses(named: ["e", "b"]).write(to: path)
    let joined = try backbone.joined(with: Model(contentsOf: path))
    #expect(joined.labels == ["e", "b"])
    let direct = try model(labels).keepingClasses(named: ["e", "b"])
    #expect(try joined.network.head[0].weight.bytes() == direct.network.head[0].weight.bytes())
    #expect(try joined.network.head[0].bias?.bytes() == direct.network.head[0].bias?.bytes())
  }

  @Test(arguments: formatsOfAnyModel)
  func `a fresh head has no labels until it gets them, and is written like any other`(format: OutputFormat) throws {
    let fresh = try model(labels).replacingHead(classes: 3, seed: 5)
    #expect(fresh.labels == nil)
    let path = folder.file("fresh.\(format.fileExtensions[0])")
    try fresh.labelled(["x", "y", "z"]).write(to: path)
    let read = try Model(contentsOf: path)
    #expect(read.labels == ["x", "y", "z"])
    #expect(read.classCount == 3)
    #expect(try read.network.head[0].weight.bytes() == fresh.network.head[0].weight.bytes())
    #expect(try read.network.head[0].bias?.bytes() == fresh.network.head[0].bias?.bytes())
  }

  @Test func `an embedding of classes is no network that could get a head`() throws {
    let classes = try model().split().classes
    #expect(refusal { () throws(ResectError) in try classes.replacingHead(classes: 2) } == .notApplicable)
  }
}
