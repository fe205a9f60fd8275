internal import ResectBytes
internal import ResectCheckpoints
internal import ResectTestSupport
import Testing

/// What is said of files that are no checkpoints.
@Suite struct SniffingTests {
  @Test(arguments: [
    ("", "empty"), ("version https://git-lfs.github.com/spec/v1\n", "Git LFS pointer"),
    ("<!DOCTYPE html><html>", "web page"), ("<html><body>404", "web page"),
    ("\u{1F}garbage", "no checkpoint"), ("(lp0\nI1\na.", "bare pickle"),
  ])
  func `a file that is something else is refused with what it looks like`(
    _ text: String, _ hint: String
  ) throws {
    let folder = try TemporaryFolder()
    let path = try folder.write(Array(text.utf8), as: "file.pth")
    let error = #expect(throws: ResectError.self) { _ = try Checkpoint(InputFile(path: path)) }
    #expect(error?.code == .unknownFormat)
    #expect(error?.message.contains(hint) == true)
    #expect(error?.file == path)
  }

  @Test(arguments: [0, 512, 1024, 4096])
  func `an HDF5 file is known by its signature, wherever it may stand`(_ offset: Int) throws {
    let folder = try TemporaryFolder()
    let signature: [UInt8] = [0x89, 0x48, 0x44, 0x46, 0x0D, 0x0A, 0x1A, 0x0A]
    let path = try folder.write([UInt8](repeating: 0x20, count: offset) + signature, as: "model.h5")
    let error = #expect(throws: ResectError.self) { _ = try Checkpoint(InputFile(path: path)) }
    #expect(error?.code == .malformed)
    #expect(error?.message.hasPrefix("libhdf5 cannot open the file") == true)
  }

  @Test func `a bare pickle that calls something is refused for that`() throws {
    let folder = try TemporaryFolder()
    var writer = PickleWriter()
    writer.global("os", "system")
    writer.raw("(")
    writer.string("true")
    writer.raw("tR")
    let path = try folder.write(writer.pickle, as: "model.pkl")
    let error = #expect(throws: ResectError.self) { _ = try Checkpoint(InputFile(path: path)) }
    #expect(error?.code == .unsafePickle)
  }
}
