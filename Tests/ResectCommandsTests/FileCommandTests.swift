internal import Foundation
internal import Resect
internal import ResectTestSupport
import Testing

/// No command loses what it reads.
@Suite struct FileCommandTests {
  private let folder: TemporaryFolder
  private let digits = Fixtures.sample("digits/digits-resnet20.pth")

  init() throws {
    folder = try TemporaryFolder()
    try FileManager.default.createSymbolicLink(atPath: folder.file("here"), withDestinationPath: ".")
  }

  private func list(_ words: [String]) -> [String] {
    words.map { $0 == "MODEL" ? digits : $0.hasPrefix("/") ? folder.file(String($0.dropFirst())) : $0 }
  }

  /// Runs a command whose output is the file `name`, and tells what it refused. The file stays as it was.
  private func refusal(_ words: [String], keeping name: String) throws -> Program {
    let before = try contents(of: folder.file(name))
    let program = try Program(list: list(words) + ["--force"])
    #expect(try contents(of: folder.file(name)) == before, "\(words)")
    return program
  }

  @Test(arguments: [
    ["/a.resect", "/here/a.resect"], ["/a.resect", "/./a.resect"], ["/here/a.resect", "/here/here/a.resect"],
  ])
  func `split refuses two spellings of one path`(_ paths: [String]) throws {
    for force in [[], ["--force"]] {
      let program = try Program(list: list(["split", "MODEL", "--backbone", paths[0], "--classes", paths[1]] + force))
      #expect(program.status == 64)
      #expect(program.errors.contains("two outputs are the same file"))
      #expect(try folder.names == ["here"])
    }
  }

  @Test(arguments: [
    ["head", "MODEL", "/labels.resect", "--to", "resect", "--labels", "/here/labels.resect"],
    ["head", "MODEL", "/labels.resect", "--keep", "@LIST"],
    ["export", "MODEL", "/here/labels.resect", "--labels", "/labels.resect"],
    ["convert", "MODEL", "/labels.resect", "--labels", "/labels.resect"],
    ["split", "MODEL", "--backbone", "/b.resect", "--classes", "/labels.resect", "--labels", "/labels.resect"],
    ["fold-bn", "MODEL", "/labels.resect", "--preprocessing", "/labels.resect"],
    ["epsilon", "MODEL", "/labels.resect", "--to", "1e-3", "--preprocessing", "/labels.resect"],
    ["normalize", "MODEL", "/labels.resect", "--preprocessing", "/labels.resect"],
    ["drop-fc-bias", "MODEL", "/labels.resect", "--mapping", "/labels.resect"],
    ["join", "MODEL", "/labels.resect", "/here/labels.resect"],
    ["run", "MODEL", "--input", "/labels.resect", "--output", "/here/labels.resect"],
    ["run", "MODEL", "--input", "/x.npy", "--expect", "/labels.resect", "--output", "/labels.resect"],
  ])
  func `labels, preprocessing, mappings and arrays are inputs, too`(_ words: [String]) throws {
    _ = try folder.write(Array("zero\none\n".utf8), as: "labels.resect")
    let program = try refusal(
      words.map { $0 == "@LIST" ? "@\(folder.file("here/labels.resect"))" : $0 }, keeping: "labels.resect")
    #expect(program.status == 1)
    #expect(program.errors.contains("input and output are the same file"), "\(words) \(program.errors)")
    #expect(program.errors.split(separator: "\n").count == 1)
  }

  @Test func `the list of names that embed writes beside its output is no input`() throws {
    let image = Fixtures.sample("digits/images/three-1504.png")
    try FileManager.default.copyItem(atPath: image, toPath: folder.file("z.txt"))
    let program = try refusal(
      ["embed", "MODEL", "/z.txt", "-o", "/z.npy", "--preprocessing", "cifar10"], keeping: "z.txt")
    #expect(program.status == 1)
    #expect(program.errors.contains("z.txt: input and output are the same file"))
    #expect(try folder.names == ["here", "z.txt"])
  }

  @Test func `images of a folder are inputs`() throws {
    try FileManager.default.createDirectory(atPath: folder.file("images"), withIntermediateDirectories: false)
    let image = Fixtures.sample("digits/images/three-1504.png")
    try FileManager.default.copyItem(atPath: image, toPath: folder.file("images/a.png"))
    for words in [
      ["embed", "MODEL", "/images/", "-o", "/images/a.png"],
      [
        "export", "MODEL", "/images/a.png", "--to", "resect", "--fold-bn", "--dtype", "int8", "--calibrate", "/images/",
      ],
    ] {
      let program = try refusal(words, keeping: "images/a.png")
      #expect(program.status == 1 && program.errors.contains("input and output are the same file"), "\(words)")
    }
  }
}
