import ResectBytes
import ResectNativeFormat
import ResectTensors
import ResectTestSupport
import Testing

/// Payloads whose bytes follow from the specification by hand, and what they mean.
@Suite struct EncodedReadingTests {
  private let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  /// The elements of the file's only tensor, read in every way that there is.
  private func elements(of assembly: HandAssembly) throws -> [UInt8] {
    let path = try folder.write(assembly.bytes, as: "file.resect")
    var results: [[UInt8]] = []
    for access in [NativeFile.Access.mapped, .read] {
      let tensor = try NativeFile(InputFile(path: path), access: access).tensors[0].tensor
      results.append(try tensor.bytes())
      results.append(
        try tensor.withBytes { bytes throws(ResectError) in unsafe bytes.withUnsafeBytes { unsafe Array($0) } })
      var streamed: [UInt8] = []
      try tensor.stream { piece throws(ResectError) in
        unsafe piece.withUnsafeBytes { unsafe streamed.append(contentsOf: $0) }
      }
      results.append(streamed)
    }
    #expect(results.allSatisfy { $0 == results[0] })
    return results[0]
  }

  private func floats(of assembly: HandAssembly) throws -> [Float] {
    var reader = ByteReader(try elements(of: assembly))
    var values: [Float] = []
    while !reader.isAtEnd { values.append(Float(bitPattern: try reader.integer())) }
    return values
  }

  // MARK: planes

  @Test func `float32 is four planes, the exponent first and the sign above the fraction`() throws {
    // 1 = 3F800000, -1.5 = BFC00000, 2^-126 · (1 + 2^-23) = 00800001: exponents 7F, 7F, 01.
    let chunk =
      HandEncoding.stored([0x7F, 0x7F, 0x01]) + HandEncoding.stored([0x00, 0xC0, 0x00])
      + HandEncoding.constant(0) + HandEncoding.stored([0, 0, 1])
    let assembly = HandAssembly.encoded(HandEncoding.payload(chunk), "planes", shape: "[1,3]")
    #expect(try floats(of: assembly) == [1, -1.5, 0x1.000002p-126])
  }

  @Test func `bfloat16 and float16 are two planes`() throws {
    // BF16: -3 = C040 → exponent 80, sign and fraction C0. F16: -3 = C200 = 1 10000 1000000000 → 84 80.
    for (dtype, bits, high) in [("BF16", [0x40, 0xC0], 0x80), ("F16", [0x00, 0xC2], 0x84)] as [(String, [UInt8], UInt8)]
    {
      let low: UInt8 = dtype == "F16" ? 0x80 : 0xC0
      let chunk = HandEncoding.constant(high) + HandEncoding.constant(low)
      let assembly = HandAssembly.encoded(
        HandEncoding.payload(chunk), "planes", dtype: dtype, shape: "[2]")
      #expect(try elements(of: assembly) == bits + bits)
    }
  }

  @Test(arguments: [1, 3, 4, 5, 1000, 32767, 32768, 40001, 65536])
  func `a coded plane is decoded, with 4 states or with 32`(count: Int) throws {
    var random = SeededRandom(seed: UInt64(count))
    let weights: [UInt8] = [120, 121, 121, 122, 122, 122, 122, 124]
    let symbols = (0..<count).map { _ in weights[Int(random.next() % 8)] }
    let exponents = HandEncoding.coded(symbols, first: 120, frequencies: [512, 1024, 2047, 0, 513])
    let chunk = exponents + HandEncoding.constant(0x80) + HandEncoding.constant(0) + HandEncoding.constant(0)
    let assembly = HandAssembly.encoded(HandEncoding.payload(chunk), "planes", shape: "[\(count)]")
    #expect(try floats(of: assembly) == symbols.map { -Float(sign: .plus, exponent: Int($0) - 127, significand: 1) })
  }

  @Test func `chunks have 65536 elements each, the last what is left`() throws {
    let planes = { (exponent: UInt8) in
      HandEncoding.constant(exponent) + HandEncoding.constant(0) + HandEncoding.constant(0) + HandEncoding.constant(0)
    }
    let assembly = HandAssembly.encoded(
      HandEncoding.payload(planes(127), planes(128), planes(129)), "planes", shape: "[131073]")
    let values = try floats(of: assembly)
    #expect(values[..<65536].allSatisfy { $0 == 1 })
    #expect(values[65536..<131072].allSatisfy { $0 == 2 })
    #expect(values[131072...] == [4])
  }

  // MARK: quantized

  @Test func `a quantised weight is its integer times the step`() throws {
    // No classes; no low bits; symbols 127 + q.
    let chunk = [0] + HandEncoding.stored([127, 128, 0, 254, 120])
    let assembly = HandAssembly.quantized(HandEncoding.payload(head: [0], chunk), shape: "[1,5]")
    #expect(try floats(of: assembly) == [0, 0.25, -31.75, 31.75, -1.75])
  }

  @Test func `low bits are packed from the least significant on`() throws {
    // t = 3; q = 8 · (s − 127) + l: l = 1, 7, 0, 5, 2 → bits 100 111 000 101 010 → bytes 0b00111001 (39), 0b00101010 (2A).
    let low: [UInt8] = [0b0011_1001, 0b0010_1010]
    let chunk = [3] + HandEncoding.stored([127, 126, 128, 127, 127]) + low
    let assembly = HandAssembly.quantized(HandEncoding.payload(head: [0], chunk), shape: "[5]")
    #expect(try floats(of: assembly) == [1, -1, 8, 5, 2].map { $0 * 0.25 })
  }

  @Test func `integers out of the symbols' reach stand behind the chunk`() throws {
    var chunk: [UInt8] = [0] + HandEncoding.stored([255, 127, 255])
    chunk.append(littleEndian: Int32(1 << 30))
    chunk.append(littleEndian: Int32(-128))
    let assembly = HandAssembly.quantized(HandEncoding.payload(head: [0], chunk), shape: "[3]")
    #expect(try floats(of: assembly) == [0x1p28, 0, -32])
  }

  @Test func `the product is rounded once to double and once to float`() throws {
    let chunk = [0] + HandEncoding.stored([130])
    let assembly = HandAssembly.encoded(
      HandEncoding.payload(head: [0], chunk), "quantized", shape: "[1]",
      members: #","step":0.1,"relativeError":0"#)
    // 3 · 0.1 is 0.30000000000000004 in double.
    #expect(try floats(of: assembly) == [0.3])
  }

  @Test func `a curve gives the frequencies`() throws {
    // Reach 1: weights 8, 16, 8 of 32, none for 255. 1 + 8 · 4093 / 32 = 1024; 1 + 16 · 4093 / 32 = 2047, and the 1 missing.
    let symbols: [UInt8] = [127, 126, 127, 128, 128, 127, 126, 126, 127]
    let chunk =
      [0]
      + HandEncoding.smooth(
        symbols, curve: [1, 1, 9, 1, 0], frequencies: [126: 1024, 127: 2048, 128: 1024])
    let assembly = HandAssembly.quantized(HandEncoding.payload(head: [0], chunk), shape: "[9]")
    #expect(try floats(of: assembly) == symbols.map { (Float($0) - 127) * 0.25 })
  }

  @Test func `between the nodes of a curve the weight goes in a straight line`() throws {
    // Reach 6: the nodes to the right are 128, 129, 130, 131, 133, 135. 133 has 24 (code 13), 135 has 8 (code 1), all others
    // none; 132 lies between 0 and 24: 12; 134 between 24 and 8: 16. 255 has 8.
    // k = 5, W = 12 + 24 + 16 + 8 + 8 = 68; shared 4091: 1 + 721, 1 + 1443, 1 + 962, 1 + 481, 1 + 481: 4093, and 3 to 133.
    let curve: [UInt8] = [6, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 13, 1, 1]
    let frequencies: [UInt8: Int] = [132: 722, 133: 1447, 134: 963, 135: 482, 255: 482]
    let symbols: [UInt8] = [133, 132, 134, 135, 133, 255, 133]
    var chunk: [UInt8] = [0] + HandEncoding.smooth(symbols, curve: curve, frequencies: frequencies)
    chunk.append(littleEndian: Int32(1000))
    let assembly = HandAssembly.quantized(HandEncoding.payload(head: [0], chunk), shape: "[7]")
    #expect(try floats(of: assembly) == [6, 5, 7, 8, 6, 1000, 6].map { $0 * 0.25 })
  }

  @Test func `elements of one class share a block, classes rise`() throws {
    // Rows 8, 10, 7; columns 0, 1: classes 0 1 / 2 3 / 0 (−1) 0; a kernel of two.
    let head: [UInt8] = [1, 0xA8, 0x07, 0x10]
    // Elements 0…11 in row-major order have the classes 0 0 1 1 2 2 3 3 0 0 0 0.
    let chunk: [UInt8] =
      [0] + HandEncoding.stored([128, 129, 136, 137, 138, 139]) + HandEncoding.stored([130, 131])
      + HandEncoding.stored([132, 133]) + HandEncoding.stored([134, 135])
    let assembly = HandAssembly.quantized(HandEncoding.payload(head: head, chunk), shape: "[3,2,1,2]")
    #expect(try floats(of: assembly) == (1...12).map { Float($0) * 0.25 })
  }

  @Test func `classes above the seventh are the seventh`() throws {
    let head: [UInt8] = [1, 0xFF, 0x0F]
    let chunk: [UInt8] = [0] + HandEncoding.stored([128, 129])
    let assembly = HandAssembly.quantized(HandEncoding.payload(head: head, chunk), shape: "[2,1]")
    #expect(try floats(of: assembly) == [0.25, 0.5])
  }

  // MARK: int8

  @Test func `an 8-bit weight is its integer times its row's scale, in float32`() throws {
    let chunk = HandEncoding.stored([0, 127, 254, 128, 126, 130])
    let assembly = HandAssembly.int8(scales: [0.1, 0x1p-126], chunk, shape: "[2,3]")
    #expect(try floats(of: assembly) == [-127 * 0.1, 0, 127 * 0.1, 0x1p-126, -0x1p-126, 3 * 0x1p-126] as [Float])
  }

  @Test func `8-bit weights may be coded, and have chunks of 65536`() throws {
    let first = HandEncoding.coded(
      (0..<65536).map { $0 % 4 == 0 ? 126 : 127 }, first: 126, frequencies: [1024, 3072])
    let assembly = HandAssembly.int8(scales: [2], first, HandEncoding.constant(130), shape: "[1,65538]")
    let values = try floats(of: assembly)
    #expect(values.count == 65538)
    #expect(values[..<65536].enumerated().allSatisfy { $1 == ($0 % 4 == 0 ? -2 : 0) })
    #expect(values[65536...] == [6, 6])
  }

  // MARK: The header

  @Test func `the file tells how each tensor lies in it`() throws {
    let chunk = [0] + HandEncoding.stored([127, 128])
    let path = try folder.write(
      HandAssembly.quantized(HandEncoding.payload(head: [0], chunk), shape: "[2]").bytes, as: "file")
    let payload = try NativeFile(InputFile(path: path)).payloads[0]
    #expect(payload.encoding == .quantized(step: 0.25, relativeError: 0.5))
    #expect(payload.byteCount == 9)
    // 20 · log10(2)
    #expect(abs(try #require(payload.encoding.signalToNoise) - 6.0206) < 1e-4)
  }
}
