import ResectBytes
import Synchronization
import ResectTestSupport
import Testing

/// The digest of a file, asked for or begun beforehand.
@Suite struct InputFileDigestTests {
  private let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  /// `printf abc | sha256sum`, the first example of FIPS 180-2.
  private let digestOfABC = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"

  @Test(arguments: [false, true])
  func `a digest is the same whether it was begun or not, and however often it is asked for`(_ begins: Bool) throws {
    let file = try InputFile(path: folder.write(Array("abc".utf8), as: "abc"))
    if begins { file.beginDigest() }
    #expect(try file.digest() == digestOfABC)
    file.beginDigest()
    #expect(try file.digest() == digestOfABC)
  }

  @Test func `several threads get one digest`() throws {
    // head -c 3000000 /dev/zero | sha256sum
    let expected = "35bce4eae54ec8e6cc2868baa8d157914d6ae2858811b4cc0c078c94460fa26f"
    let file = try InputFile(path: folder.write([UInt8](repeating: 0, count: 3_000_000), as: "zeros"))
    let digests = Mutex<Set<String>>([])
    try parallelForEach(count: 8) { index throws(ResectError) in
      if index % 2 == 0 { file.beginDigest() }
      let digest = try file.digest()
      digests.withLock { _ = $0.insert(digest) }
    }
    #expect(digests.withLock { $0 } == [expected])
  }

  @Test func `a file that shrinks has no digest, for whoever asks`() throws {
    let path = try folder.write([UInt8](repeating: 1, count: 1000), as: "file")
    let file = try InputFile(path: path)
    _ = try folder.write([], as: "file")
    for _ in 0..<2 {
      #expect(refusal(of: { () throws(ResectError) in try file.digest() }) == .truncated)
    }
  }
}
