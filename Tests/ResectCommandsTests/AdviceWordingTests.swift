internal import Foundation
internal import Resect
@testable import ResectCommands
internal import ResectTestSupport
import Testing

/// Libraries say what to do, the command line says by which flag.
@Suite struct AdviceWordingTests {
  @Test func `every advice that a flag can follow is worded in flags`() {
    for code in ResectError.Advice.Code.known {
      let advice = ResectError.Advice(code, "plain")
      #expect(advice.inFlags.contains("--"), "\(code.rawValue)")
    }
    #expect(Set(ResectError.Advice.wording.keys) == Set(ResectError.Advice.Code.known))
  }

  @Test func `facts come into the words, and a sentence stays as it is`() {
    #expect(ResectError.Advice.chooseKey("ema").inFlags == "--key ema chooses the first")
    #expect(ResectError.Advice.storeLarger(1200).inFlags == "--target-size 1200 is about the smallest")
    #expect(ResectError.Advice("fetch it again").inFlags == "fetch it again")
    let error = ResectError(.outputExists, "the output exists already", advice: .overwrite, file: "a.resect")
    #expect(error.inFlags.description == "a.resect: the output exists already; --force replaces it")
    #expect(!error.description.contains("--"))
  }

  @Test func `no library words its advice in flags`() throws {
    let sources = URL(fileURLWithPath: Fixtures.document("Sources"))
    let files = try #require(FileManager.default.enumerator(at: sources, includingPropertiesForKeys: nil))
    var count = 0
    for case let file as URL in files where file.pathExtension == "swift" && !file.path.contains("/ResectCommands/") {
      let text = try String(contentsOf: file, encoding: .utf8)
      count += 1
      for line in text.split(separator: "\n") where line.contains("advice") {
        #expect(!line.contains("\"--") && !line.contains(" --"), "\(file.lastPathComponent): \(line)")
      }
    }
    #expect(count > 100)
  }
}
