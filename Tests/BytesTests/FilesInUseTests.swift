import Foundation
import ResectBytes
import ResectTestSupport
import Testing

/// No input is ever an output, and no two outputs are one file, under any spelling of a path.
@Suite struct FilesInUseTests {
  private let folder: TemporaryFolder

  init() throws {
    folder = try TemporaryFolder()
    try FileManager.default.createDirectory(atPath: folder.file("sub"), withIntermediateDirectories: false)
    try FileManager.default.createSymbolicLink(atPath: folder.file("here"), withDestinationPath: ".")
    try FileManager.default.createSymbolicLink(atPath: folder.file("soft"), withDestinationPath: "sub/../file")
    try FileManager.default.createSymbolicLink(atPath: folder.file("softer"), withDestinationPath: "./soft")
  }

  /// Spellings of `file` in the folder.
  private let spellings = [
    "file", "./file", "sub/../file", "here/file", ".//here/./file", "soft", "softer", "here/softer",
  ]

  private func refusal(reads: [String] = [], writes: [String]) -> ResectError.Code? {
    ResectTestSupport.refusal { () throws(ResectError) in
      try FilesInUse(reads: reads.map(folder.file), writes: writes.map(folder.file)).check()
    }
  }

  @Test(arguments: [false, true])
  func `two spellings of one path are one output, whether the file is there or not`(exists: Bool) throws {
    if exists { _ = try folder.write([1], as: "file") }
    for one in spellings {
      for other in spellings {
        #expect(refusal(writes: [one, other]) == .badArgument, "\(one) \(other)")
        #expect(refusal(writes: [one, "x", other]) == .badArgument)
      }
    }
  }

  @Test func `an output that is an input is refused under every spelling`() throws {
    _ = try folder.write([1], as: "file")
    try FileManager.default.linkItem(atPath: folder.file("file"), toPath: folder.file("hard"))
    for output in spellings + ["hard"] {
      #expect(refusal(reads: ["other", "file"], writes: ["x", output]) == .outputExists, "\(output)")
    }
  }

  @Test func `files of other names, and of one name in two folders, are different`() throws {
    #expect(refusal(reads: ["a"], writes: ["b", "c", "sub/a", "sub/b"]) == nil)
    _ = try folder.write([1], as: "a")
    #expect(refusal(reads: ["a"], writes: ["b", "sub/a"]) == nil)
    #expect(refusal(reads: ["a", "a", "./a"], writes: ["b"]) == nil)
  }

  @Test func `links in a circle and folders that are not there are left to what opens them`() throws {
    try FileManager.default.createSymbolicLink(atPath: folder.file("round"), withDestinationPath: "about")
    try FileManager.default.createSymbolicLink(atPath: folder.file("about"), withDestinationPath: "round")
    #expect(refusal(reads: ["round"], writes: ["about", "none/x"]) == nil)
  }

  @Test func `two files that are begun for one path are not committed`() throws {
    for overwrite in [false, true] {
      if overwrite { _ = try folder.write([9], as: "file") }
      let first = try OutputFile(path: folder.file("file"), overwrite: overwrite)
      let second = try OutputFile(path: folder.file("here/file"), overwrite: overwrite)
      try first.write([1], at: 0)
      try second.write([2], at: 0)
      var code: ResectError.Code?
      do throws(ResectError) { _ = try OutputFile.committed(first, second) } catch { code = error.code }
      #expect(code == .badArgument)
      if overwrite {
        #expect(try contents(of: folder.file("file")) == [9])
      } else {
        #expect(try !folder.names.contains("file"))
      }
    }
  }
}
