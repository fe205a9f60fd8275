import ResectBytes
import Synchronization
import ResectTensors
import ResectTestSupport
import Testing

@Suite struct TensorWritingTests {
  private let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  @Test func `each tensor is written in its place, and its CRC-32 is returned in order`() throws {
    let contents = [10, 0, 300_000, 77].enumerated().map {
      MemoryStorage(count: $0.element, seed: UInt64($0.offset))
    }
    let offsets: [UInt64] = [400_000, 64, 1000, 0]
    var placed: [PlacedTensor] = []
    for (index, (content, offset)) in zip(contents, offsets).enumerated() {
      let tensor = try LazyTensor(
        storage: content, dtype: .uint8, shape: Shape([content.bytes.count]))
      placed.append(PlacedTensor(name: "t\(index)", tensor: tensor, dtype: .uint8, offset: offset))
    }
    let written = Mutex(0)
    let file = try OutputFile(path: folder.file("out"), overwrite: false)
    let checksums = try write(
      placed, to: file, progress: { count in written.withLock { $0 += count } })
    #expect(checksums == contents.map { CRC32.of($0.bytes) })
    #expect(written.withLock { $0 } == 300_087)
    #expect(try file.committed() == 400_010)
    var expected = [UInt8](repeating: 0, count: 400_010)
    for (content, offset) in zip(contents, offsets) {
      expected.replaceSubrange(Int(offset)..<Int(offset) + content.bytes.count, with: content.bytes)
    }
    #expect(try ResectTestSupport.contents(of: folder.file("out")) == expected)
  }

  @Test func `a tensor is written in the dtype of its place`() throws {
    let tensor = try LazyTensor([Float(1), -2].map(\.bitPattern), dtype: .float32)
    let place = PlacedTensor(name: "a", tensor: tensor, dtype: .float16, offset: 2)
    #expect(place.byteCount == 4)
    let file = try OutputFile(path: folder.file("out"), overwrite: false)
    let checksums = try write([place], to: file)
    _ = try file.committed()
    let bytes: [UInt8] = [0x00, 0x3C, 0x00, 0xC0]
    #expect(try contents(of: folder.file("out")) == [0, 0] + bytes)
    #expect(checksums == [CRC32.of(bytes)])
  }

  @Test func `nothing to write has no checksums`() throws {
    let file = try OutputFile(path: folder.file("out"), overwrite: false)
    #expect(try write([], to: file) == [])
  }

  @Test func `the companion runs once beside the tensors`() throws {
    let runs = Mutex(0)
    let file = try OutputFile(path: folder.file("out"), overwrite: false)
    let tensor = try LazyTensor([UInt8(1)], dtype: .uint8)
    let checksums = try write(
      [PlacedTensor(name: "a", tensor: tensor, dtype: .uint8, offset: 0)], to: file,
      alongside: { () throws(ResectError) in runs.withLock { $0 += 1 } })
    #expect(checksums == [CRC32.of([1])])
    #expect(runs.withLock { $0 } == 1)
  }

  @Test func `the companion's failure is the failure of the whole, before any tensor's`() throws {
    let file = try OutputFile(path: folder.file("out"), overwrite: false)
    let broken = LazyTensor(values: [1e300], dtype: .float16)
    for _ in 0..<20 {
      let error = #expect(throws: ResectError.self) {
        try write(
          [PlacedTensor(name: "a", tensor: broken, dtype: .float16, offset: 0)], to: file,
          alongside: { () throws(ResectError) in throw ResectError(.notApplicable, "companion") })
      }
      #expect(error?.code == .notApplicable)
      #expect(error?.tensor == nil)
    }
  }

  @Test func `the first broken tensor is named, whoever fails first`() throws {
    let file = try OutputFile(path: folder.file("out"), overwrite: false)
    let sound = LazyTensor(values: [1], dtype: .float16)
    let broken = LazyTensor(values: [1e300], dtype: .float16)
    let placed = (0..<50).map { index in
      PlacedTensor(
        name: "t\(index)", tensor: index % 7 == 3 ? broken : sound, dtype: .float16,
        offset: UInt64(index * 2))
    }
    for _ in 0..<10 {
      let error = #expect(throws: ResectError.self) { try write(placed, to: file) }
      #expect(error?.code == .badValue)
      #expect(error?.tensor == "t3")
    }
  }

  @Test(arguments: [-4, 4])
  func `a tensor that gives more or fewer bytes than it has is refused`(excess: Int) throws {
    let file = try OutputFile(path: folder.file("out"), overwrite: false)
    let tensor = try LazyTensor(
      storage: Lying(byteCount: 16, excess: excess), dtype: .float32, shape: Shape([4]))
    let error = #expect(throws: ResectError.self) {
      try write([PlacedTensor(name: "a", tensor: tensor, dtype: .float32, offset: 0)], to: file)
    }
    #expect(error?.code == .truncated)
    #expect(error?.tensor == "a")
  }
}

/// A storage that hands over other than it says.
private struct Lying: TensorStorage {
  let byteCount: UInt64
  let excess: Int

  func stream(
    _ range: Range<UInt64>, _ piece: (RawSpan) throws(ResectError) -> Void
  ) throws(ResectError) {
    try [UInt8](repeating: 0, count: range.count + excess).withRawSpan(piece)
  }
}
