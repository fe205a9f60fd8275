import ResectBytes
import Foundation
import ResectTestSupport
import Testing

@Suite struct OutputFileTests {
  private let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  /// Begins a file at `path`, writes `bytes` and commits.
  private func write(
    _ bytes: [UInt8], to path: String, overwrite: Bool = false, inputs: [FileIdentity] = []
  ) throws(ResectError) -> UInt64 {
    let file = try OutputFile(path: path, overwrite: overwrite, inputs: inputs)
    try file.write(bytes, at: 0)
    return try file.committed()
  }

  private func refusalToCommit(_ file: consuming OutputFile) -> ResectError.Code? {
    do throws(ResectError) {
      _ = try file.committed()
      return nil
    } catch {
      return error.code
    }
  }

  // MARK: Whole or not at all

  @Test func `nothing has the name before the commit, and all of it afterwards`() throws {
    let path = folder.file("out")
    let file = try OutputFile(path: path, overwrite: false)
    try file.write([1, 2, 3], at: 0)
    file.beginSync()
    #expect(!FileManager.default.fileExists(atPath: path))
    #expect(try file.committed() == 3)
    #expect(try contents(of: path) == [1, 2, 3])
    #expect(try folder.names == ["out"])
  }

  @Test func `a dropped file leaves nothing behind`() throws {
    do {
      let file = try OutputFile(path: folder.file("out"), overwrite: false)
      try file.write([UInt8](repeating: 1, count: 100_000), at: 0)
    }
    #expect(try folder.names == [])
  }

  @Test func `a dropped replacement leaves the old file as it was`() throws {
    let path = try folder.write([9], as: "out")
    do {
      let file = try OutputFile(path: path, overwrite: true)
      try file.write([1, 2, 3], at: 0)
      #expect(try contents(of: path) == [9])
    }
    #expect(try contents(of: path) == [9])
    #expect(try folder.names == ["out"])
  }

  @Test func `a replacement puts the new file in place of the old`() throws {
    let path = try folder.write([9, 9, 9, 9], as: "out")
    #expect(try write([1], to: path, overwrite: true) == 1)
    #expect(try contents(of: path) == [1])
    #expect(try folder.names == ["out"])
  }

  @Test func `a file that nothing was written to is empty`() throws {
    let file = try OutputFile(path: folder.file("out"), overwrite: false)
    #expect(try file.committed() == 0)
    #expect(try contents(of: folder.file("out")) == [])
  }

  @Test func `a gap reads as zeros`() throws {
    let file = try OutputFile(path: folder.file("out"), overwrite: false)
    try file.write([2], at: 5)
    try file.write([1], at: 0)
    try file.write([], at: 100)
    #expect(try file.committed() == 6)
    #expect(try contents(of: folder.file("out")) == [1, 0, 0, 0, 0, 2])
  }

  @Test func `a path without a folder is in the current one`() throws {
    let name = "resect-test-\(UUID().uuidString)"
    defer { try? FileManager.default.removeItem(atPath: name) }
    _ = try write([1], to: name)
    #expect(try contents(of: name) == [1])
  }

  // MARK: What is not overwritten

  @Test func `an existing file is refused and stays`() throws {
    let path = try folder.write([9], as: "out")
    #expect(refusal { () throws(ResectError) in try write([1], to: path) } == .outputExists)
    #expect(try contents(of: path) == [9])
  }

  @Test func `a file that somebody else makes meanwhile is not overwritten`() throws {
    let path = folder.file("out")
    let file = try OutputFile(path: path, overwrite: false)
    try file.write([1], at: 0)
    _ = try folder.write([9], as: "out")
    #expect(refusalToCommit(file) == .system)
    #expect(try contents(of: path) == [9])
    #expect(try folder.names == ["out"])
  }

  @Test(arguments: [false, true])
  func `the input is refused as output by whatever name`(overwrite: Bool) throws {
    let path = try folder.write([9], as: "in")
    let inputs = [try InputFile(path: path).identity]
    try FileManager.default.linkItem(atPath: path, toPath: folder.file("hard"))
    try FileManager.default.createSymbolicLink(atPath: folder.file("soft"), withDestinationPath: "in")
    try FileManager.default.createDirectory(
      atPath: folder.file("sub"), withIntermediateDirectories: false)
    for name in ["in", "hard", "soft", "sub/../in", "./in", "sub/..//soft"] {
      let code = refusal { () throws(ResectError) in
        try write([1], to: folder.file(name), overwrite: overwrite, inputs: inputs)
      }
      #expect(code == .outputExists, "\(name)")
    }
    #expect(try contents(of: path) == [9])
    #expect(try folder.names == ["hard", "in", "soft", "sub"])
  }

  @Test func `a relative path to the input is refused`() throws {
    let name = "resect-test-\(UUID().uuidString)"
    try Data([9]).write(to: URL(fileURLWithPath: name))
    defer { try? FileManager.default.removeItem(atPath: name) }
    let absolute = "\(FileManager.default.currentDirectoryPath)/\(name)"
    let inputs = [try InputFile(path: absolute).identity]
    let code = refusal { () throws(ResectError) in
      try write([1], to: "./\(name)", overwrite: true, inputs: inputs)
    }
    #expect(code == .outputExists)
  }

  @Test func `another file of the same content is no input`() throws {
    let input = try InputFile(path: folder.write([9], as: "in"))
    let path = try folder.write([9], as: "out")
    #expect(try write([1], to: path, overwrite: true, inputs: [input.identity]) == 1)
    #expect(try contents(of: folder.file("in")) == [9])
  }

  @Test func `a link stays and what it points to is replaced`() throws {
    let target = try folder.write([9], as: "target")
    let link = folder.file("link")
    try FileManager.default.createSymbolicLink(atPath: link, withDestinationPath: "target")
    _ = try write([1], to: link, overwrite: true)
    #expect(try contents(of: target) == [1])
    #expect(try FileManager.default.destinationOfSymbolicLink(atPath: link) == "target")
  }

  @Test(arguments: [false, true])
  func `a link that points nowhere is not replaced`(overwrite: Bool) throws {
    let link = folder.file("link")
    try FileManager.default.createSymbolicLink(atPath: link, withDestinationPath: "nowhere")
    #expect(throws: ResectError.self) { try write([1], to: link, overwrite: overwrite) }
    #expect(try folder.names == ["link"])
    #expect(try FileManager.default.destinationOfSymbolicLink(atPath: link) == "nowhere")
  }

  @Test(arguments: [false, true])
  func `a folder is refused as output`(overwrite: Bool) throws {
    let code = refusal { () throws(ResectError) in
      try write([1], to: folder.path, overwrite: overwrite)
    }
    #expect(code == .outputExists)
    #expect(try folder.names == [])
  }

  @Test func `a device is refused as output`() {
    let code = refusal { () throws(ResectError) in try write([1], to: "/dev/null", overwrite: true) }
    #expect(code == .outputExists)
  }

  // MARK: Where nothing can be written

  @Test func `a folder that is not there is refused at once`() {
    let code = refusal { () throws(ResectError) in
      try OutputFile(path: folder.file("none/out"), overwrite: false)
    }
    #expect(code == .system)
  }

  @Test func `a file in place of the folder is refused at once`() throws {
    _ = try folder.write([1], as: "file")
    let code = refusal { () throws(ResectError) in
      try OutputFile(path: folder.file("file/out"), overwrite: false)
    }
    #expect(code == .system)
  }

  #if os(Linux)
    /// Not even the administrator makes files there.
    @Test func `a file system that takes no files is refused at once`() {
      let code = refusal { () throws(ResectError) in
        try OutputFile(path: "/proc/self/out", overwrite: false)
      }
      #expect(code == .system)
    }
  #endif

  @Test(.disabled(if: geteuid() == 0, "the administrator may write anywhere"))
  func `a folder without permission is refused at once`() throws {
    #expect(unsafe chmod(folder.path, 0o500) == 0)
    defer { unsafe chmod(folder.path, 0o700) }
    let code = refusal { () throws(ResectError) in
      try OutputFile(path: folder.file("out"), overwrite: false)
    }
    #expect(code == .system)
  }

  // MARK: Threads

  @Test func `threads write their parts in any order`() throws {
    let file = try OutputFile(path: folder.file("out"), overwrite: false)
    let parts = 64
    try parallelForEach(count: parts) { index throws(ResectError) in
      let place = parts - 1 - index
      try file.write([UInt8](repeating: UInt8(place), count: 1000), at: UInt64(place * 1000))
    }
    #expect(try file.committed() == 64_000)
    let expected = (0..<parts).flatMap { [UInt8](repeating: UInt8($0), count: 1000) }
    #expect(try contents(of: folder.file("out")) == expected)
  }

  @Test func `of two writers to one new path, one wins and the other is told`() throws {
    let path = folder.file("out")
    let first = try OutputFile(path: path, overwrite: false)
    let second = try OutputFile(path: path, overwrite: false)
    try first.write([1], at: 0)
    try second.write([2], at: 0)
    #expect(try second.committed() == 1)
    #expect(refusalToCommit(first) == .system)
    #expect(try contents(of: path) == [2])
    #expect(try folder.names == ["out"])
  }

  // MARK: Two files that belong together

  /// What is refused when `first`, which holds 1, and `second`, which holds 2, are committed together and somebody else makes
  /// `second` meanwhile.
  private func refusalOfPair(_ first: String, _ second: String, overwrite: Bool) throws -> ResectError? {
    let one = try OutputFile(path: first, overwrite: overwrite)
    let other = try OutputFile(path: second, overwrite: overwrite)
    try one.write([1], at: 0)
    try other.write([2], at: 0)
    try Data([9]).write(to: URL(fileURLWithPath: second))
    do throws(ResectError) {
      _ = try OutputFile.committed(one, other)
      return nil
    } catch {
      return error
    }
  }

  @Test func `two files get their names together`() throws {
    let one = try OutputFile(path: folder.file("one"), overwrite: false)
    let other = try OutputFile(path: folder.file("other"), overwrite: false)
    try one.write([1, 2], at: 0)
    try other.write([3], at: 0)
    let sizes = try OutputFile.committed(one, other)
    #expect(sizes.first == 2 && sizes.second == 1)
    #expect(try contents(of: folder.file("one")) == [1, 2])
    #expect(try contents(of: folder.file("other")) == [3])
  }

  @Test func `where the second of two cannot have its name, the first has none either`() throws {
    let error = try refusalOfPair(folder.file("one"), folder.file("other"), overwrite: false)
    #expect(error?.code == .system)
    #expect(try folder.names == ["other"])
    #expect(try contents(of: folder.file("other")) == [9])
  }

  @Test func `where the first of two replaced a file already, the error says so`() throws {
    let path = try folder.write([7], as: "one")
    let error = try refusalOfPair(path, folder.file("other"), overwrite: true)
    #expect(error?.advice?.text.contains("one was replaced") == true)
    #expect(try contents(of: path) == [1])
    #expect(try contents(of: folder.file("other")) == [9])
  }
}
