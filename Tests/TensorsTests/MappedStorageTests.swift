import ResectBytes
import ResectTensors
import ResectTestSupport
import Testing

@Suite struct MappedStorageTests {
  private let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  private func map(_ bytes: [UInt8]) throws -> MappedFile {
    try MappedFile(InputFile(path: folder.write(bytes, as: "file")))
  }

  private func address(_ tensor: LazyTensor) throws(ResectError) -> UInt {
    try tensor.withBytes { bytes throws(ResectError) in
      unsafe bytes.withUnsafeBytes { UInt(bitPattern: $0.baseAddress) }
    }
  }

  private func copy(_ tensor: LazyTensor) throws(ResectError) -> [UInt8] {
    try tensor.withBytes { bytes throws(ResectError) in
      unsafe bytes.withUnsafeBytes { unsafe Array($0) }
    }
  }

  @Test func `a tensor that lies whole in a mapped file is used in place`() throws {
    let content = MemoryStorage(count: 4096, seed: 1).bytes
    let file = try map(content)
    let storage = MappedStorage(
      file, range: 64..<1088, checksum: CRC32.of(Array(content[64..<1088])), name: "a")
    let other = MappedStorage(
      file, range: 2048..<4096, checksum: CRC32.of(Array(content[2048...])), name: "b")
    let tensor = try LazyTensor(storage: storage, dtype: .float32, shape: Shape([16, 16]))
    let neighbour = try LazyTensor(storage: other, dtype: .float32, shape: Shape([512]))
    let row = try LazyTensor(
      storage: storage, dtype: .float32, shape: Shape([16]), offset: 16)
    #expect(try address(tensor) == address(tensor))
    #expect(try address(tensor) % 64 == 0)
    #expect(try address(neighbour) - address(tensor) == 2048 - 64)
    #expect(try address(row) - address(tensor) == 64)
    #expect(try copy(tensor) == Array(content[64..<1088]))
    #expect(try copy(row) == Array(content[128..<192]))
    #expect(try tensor.bytes() == Array(content[64..<1088]))
  }

  @Test func `a tensor that does not lie in row-major order is handed over from memory`() throws {
    let content = MemoryStorage(count: 24, seed: 2).bytes
    let storage = MappedStorage(
      try map(content), range: 0..<24, checksum: CRC32.of(content), name: "a")
    let transposed = try LazyTensor(
      storage: storage, dtype: .uint8, shape: Shape([4, 6]), strides: [1, 4])
    #expect(try copy(transposed) == (0..<24).map { content[$0 / 6 + $0 % 6 * 4] })
    let big = try LazyTensor(
      storage: storage, dtype: .uint16, shape: Shape([12]), byteOrder: .big)
    #expect(try copy(big) == (0..<24).map { content[$0 ^ 1] })
    let bytes = try LazyTensor(
      storage: storage, dtype: .uint8, shape: Shape([24]), byteOrder: .big)
    #expect(try copy(bytes) == content)
  }

  @Test func `a wrong checksum is found in place, in part and every time`() throws {
    let content = MemoryStorage(count: 1000, seed: 3).bytes
    let storage = MappedStorage(
      try map(content), range: 100..<1000, checksum: CRC32.of(Array(content[100...])) ^ 0x8000_0000,
      name: "stretch")
    let whole = try LazyTensor(storage: storage, dtype: .uint8, shape: Shape([900]))
    let part = try LazyTensor(storage: storage, dtype: .uint8, shape: Shape([5]), offset: 500)
    for _ in 0..<2 {
      #expect(refusal { () throws(ResectError) in try whole.bytes() } == .checksum)
      #expect(refusal { () throws(ResectError) in try part.bytes() } == .checksum)
      #expect(refusal { () throws(ResectError) in try copy(part) } == .checksum)
    }
    let error = #expect(throws: ResectError.self) { try copy(whole) }
    #expect(error?.offset == 100)
  }

  @Test func `a mapped stretch is streamed in bounded pieces`() throws {
    let content = MemoryStorage(count: 2 * InputFile.pieceBytes + 5, seed: 6).bytes
    let storage = MappedStorage(
      try map(content), range: 0..<content.count, checksum: CRC32.of(content), name: "a")
    let tensor = try LazyTensor(storage: storage, dtype: .uint8, shape: Shape([content.count]))
    var sizes: [Int] = []
    try tensor.stream { piece throws(ResectError) in sizes.append(piece.byteCount) }
    #expect(sizes == [InputFile.pieceBytes, InputFile.pieceBytes, 5])
    #expect(try tensor.bytes() == content)
  }

  @Test(arguments: [[0, 1 << 40, 1 << 40], [0], [3, 0, 1 << 50]] as [[Int]])
  func `an empty tensor in a mapped file has no bytes`(axes: [Int]) throws {
    let storage = MappedStorage(try map([]), range: 0..<0, checksum: 0, name: "a")
    let tensor = try LazyTensor(storage: storage, dtype: .float32, shape: Shape(axes))
    #expect(try copy(tensor) == [])
    #expect(try tensor.bytes() == [])
  }

  @Test func `a tensor in memory is handed over as it is`() throws {
    let tensor = try LazyTensor([UInt16(0x0201), 0x0403], dtype: .uint16)
    #expect(try copy(tensor) == [1, 2, 3, 4])
  }
}
