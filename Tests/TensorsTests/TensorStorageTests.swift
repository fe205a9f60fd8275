import ResectBytes
import ResectTensors
import ResectTestSupport
import Testing

@Suite struct TensorStorageTests {
  private let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  /// The stretch after the first `offset` bytes of a file, with the checksum of what was written unless one is given.
  private func storage(
    of content: MemoryStorage, offset: Int = 0, checksum: UInt32? = nil, isChecked: Bool = true
  ) throws -> FileStorage {
    let path = try folder.write([UInt8](repeating: 0xEE, count: offset) + content.bytes, as: "file")
    return try FileStorage(
      InputFile(path: path), offset: UInt64(offset), byteCount: content.byteCount,
      checksum: isChecked ? checksum ?? CRC32.of(content.bytes) : nil, name: "stretch")
  }

  @Test(arguments: [0, 1, 63, 64, 1000, InputFile.pieceBytes + 17])
  func `a stretch of a file holds the file's bytes`(count: Int) throws {
    let content = MemoryStorage(count: count, seed: UInt64(count))
    for isChecked in [true, false] {
      let tensor = try LazyTensor(
        storage: storage(of: content, offset: 13, isChecked: isChecked), dtype: .uint8,
        shape: Shape([count]))
      #expect(try tensor.bytes() == content.bytes)
      #expect(try tensor.bytes() == content.bytes)
    }
  }

  @Test func `a stretch outside the file is refused`() throws {
    let file = try InputFile(path: folder.write([1, 2, 3], as: "file"))
    for (offset, count) in [(0, 4), (3, 1), (4, 0), (.max, 2)] as [(UInt64, UInt64)] {
      let code = refusal { () throws(ResectError) in
        try FileStorage(file, offset: offset, byteCount: count, name: "stretch")
      }
      #expect(code == .truncated)
    }
  }

  /// The whole, all but the padding, the middle, the first element of a long stretch, and columns.
  @Test(
    arguments: [([100], 0, [1]), ([60], 0, [1]), ([10], 20, [1]), ([1], 0, [1]), ([10], 1, [5])]
      as [([Int], Int, [Int])])
  func `a wrong checksum is found whatever part is read, and every time`(
    axes: [Int], offset: Int, strides: [Int]
  ) throws {
    let content = MemoryStorage(count: 100, seed: 4)
    let storage = try storage(of: content, offset: 5, checksum: CRC32.of(content.bytes) ^ 1)
    let tensor = try LazyTensor(
      storage: storage, dtype: .uint8, shape: Shape(axes), offset: offset, strides: strides)
    for _ in 0..<2 {
      let error = #expect(throws: ResectError.self) { try tensor.bytes() }
      #expect(error?.code == .checksum)
      #expect(error?.offset == 5)
      #expect(error?.message.contains("stretch") == true)
    }
  }

  @Test(arguments: [0, 50, 99])
  func `a damaged byte is found by a part that does not hold it`(place: Int) throws {
    let content = MemoryStorage(count: 100, seed: 4)
    var damaged = content.bytes
    damaged[place] ^= 0x10
    let storage = try storage(of: MemoryStorage(damaged), checksum: CRC32.of(content.bytes))
    for (offset, count) in [(0, 10), (30, 10), (90, 10), (0, 90), (0, 100)] {
      let tensor = try LazyTensor(
        storage: storage, dtype: .uint8, shape: Shape([count]), offset: offset)
      #expect(refusal { () throws(ResectError) in try tensor.bytes() } == .checksum)
    }
  }

  @Test func `a part of a sound stretch is read`() throws {
    let content = MemoryStorage(count: InputFile.pieceBytes * 2, seed: 4)
    for (offset, count) in [
      (0, 10), (InputFile.pieceBytes - 3, 10), (3, InputFile.pieceBytes), (0, InputFile.pieceBytes * 2 - 50),
    ] {
      let tensor = try LazyTensor(
        storage: storage(of: content), dtype: .uint8, shape: Shape([count]), offset: offset)
      #expect(try tensor.bytes() == Array(content.bytes[offset..<offset + count]))
      #expect(try tensor.bytes() == Array(content.bytes[offset..<offset + count]))
    }
  }

  @Test func `without a checksum nothing is compared`() throws {
    let content = MemoryStorage(count: 100, seed: 4)
    let tensor = try LazyTensor(
      storage: storage(of: content, isChecked: false), dtype: .uint8, shape: Shape([100]))
    #expect(try tensor.bytes() == content.bytes)
  }

  @Test func `several threads verify and read the same stretch`() throws {
    let content = MemoryStorage(count: 100_000, seed: 8)
    let storage = try storage(of: content)
    try parallelForEach(count: 16) { index throws(ResectError) in
      let tensor = try LazyTensor(
        storage: storage, dtype: .uint8, shape: Shape([1000]), offset: index * 1000)
      guard try tensor.bytes() == Array(content.bytes[index * 1000..<(index + 1) * 1000]) else {
        throw ResectError(.badValue, "part \(index)")
      }
    }
  }
}
