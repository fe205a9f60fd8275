import ResectBytes
import ResectNativeFormat
import ResectResNets
import ResectTensors
import ResectTestSupport
import Testing

@Suite struct EncodedWritingTests {
  private let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  private func read(
    _ output: OutputTensor, _ choice: EncodingChoice, access: NativeFile.Access = .mapped
  ) throws -> (tensor: LazyTensor, payload: NativePayload) {
    let file = try NativeFile(
      InputFile(path: output.write(choice, to: folder.file("out.resect"))), access: access)
    return (file.tensors[0].tensor, file.payloads[0])
  }

  // MARK: Lossless

  /// Bits that no arithmetic keeps: quiet and signalling NaNs with payloads, infinities, zeros of both signs, denormals.
  private static let specials: [DType: [UInt64]] = [
    .float32: [
      0x7FC0_0001, 0xFF80_0001, 0x7FFF_FFFF, 0x7F80_0000, 0xFF80_0000, 0, 0x8000_0000, 1, 0x807F_FFFF, 0x0080_0000,
    ],
    .float16: [0x7E01, 0xFC01, 0x7FFF, 0x7C00, 0xFC00, 0, 0x8000, 1, 0x83FF, 0x0400],
    .bfloat16: [0x7FC1, 0xFF81, 0x7FFF, 0x7F80, 0xFF80, 0, 0x8000, 1, 0x807F, 0x0080],
  ]

  @Test(
    arguments: [DType.float32, .float16, .bfloat16],
    [1, 2, 3, 63, 64, 1000, 65535, 65536, 65537, 200_003])
  func `every bit comes back`(dtype: DType, count: Int) throws {
    var random = SeededRandom(seed: UInt64(count))
    var bytes: [UInt8] = []
    let specials = try #require(Self.specials[dtype])
    for index in 0..<count {
      // Few different exponents, so that encoding saves something, and now and then anything at all.
      let isSpecial = index % 97 < specials.count && index / 97 % 3 == 0
      let wide = Float.random(in: -1...1, using: &random).bitPattern
      let bits = isSpecial ? specials[index % 97] : UInt64(dtype == .float32 ? wide : wide >> 16)
      for byte in 0..<dtype.byteCount { bytes.append(UInt8(truncatingIfNeeded: bits >> (8 * UInt64(byte)))) }
    }
    for access in [NativeFile.Access.mapped, .read] {
      let (tensor, payload) = try read(OutputTensor(bytes, dtype, [count]), .lossless, access: access)
      #expect(try tensor.bytes() == bytes)
      #expect(try tensor.doubles().count == count)
      #expect(payload.encoding == (count >= 1000 ? .planes : payload.encoding))
      #expect(payload.byteCount <= bytes.count)
    }
  }

  @Test func `weights that were narrower once take their narrow room`() throws {
    // bfloat16 widened to float32: two planes of zeros.
    var random = SeededRandom(seed: 2)
    var bytes: [UInt8] = []
    for _ in 0..<100_000 {
      bytes.append(littleEndian: Float.random(in: -1...1, using: &random).bitPattern & 0xFFFF_0000)
    }
    let (_, payload) = try read(OutputTensor(bytes, .float32, [100_000]), .lossless)
    #expect(payload.byteCount < 160_000)
  }

  @Test func `what does not become smaller is stored as it is`() throws {
    var random = SeededRandom(seed: 4)
    let noise = (0..<40_000).map { _ in UInt8(truncatingIfNeeded: random.next()) }
    #expect(try read(OutputTensor(noise, .float32, [10_000]), .lossless).payload.encoding == .raw)
    let short = try OutputTensor.random(rows: 1, columns: 16, seed: 1)
    #expect(try read(short, .lossless).payload.encoding == .raw)
    #expect(try read(OutputTensor([], .float32, [0, 3]), .lossless).payload.encoding == .raw)
    #expect(try read(OutputTensor([], .float32, [0, 3]), .quantized(step: 1)).payload.encoding == .raw)
    let integers = try OutputTensor([UInt8](repeating: 0, count: 8000), .int64, [1000])
    #expect(try read(integers, .lossless).payload.encoding == .raw)
    let scalar = try OutputTensor([0, 0, 0x80, 0x3F], .float32, [])
    #expect(try read(scalar, .lossless).tensor.doubles() == [1])
  }

  @Test func `what is smaller than a reader believes is stored as it is`() throws {
    let zeros = try OutputTensor([UInt8](repeating: 0, count: 68 << 20), .float32, [17 << 20])
    let (tensor, payload) = try read(zeros, .lossless)
    #expect(payload.encoding == .raw)
    #expect(try tensor.notFiniteCount() == 0)
  }

  @Test func `a tensor is encoded in the dtype that is stored`() throws {
    let matrix = try OutputTensor.random(rows: 100, columns: 100, seed: 8)
    let narrow = OutputTensor(name: matrix.name, tensor: matrix.tensor, dtype: .bfloat16)
    let (tensor, payload) = try read(narrow, .lossless)
    #expect(payload.encoding == .planes)
    #expect(try tensor.bytes() == matrix.tensor.bytes(as: .bfloat16))
  }

  // MARK: Quantised

  @Test(
    arguments: [1, 2, 100, 65537, 150_000], [2.0, 0.1, 0.003, 1e-5])
  func `a quantised weight is the nearest multiple of the step`(count: Int, step: Double) throws {
    let matrix = try OutputTensor.random(rows: 1, columns: count, seed: UInt64(count))
    let (tensor, payload) = try read(matrix, .quantized(step: step))
    let values = try matrix.tensor.doubles()
    let expected = values.map { Double(Float(($0 / step).rounded(.toNearestOrEven) * step)) }
    #expect(try tensor.doubles() == expected)
    let noise = zip(values, values.map { ($0 / step).rounded(.toNearestOrEven) * step })
      .reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }
    let energy = values.reduce(0) { $0 + $1 * $1 }
    guard case .quantized(step, let error) = payload.encoding else {
      Issue.record("found \(payload.encoding)")
      return
    }
    #expect(abs(error - (noise / energy).squareRoot()) <= 1e-9 * error)
  }

  @Test func `a weight far off the others is kept`() throws {
    var bytes = try OutputTensor.random(rows: 100, columns: 30, seed: 9).tensor.bytes()
    for (index, value) in [(7, 1e6), (2999, -3e6), (0, 40)] as [(Int, Float)] {
      unsafe withUnsafeBytes(of: value.bitPattern) { unsafe bytes.replaceSubrange(4 * index..<4 * index + 4, with: $0) }
    }
    let (tensor, _) = try read(OutputTensor(bytes, .float32, [100, 30]), .quantized(step: 0.01))
    let values = try tensor.doubles()
    #expect(abs(values[7] - 1e6) <= 0.04)
    #expect(abs(values[2999] + 3e6) <= 0.13)
    #expect(abs(values[0] - 40) <= 0.005)
  }

  @Test func `rows that differ in scale share no frequencies`() throws {
    // Rows of scales 1 to 16: of two orders of the same rows' weights, the one by rows is the smaller.
    let matrix = try OutputTensor.random(rows: 100, columns: 400, seed: 12)
    var elements = try matrix.tensor.bytes()
    let byRows = try read(matrix, .quantized(step: 0.01))
    var random = SeededRandom(seed: 1)
    var order = Array(0..<40_000)
    order.shuffle(using: &random)
    elements = order.flatMap { elements[4 * $0..<4 * $0 + 4] }
    let mixed = try read(OutputTensor(elements, .float32, [100, 400]), .quantized(step: 0.01))
    #expect(Double(byRows.payload.byteCount) < 0.95 * Double(mixed.payload.byteCount))
  }

  @Test func `what is not finite is not quantised`() throws {
    for bits in [0x7F80_0000, 0x7FC0_0000, 0x7F00_0000] as [UInt32] {
      var bytes: [UInt8] = []
      bytes.append(littleEndian: bits)
      let error = #expect(throws: ResectError.self) {
        try OutputTensor(bytes, .float32, [1]).write(.quantized(step: 1), to: folder.file("bad"))
      }
      #expect(error?.code == .badValue)
      #expect(error?.tensor == "classifier.weight")
    }
  }

  @Test func `only float32 is quantised, by a step above zero`() throws {
    let matrix = try OutputTensor.random(rows: 2, columns: 2, seed: 1)
    for step in [0, -1, .infinity, .nan, .leastNonzeroMagnitude] {
      let code = refusal { () throws(ResectError) in
        try matrix.write(.quantized(step: step), to: folder.file("bad"))
      }
      #expect(code == .badArgument)
    }
    let narrow = OutputTensor(name: "a", tensor: matrix.tensor, dtype: .float16)
    #expect(
      refusal { () throws(ResectError) in
        try narrow.write(.quantized(step: 1), to: folder.file("bad"))
      } == .badArgument)
  }

  // MARK: Integers

  @Test(arguments: [(1, 1), (3, 5), (64, 147), (40, 5000)])
  func `8-bit weights are the nearest of 255 steps of their row`(rows: Int, columns: Int) throws {
    let matrix = try OutputTensor.random(rows: rows, columns: columns, seed: UInt64(rows))
    let (tensor, payload) = try read(matrix, .int8)
    let weights = try matrix.tensor.floats()
    let expected = (0..<rows).flatMap { row in
      let slice = weights[row * columns..<(row + 1) * columns]
      let scale = (slice.map { abs($0) }.max() ?? 0) / 127
      return slice.map { ($0 / scale).rounded(.toNearestOrEven) * scale }
    }
    #expect(try tensor.floats() == expected)
    let noise = zip(weights, expected).reduce(0.0) { $0 + Double($1.0 - $1.1) * Double($1.0 - $1.1) }
    let energy = weights.reduce(0.0) { $0 + Double($1) * Double($1) }
    #expect(abs(try #require(payload.encoding.relativeError) - (noise / energy).squareRoot()) < 1e-6)
    #expect(try ScaledIntegers(tensor) == ScaledIntegers(matrix.tensor))
  }

  @Test func `8-bit weights are coded where that saves room, and else read as they are`() throws {
    // Most weights of the bell are small; uniform ones take their eight bits.
    let bell = try OutputTensor.random(rows: 4, columns: 20_000, seed: 1)
    #expect(try read(bell, .int8).payload.byteCount < 76_000)
    var random = SeededRandom(seed: 2)
    var bytes: [UInt8] = []
    for _ in 0..<80_000 { bytes.append(littleEndian: Float.random(in: -1...1, using: &random).bitPattern) }
    // Four scales, two lengths, two blocks of one byte more than they have symbols.
    #expect(try read(OutputTensor(bytes, .float32, [4, 20_000]), .int8).payload.byteCount == 80_000 + 16 + 8 + 2)
  }

  @Test func `what is no finite float32 in rows does not become integers`() throws {
    let refusals: [(OutputTensor, ResectError.Code)] = [
      (try OutputTensor([0, 0, 0xC0, 0x7F, 0, 0, 0, 0], .float32, [2]), .badValue),
      (try OutputTensor([0, 0, 0x80, 0x3F], .float32, []), .badArgument),
      (
        OutputTensor(name: "a", tensor: try OutputTensor.random(rows: 2, columns: 2, seed: 1).tensor, dtype: .float16),
        .badArgument
      ),
    ]
    for (tensor, code) in refusals {
      #expect(refusal { () throws(ResectError) in try tensor.write(.int8, to: folder.file("bad")) } == code)
    }
    #expect(try read(OutputTensor([], .float32, [0, 3]), .int8).payload.encoding == .raw)
  }

  // MARK: The file

  @Test func `the same model gives the same bytes, however threads interleave and whatever is encoded`() throws {
    func bytes(_ delay: UInt64?) throws -> [UInt8] {
      let path = folder.file("out\(delay ?? 0)")
      let file = try OutputFile(path: path, overwrite: true)
      let tensors = try TinyNetwork.tensors(of: TinyNetwork.architectures[4], delaySeed: delay)
      try writeNative(
        tensors, to: file,
        encoding: {
          if $0.tensor.dtype != .float32 || $0.name.hasSuffix("conv1.weight") { return .store }
          if $0.name.hasPrefix("classifier") { return .int8 }
          return $0.name.hasSuffix("conv2.weight") ? .quantized(step: 0.01) : .lossless
        }, header: { () throws(ResectError) in TinyNetwork.header() })
      _ = try file.committed()
      return try contents(of: path)
    }
    let first = try bytes(nil)
    for round in 1..<6 { #expect(try bytes(UInt64(round)) == first) }
  }

  @Test func `encoded and raw payloads lie one behind the other in the order of the tensors`() throws {
    let path = folder.file("out")
    let file = try OutputFile(path: path, overwrite: true)
    let matrix = try OutputTensor.random(rows: 50, columns: 50, seed: 6)
    let tensors = (0..<6).map { OutputTensor(name: "t\($0)", tensor: matrix.tensor, dtype: .float32) }
    let choices: [EncodingChoice] = [
      .store, .lossless, .quantized(step: 0.1), .lossless, .store, .quantized(step: 0.01),
    ]
    try writeNative(
      tensors, to: file, encoding: { choices[Int($0.name.dropFirst()) ?? 0] },
      header: { () throws(ResectError) in TinyNetwork.header() })
    _ = try file.committed()
    let read = try NativeFile(InputFile(path: path))
    #expect(read.payloads.map(\.encoding.name) == ["raw", "planes", "quantized", "planes", "raw", "quantized"])
    #expect(try read.tensors[3].tensor.bytes() == matrix.tensor.bytes())
    #expect(read.payloads[1].byteCount < read.payloads[0].byteCount)
  }

  // MARK: From file to file

  @Test(arguments: [EncodingChoice.lossless, .quantized(step: 0.01)])
  func `what comes unchanged from a file keeps its payload`(_ choice: EncodingChoice) throws {
    let source = try NativeFile(
      InputFile(path: OutputTensor.random(rows: 64, columns: 2000, seed: 9).write(choice, to: folder.file("a.resect"))))
    let tensor = source.tensors[0].tensor
    let (copied, payload) = try read(
      OutputTensor(name: "classifier.weight", tensor: tensor, dtype: .float32), .lossless)
    #expect(payload == source.payloads[0] && payload.encoding != .raw)
    #expect(try copied.bytes() == tensor.bytes())
    let (halved, other) = try read(OutputTensor(name: "classifier.weight", tensor: tensor, dtype: .float16), .lossless)
    #expect(other.encoding == .planes)
    #expect(try halved.bytes() == tensor.bytes(as: .float16))
  }

  @Test func `a payload that cannot be decoded is not passed on`() throws {
    // The checksum is right, but one of the two symbols is missing.
    let damaged = HandAssembly.quantized(
      HandEncoding.payload(head: [0], [0] + HandEncoding.stored([127])), shape: "[2]")
    let path = try folder.write(damaged.bytes, as: "damaged.resect")
    let tensor = try NativeFile(InputFile(path: path)).tensors[0].tensor
    let output = OutputTensor(name: "classifier.weight", tensor: tensor, dtype: .float32)
    #expect(
      refusal(of: { () throws(ResectError) in try output.write(.lossless, to: folder.file("out.resect")) })
        == .malformed)
  }
}
