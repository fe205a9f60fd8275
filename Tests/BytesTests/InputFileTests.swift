import ResectBytes
import Foundation
import ResectTestSupport
import Testing

@Suite struct InputFileTests {
  private let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  private func bytes(_ count: Int, seed: UInt64) -> [UInt8] {
    var random = SeededRandom(seed: seed)
    return (0..<count).map { _ in UInt8(truncatingIfNeeded: random.next()) }
  }

  // MARK: Opening

  @Test func `a missing file is refused with its path and the system's reason`() {
    let path = folder.file("none")
    let error = #expect(throws: ResectError.self) { try InputFile(path: path) }
    #expect(error?.code == .system)
    #expect(error?.file == path)
    #expect(error?.message.contains("No such file") == true)
  }

  @Test func `a folder is refused`() {
    let error = #expect(throws: ResectError.self) { try InputFile(path: folder.path) }
    #expect(error?.code == .unknownFormat)
    #expect(error?.message.contains("folder") == true)
  }

  @Test(.timeLimit(.minutes(1)))
  func `a fifo is refused without waiting for a writer`() {
    let path = folder.file("fifo")
    #expect(unsafe mkfifo(path, 0o600) == 0)
    #expect(refusal { () throws(ResectError) in try InputFile(path: path) } == .unknownFormat)
  }

  @Test func `a device is refused`() {
    #expect(refusal { () throws(ResectError) in try InputFile(path: "/dev/null") } == .unknownFormat)
  }

  @Test func `a link is followed`() throws {
    let target = try folder.write([1, 2, 3], as: "target")
    let link = folder.file("link")
    try FileManager.default.createSymbolicLink(atPath: link, withDestinationPath: "target")
    let file = try InputFile(path: link)
    #expect(try file.read(at: 0, count: 3) == [1, 2, 3])
    #expect(file.identity == (try InputFile(path: target)).identity)
  }

  @Test func `files are told apart by what they are, not by their names`() throws {
    let one = try InputFile(path: folder.write([1], as: "one"))
    let other = try InputFile(path: folder.write([1], as: "other"))
    try FileManager.default.linkItem(atPath: folder.file("one"), toPath: folder.file("hard"))
    #expect(one.identity != other.identity)
    #expect(one.identity == (try InputFile(path: folder.file("hard"))).identity)
  }

  // MARK: Reading

  @Test func `a range is read from its offset`() throws {
    let content = bytes(1000, seed: 1)
    let file = try InputFile(path: folder.write(content, as: "file"))
    #expect(file.size == 1000)
    #expect(try file.read(at: 0, count: 1000) == content)
    #expect(try file.read(at: 17, count: 100) == Array(content[17..<117]))
    #expect(try file.read(at: 1000, count: 0) == [])
  }

  @Test func `an empty file has nothing to read`() throws {
    let file = try InputFile(path: folder.write([], as: "empty"))
    #expect(try file.read(at: 0, count: 0) == [])
    #expect(refusal { () throws(ResectError) in try file.read(at: 0, count: 1) } == .truncated)
    #expect(
      try file.digest() == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")
  }

  @Test(
    arguments: [(0, 101), (100, 1), (101, 0), (.max, 1), (.max, .max), (1, .max), (50, 51)]
      as [(UInt64, UInt64)])
  func `a range outside the file is refused before memory is taken`(
    offset: UInt64, count: UInt64
  ) throws {
    let path = try folder.write([UInt8](repeating: 7, count: 100), as: "file")
    let file = try InputFile(path: path)
    let error = #expect(throws: ResectError.self) {
      try file.stream(at: offset, count: count) { _ throws(ResectError) in }
    }
    #expect(error?.code == .truncated)
    #expect(error?.file == path)
    #expect(error?.offset == offset)
    if let count = Int(exactly: count) {
      #expect(refusal { () throws(ResectError) in try file.read(at: offset, count: count) } == .truncated)
    }
  }

  @Test(arguments: [0, 1, InputFile.pieceBytes, InputFile.pieceBytes + 1, 3 * InputFile.pieceBytes - 5])
  func `a stream hands over each byte once, in order, in bounded pieces`(count: Int) throws {
    let content = bytes(count + 11, seed: UInt64(count))
    let file = try InputFile(path: folder.write(content, as: "file"))
    var streamed: [UInt8] = []
    var largest = 0
    try file.stream(at: 11, count: UInt64(count)) { piece throws(ResectError) in
      largest = max(largest, piece.byteCount)
      unsafe piece.withUnsafeBytes { unsafe streamed.append(contentsOf: $0) }
    }
    #expect(streamed == Array(content[11...]))
    #expect(largest <= InputFile.pieceBytes)
  }

  @Test func `a stream stops at the first failure of its reader`() throws {
    let file = try InputFile(
      path: folder.write([UInt8](repeating: 1, count: 2 * InputFile.pieceBytes), as: "file"))
    var pieces = 0
    let code = refusal { () throws(ResectError) in
      try file.stream(at: 0, count: file.size) { _ throws(ResectError) in
        pieces += 1
        throw ResectError(.badValue, "enough")
      }
    }
    #expect(code == .badValue)
    #expect(pieces == 1)
  }

  @Test func `a file that becomes shorter is an error, not a crash`() throws {
    let path = try folder.write([UInt8](repeating: 1, count: 5000), as: "file")
    let file = try InputFile(path: path)
    #expect(unsafe truncate(path, 4096) == 0)
    #expect(try file.read(at: 0, count: 4096).count == 4096)
    let error = #expect(throws: ResectError.self) { try file.read(at: 4000, count: 1000) }
    #expect(error?.code == .truncated)
    #expect(error?.offset == 4096)
    #expect(refusal { () throws(ResectError) in try file.digest() } == .truncated)
  }

  @Test func `many threads may read at once`() throws {
    let content = bytes(100_000, seed: 3)
    let file = try InputFile(path: folder.write(content, as: "file"))
    try parallelForEach(count: 100) { index throws(ResectError) in
      let part = try file.read(at: UInt64(index * 1000), count: 1000)
      guard part.elementsEqual(content[index * 1000..<(index + 1) * 1000]) else {
        throw ResectError(.badValue, "part \(index) differs")
      }
    }
  }

  // `python3 -c 'import hashlib; print(hashlib.sha256(bytes(range(256)) * 1025).hexdigest())'`
  @Test func `the digest is that of the whole file`() throws {
    let content = [[UInt8]](repeating: Array(0...255), count: 1025).flatMap { $0 }
    let file = try InputFile(path: folder.write(content, as: "file"))
    #expect(
      try file.digest() == "85e1298a87a2077b5de87c6ea60e77be9ceba06f955c51b73676ee5a71f1187f")
  }
}
