internal import ResectBytes
internal import ResectHDF5
internal import ResectTensors
internal import ResectTestSupport
import Testing

/// What damage and bad helpers do: one error, and nothing else.
@Suite struct HDF5DamageTests {
  private let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  /// Opens the file and reads all of it; the code of the error, if there is one.
  private func outcome(of path: String, reader: String? = nil) -> ResectError.Code? {
    refusal { () throws(ResectError) in
      let file = try HDF5File(InputFile(path: path), reader: reader)
      for dataset in file.index.datasets {
        try file.tensor(dataset)?.stream { _ throws(ResectError) in }
      }
    }
  }

  @Test(arguments: ["legacy.earliest.h5", "links.v110.h5"])
  func `a file that is cut anywhere is refused`(_ name: String) throws {
    let bytes = try contents(of: Fixtures.path("hdf5/\(name)"))
    for length in stride(from: 0, to: bytes.count, by: max(1, bytes.count / 40)) {
      let path = try folder.write(Array(bytes[..<length]), as: "cut.h5")
      #expect(outcome(of: path) != nil, "\(length) of \(bytes.count) bytes")
    }
  }

  @Test(arguments: ["layouts.v110.h5", "attributes.earliest.h5"])
  func `a file with any byte changed is read or refused`(_ name: String) throws {
    let bytes = try contents(of: Fixtures.path("hdf5/\(name)"))
    var random = SeededRandom(seed: 7)
    for _ in 0..<60 {
      var mutated = bytes
      mutated[Int.random(in: 0..<mutated.count, using: &random)] = UInt8.random(in: 0...255, using: &random)
      _ = outcome(of: try folder.write(mutated, as: "mutated.h5"))
    }
  }

  @Test func `a checksum under compressed data is compared`() throws {
    var bytes = try contents(of: Fixtures.path("hdf5/long.earliest.h5"))
    // The second half is nothing but compressed chunks.
    bytes[bytes.count * 3 / 4] ^= 1
    #expect(outcome(of: try folder.write(bytes, as: "flipped.h5")) != nil)
  }

  @Test func `a reader that is missing is named`() throws {
    let path = Fixtures.path("hdf5/links.v110.h5")
    let error = #expect(throws: ResectError.self) {
      _ = try HDF5File(InputFile(path: path), reader: folder.file("absent"))
    }
    #expect(error?.code == .system)
    #expect(error?.message.contains("absent") == true)
  }

  /// A program that does what the file says instead of reading it.
  private let obedient = Fixtures.path("hdf5/obedient_reader.sh")

  @Test func `a reader that crashes is one error that names the signal`() throws {
    let path = try folder.write(Array("kill -SEGV $$".utf8), as: "script")
    let error = #expect(throws: ResectError.self) {
      _ = try HDF5File(InputFile(path: path), reader: obedient)
    }
    #expect(error?.code == .malformed)
    #expect(error?.message == "obedient_reader.sh crashed over this file (SIGSEGV)")
  }

  @Test(arguments: [
    "true", "exit 3", "printf 'no answer at all' >&0", "printf '\\001\\377\\377\\377\\377' >&0",
    "printf '\\001\\004\\000\\000\\000abcd' >&0", "printf '\\002\\004\\000\\000\\000abcd' >&0",
    "printf '\\003\\001\\000\\000\\000\\011' >&0", "printf '\\001\\010' >&0; kill -KILL $$",
  ])
  func `a reader that answers nonsense is one error`(_ script: String) throws {
    let path = try folder.write(Array(script.utf8), as: "script")
    #expect(outcome(of: path, reader: obedient) != nil)
  }

  @Test func `an index with any byte changed is understood or refused`() throws {
    let file = try HDF5File(InputFile(path: Fixtures.path("hdf5/layouts.v110.h5")))
    let bytes = file.index.encoded
    #expect(try HDF5Index(parsing: bytes, fileSize: 1 << 20) == file.index)
    var random = SeededRandom(seed: 3)
    for _ in 0..<3000 {
      var mutated = bytes
      for _ in 0..<Int.random(in: 1...4, using: &random) {
        mutated[Int.random(in: 0..<mutated.count, using: &random)] = UInt8.random(in: 0...255, using: &random)
      }
      guard let index = try? HDF5Index(parsing: mutated, fileSize: 1 << 20) else { continue }
      for dataset in index.datasets { _ = refusal { () throws(ResectError) in try file.tensor(dataset) } }
    }
    for length in 0..<bytes.count {
      #expect(throws: ResectError.self) {
        _ = try HDF5Index(parsing: Array(bytes[..<length]), fileSize: 1 << 20)
      }
    }
  }
}
