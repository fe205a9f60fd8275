import ResectBytes
import ResectTensors
import ResectTestSupport
import Testing

/// A binary floating-point format, and rounding into it by integer arithmetic alone.
struct BinaryFormat: Sendable, CustomTestStringConvertible {
  let dtype: DType
  /// Bits of the significand, the hidden one included.
  let precision: Int
  /// The exponent of the smallest normal value.
  let smallestExponent: Int
  let largestExponent: Int

  static let float32 = BinaryFormat(
    dtype: .float32, precision: 24, smallestExponent: -126, largestExponent: 127)
  static let float16 = BinaryFormat(
    dtype: .float16, precision: 11, smallestExponent: -14, largestExponent: 15)
  static let bfloat16 = BinaryFormat(
    dtype: .bfloat16, precision: 8, smallestExponent: -126, largestExponent: 127)
  static let all = [float32, float16, bfloat16]

  var testDescription: String { dtype.rawValue }

  /// The exponent of the distance between neighbours around `value`, which is finite and not zero.
  func quantumExponent(of value: Double) -> Int {
    max(Int(value.exponent), smallestExponent) - (precision - 1)
  }

  /// `value` rounded to nearest, ties to even; nothing where that is infinite. `value` is a normal double or zero.
  func rounded(_ value: Double) -> Double? {
    guard value != 0 else { return value }
    let significand = value.significandBitPattern | 1 << 52
    let shift = quantumExponent(of: value) - (Int(value.exponent) - 52)
    var count: UInt64
    if shift > 60 {
      count = 0
    } else {
      count = significand >> UInt64(shift)
      let rest = significand - count << UInt64(shift)
      let half = UInt64(1) << UInt64(shift - 1)
      if rest > half || (rest == half && count % 2 == 1) { count += 1 }
    }
    let magnitude = Double(sign: .plus, exponent: quantumExponent(of: value), significand: 1) * Double(count)
    let largest = 2 - Double(sign: .plus, exponent: 1 - precision, significand: 1)
    guard magnitude <= largest * Double(sign: .plus, exponent: largestExponent, significand: 1) else {
      return nil
    }
    return value.sign == .minus ? -magnitude : magnitude
  }

  /// The value of a bit pattern by Swift's own types.
  func value(_ bits: UInt32) -> Double {
    switch dtype {
    case .float16: Double(Float16(bitPattern: UInt16(bits)))
    case .bfloat16: Double(Float(bitPattern: bits << 16))
    default: Double(Float(bitPattern: bits))
    }
  }

  func values(of tensor: LazyTensor) throws -> [Double] {
    dtype == .float32
      ? try tensor.patterns(as: dtype, UInt32.self).map(value)
      : try tensor.patterns(as: dtype, UInt16.self).map { value(UInt32($0)) }
  }

  /// Values around every trap: exact ones, halfway between neighbours, and next to halfway by less than a float32 resolves.
  func traps(count: Int, seed: UInt64) -> [Double] {
    var random = SeededRandom(seed: seed)
    var values: [Double] = []
    for _ in 0..<count {
      // From below the smallest subnormal to just below the largest value.
      let exponent = Int.random(
        in: smallestExponent - precision - 1..<largestExponent, using: &random)
      let quantum = Double(
        sign: .plus, exponent: max(exponent, smallestExponent) - (precision - 1), significand: 1)
      let steps = Double(sign: .plus, exponent: exponent, significand: 1) / quantum
      let base = (steps * Double.random(in: 1..<2, using: &random)).rounded(.down) * quantum
      let half = base + quantum / 2
      for value in [base, half, half.nextUp, half.nextDown, base + quantum.nextUp / 2] {
        values += [value, -value]
      }
      // Away from halfway by one part in 2^30 to 2^50 of the quantum.
      let nudge = Double(
        sign: .plus, exponent: -Int.random(in: 30...50, using: &random), significand: quantum)
      values += [half + nudge, half - nudge, -half - nudge, -half + nudge]
      values.append(Double.random(in: 1..<2, using: &random) * steps * quantum)
    }
    return values.filter { $0.isNormal || $0.isZero }
  }
}

@Suite struct DoubleScratchTests {
  // MARK: Decoding

  @Test func `every float16 pattern widens to its value`() throws {
    let patterns = (0...UInt16.max).map { $0 }
    let values = try LazyTensor(patterns, dtype: .float16).doubles()
    #expect(values.count == 65536)
    let wrong = zip(patterns, values).filter { pattern, value in
      let expected = Double(Float16(bitPattern: pattern))
      return expected.isNaN ? !value.isNaN : value.bitPattern != expected.bitPattern
    }
    #expect(wrong.isEmpty)
  }

  @Test func `every bfloat16 pattern widens to its value`() throws {
    let patterns = (0...UInt16.max).map { $0 }
    let values = try LazyTensor(patterns, dtype: .bfloat16).doubles()
    #expect(values.count == 65536)
    let wrong = zip(patterns, values).filter { pattern, value in
      let expected = Double(Float(bitPattern: UInt32(pattern) << 16))
      return expected.isNaN ? !value.isNaN : value.bitPattern != expected.bitPattern
    }
    #expect(wrong.isEmpty)
  }

  @Test func `float32 patterns widen to their values`() throws {
    var random = SeededRandom(seed: 32)
    let edges: [UInt32] = [0, 1, 0x7F_FFFF, 0x80_0000, 0x7F7F_FFFF, 0x7F80_0000, 0x8000_0000, 0xFF80_0000]
    let patterns = edges + (0..<10_000).map { _ in UInt32(truncatingIfNeeded: random.next()) }
    let values = try LazyTensor(patterns, dtype: .float32).doubles()
    let wrong = zip(patterns, values).filter { pattern, value in
      let expected = Double(Float(bitPattern: pattern))
      return expected.isNaN ? !value.isNaN : value.bitPattern != expected.bitPattern
    }
    #expect(wrong.isEmpty)
  }

  /// Each table is the float16 pattern of every 8-bit pattern, which float16 holds exactly. By torch 2.13:
  /// `torch.arange(256, dtype=torch.uint8).view(torch.float8_e4m3fn).to(torch.float16).view(torch.int16)`.
  @Test(arguments: Float8Table.all)
  func `every float8 pattern widens to its value`(table: Float8Table) throws {
    let expected = table.values
    #expect(expected.count == 256)
    let values = try LazyTensor((0...UInt8.max).map { $0 }, dtype: table.dtype).doubles()
    for (pattern, (value, expected)) in zip(values, expected).enumerated() {
      if expected.isNaN {
        #expect(value.isNaN, "\(pattern)")
      } else {
        #expect(value.bitPattern == expected.bitPattern, "\(pattern)")
      }
    }
  }

  @Test func `integers and bools widen to their values`() throws {
    #expect(try LazyTensor([Int8.min, -1, 0, .max], dtype: .int8).doubles() == [-128, -1, 0, 127])
    #expect(try LazyTensor([UInt8.max, 0], dtype: .uint8).doubles() == [255, 0])
    #expect(try LazyTensor([Int16.min, .max], dtype: .int16).doubles() == [-32768, 32767])
    #expect(try LazyTensor([UInt16.max], dtype: .uint16).doubles() == [65535])
    #expect(try LazyTensor([Int32.min, .max], dtype: .int32).doubles() == [-0x1p31, 0x1p31 - 1])
    #expect(try LazyTensor([UInt32.max], dtype: .uint32).doubles() == [0x1p32 - 1])
    #expect(
      try LazyTensor([Int64.min, 1 << 53], dtype: .int64).doubles() == [-0x1p63, 0x1p53])
    #expect(try LazyTensor([UInt64(1) << 63], dtype: .uint64).doubles() == [0x1p63])
    #expect(try LazyTensor([UInt8(0), 1], dtype: .bool).doubles() == [0, 1])
  }

  @Test func `a complex element is two doubles, the real part first`() throws {
    let halves: [UInt32] = [Float(1.5).bitPattern, Float(-2).bitPattern]
    let single = try LazyTensor(halves, dtype: .complex64)
    #expect(single.shape.axes == [1])
    #expect(try single.doubles() == [1.5, -2])
    let wide = try LazyTensor([(0.1).bitPattern, (-0.2).bitPattern], dtype: .complex128)
    #expect(wide.shape.axes == [1])
    #expect(try wide.doubles() == [0.1, -0.2])
  }

  // MARK: Encoding

  @Test(arguments: BinaryFormat.all)
  func `a double is rounded once, to nearest, ties to even`(format: BinaryFormat) throws {
    let values = format.traps(count: 4000, seed: UInt64(format.precision))
    let encoded = try format.values(of: LazyTensor(values: values, dtype: format.dtype))
    var wrong: [Double] = []
    for (value, result) in zip(values, encoded) where format.rounded(value)?.bitPattern != result.bitPattern {
      wrong.append(value)
    }
    #expect(wrong.isEmpty)
    // The oracle itself, beside Swift's own conversions.
    for value in values.prefix(20_000) {
      switch format.dtype {
      case .float16: #expect(format.rounded(value) == Double(Float16(value)))
      case .float32: #expect(format.rounded(value) == Double(Float(value)))
      default: break
      }
    }
  }

  @Test(arguments: BinaryFormat.all)
  func `a detour through float32 would round some of the traps otherwise`(format: BinaryFormat) {
    let values = format.traps(count: 1000, seed: 7)
    let trapped = values.filter { value in
      format.rounded(value) != format.rounded(Double(Float(value)))
    }
    #expect(trapped.isEmpty == (format.dtype == .float32))
  }

  /// Hand-computed: float16 has 10 bits of fraction, bfloat16 7, float32 23.
  @Test(
    arguments: [
      (.float16, 1, 0x3C00), (.float16, 1 + 0x1p-11, 0x3C00), (.float16, 1 + 0x3p-11, 0x3C02),
      (.float16, 1 + 0x1p-11 + 0x1p-40, 0x3C01), (.float16, 1 + 0x3p-11 - 0x1p-40, 0x3C01),
      (.float16, 65504, 0x7BFF), (.float16, (65520.0).nextDown, 0x7BFF), (.float16, 0x1p-24, 0x0001),
      (.float16, 0x1p-25, 0x0000), (.float16, (0x1p-25).nextUp, 0x0001), (.float16, 0x3p-25, 0x0002),
      (.float16, 0x1p-14, 0x0400), (.float16, (0x1p-14).nextDown, 0x0400), (.float16, -0.0, 0x8000),
      (.float16, -0x1p-1074, 0x8000),
      (.bfloat16, 1, 0x3F80), (.bfloat16, 1 + 0x1p-8, 0x3F80), (.bfloat16, 1 + 0x3p-8, 0x3F82),
      (.bfloat16, 1 + 0x1p-8 + 0x1p-40, 0x3F81), (.bfloat16, 1 + 0x3p-8 - 0x1p-40, 0x3F81),
      (.bfloat16, 0x1.FEp127, 0x7F7F), (.bfloat16, (0x1.FFp127).nextDown, 0x7F7F),
      (.bfloat16, 0x1p-133, 0x0001), (.bfloat16, 0x1p-134, 0x0000),
      (.bfloat16, (0x1p-134).nextUp, 0x0001), (.bfloat16, 0x3p-134, 0x0002),
      (.bfloat16, 0x1p-126, 0x0080), (.bfloat16, (0x1p-126).nextDown, 0x0080),
      (.bfloat16, -0.0, 0x8000), (.bfloat16, -0x1p-1074, 0x8000), (.bfloat16, -0x1p-133, 0x8001),
    ] as [(DType, Double, UInt16)])
  func `16-bit values have the patterns of the definition`(
    dtype: DType, value: Double, pattern: UInt16
  ) throws {
    #expect(try LazyTensor(values: [value], dtype: dtype).patterns(UInt16.self) == [pattern])
  }

  @Test(
    arguments: [
      (1 + 0x1p-24, 0x3F80_0000), (1 + 0x3p-24, 0x3F80_0002), (1 + 0x1p-24 + 0x1p-52, 0x3F80_0001),
      (0x1p-149, 1), (0x1p-150, 0), ((0x1p-150).nextUp, 1), (-0.0, 0x8000_0000),
      ((0x1.FFFFFFp127).nextDown, 0x7F7F_FFFF),
    ] as [(Double, UInt32)])
  func `float32 values have the patterns of the definition`(value: Double, pattern: UInt32) throws {
    #expect(try LazyTensor(values: [value], dtype: .float32).patterns(UInt32.self) == [pattern])
  }

  @Test(
    arguments: [
      (.float16, 65520), (.float16, 1e5), (.float16, 1e300), (.bfloat16, 0x1.FFp127),
      (.bfloat16, 0x1.FFFFFEp127), (.bfloat16, 1e39), (.bfloat16, 1e300), (.float32, 0x1.FFFFFFp127),
      (.float32, 1e39), (.float32, 0x1.FFFFFFFFFFFFFp1023),
    ] as [(DType, Double)])
  func `a finite value that would become infinite is refused`(dtype: DType, value: Double) {
    for value in [value, -value] {
      let tensor = LazyTensor(values: [1, value, 2], dtype: dtype)
      #expect(refusal { () throws(ResectError) in try tensor.bytes() } == .badValue)
    }
  }

  @Test(arguments: [DType.float16, .bfloat16, .float32, .float64])
  func `infinities and NaN are kept`(dtype: DType) throws {
    let tensor = LazyTensor(values: [.infinity, -.infinity, .nan, -.nan], dtype: dtype)
    let bytes = try tensor.bytes()
    let values = try LazyTensor(storage: MemoryStorage(bytes), dtype: dtype, shape: Shape([4])).doubles()
    #expect(values[0] == .infinity)
    #expect(values[1] == -.infinity)
    #expect(values[2].isNaN)
    #expect(values[3].isNaN)
  }

  @Test(arguments: [DType.float16, .bfloat16, .float32])
  func `a NaN whose payload would be cut off stays a NaN`(dtype: DType) throws {
    let nan = Double(bitPattern: 0x7FF0_0000_0000_0001)
    let bytes = try LazyTensor(values: [nan, -nan], dtype: dtype).bytes()
    let values = try LazyTensor(storage: MemoryStorage(bytes), dtype: dtype, shape: Shape([2])).doubles()
    #expect(values.allSatisfy { $0.isNaN })
  }

  /// Every 16-bit value is its own nearest, whatever lies between.
  @Test(arguments: [DType.float16, .bfloat16], [DType.float32, .float64])
  func `every 16-bit value survives the way to a wider dtype and back`(
    narrow: DType, wide: DType
  ) throws {
    let patterns = (0...UInt16.max).map { $0 }
    let widened = try LazyTensor(patterns, dtype: narrow).bytes(as: wide)
    let back = try LazyTensor(
      storage: MemoryStorage(widened), dtype: wide, shape: Shape([65536])
    ).patterns(as: narrow, UInt16.self)
    let exponent: UInt16 = narrow == .float16 ? 0x7C00 : 0x7F80
    let wrong = zip(patterns, back).filter { before, after in
      let isNaN = before & 0x7FFF > exponent
      return isNaN ? after & 0x7FFF <= exponent : before != after
    }
    #expect(wrong.isEmpty)
  }

  @Test(arguments: [DType.int64, .uint8, .bool, .float8E4M3FN, .float8E5M2FNUZ, .complex64])
  func `values are not computed as other dtypes`(dtype: DType) {
    let tensor = LazyTensor(values: [1], dtype: dtype)
    #expect(refusal { () throws(ResectError) in try tensor.bytes() } == .unsupported)
  }

  @Test(
    arguments: [
      (.int64, .float32), (.float32, .int64), (.float8E4M3FN, .float16), (.complex64, .float32),
      (.bool, .uint8), (.uint8, .int8),
    ] as [(DType, DType)])
  func `other dtypes are not converted`(from: DType, to: DType) throws {
    let tensor = try LazyTensor([UInt64(0), 0], dtype: from)
    #expect(refusal { () throws(ResectError) in try tensor.bytes(as: to) } == .unsupported)
    #expect(try tensor.bytes(as: from) == [UInt8](repeating: 0, count: 16))
  }

  @Test func `conversions across pieces are those of each element`() throws {
    let count = 3 * InputFile.pieceBytes / 4 + 7
    var random = SeededRandom(seed: 5)
    let floats = (0..<count).map { _ in Float.random(in: -100...100, using: &random) }
    let tensor = try LazyTensor(floats.map(\.bitPattern), dtype: .float32)
    let halves = try tensor.patterns(as: .float16, UInt16.self)
    #expect(halves == floats.map { Float16($0).bitPattern })
  }

  // MARK: Not finite

  @Test func `values that are not finite are counted`() throws {
    let floats: [Float] = [1, .infinity, -.infinity, .nan, 0, .greatestFiniteMagnitude]
    #expect(try LazyTensor(floats.map(\.bitPattern), dtype: .float32).notFiniteCount() == 3)
    #expect(try LazyTensor([UInt64.max], dtype: .int64).notFiniteCount() == 0)
    // A part of a complex element counts alone.
    #expect(try LazyTensor(floats.map(\.bitPattern), dtype: .complex64).notFiniteCount() == 3)
    #expect(try LazyTensor([UInt8(0x7F), 0xFF, 0x7E], dtype: .float8E4M3FN).notFiniteCount() == 2)
  }
}

/// What every pattern of an 8-bit floating-point format means.
struct Float8Table: Sendable, CustomTestStringConvertible {
  let dtype: DType
  let patterns: String

  var testDescription: String { dtype.rawValue }

  var values: [Double] {
    let digits = Array(patterns.utf8.filter { $0 != UInt8(ascii: "\n") })
    return stride(from: 0, to: digits.count, by: 4).compactMap { start in
      UInt16(String(decoding: digits[start..<start + 4], as: UTF8.self), radix: 16)
        .map { Double(Float16(bitPattern: $0)) }
    }
  }

  static let all = [
    Float8Table(
      dtype: .float8E4M3FN,
      patterns: """
        000018001c001e00200021002200230024002480250025802600268027002780
        28002880290029802a002a802b002b802c002c802d002d802e002e802f002f80
        3000308031003180320032803300338034003480350035803600368037003780
        38003880390039803a003a803b003b803c003c803d003d803e003e803f003f80
        4000408041004180420042804300438044004480450045804600468047004780
        48004880490049804a004a804b004b804c004c804d004d804e004e804f004f80
        5000508051005180520052805300538054005480550055805600568057005780
        58005880590059805a005a805b005b805c005c805d005d805e005e805f007f80
        800098009c009e00a000a100a200a300a400a480a500a580a600a680a700a780
        a800a880a900a980aa00aa80ab00ab80ac00ac80ad00ad80ae00ae80af00af80
        b000b080b100b180b200b280b300b380b400b480b500b580b600b680b700b780
        b800b880b900b980ba00ba80bb00bb80bc00bc80bd00bd80be00be80bf00bf80
        c000c080c100c180c200c280c300c380c400c480c500c580c600c680c700c780
        c800c880c900c980ca00ca80cb00cb80cc00cc80cd00cd80ce00ce80cf00cf80
        d000d080d100d180d200d280d300d380d400d480d500d580d600d680d700d780
        d800d880d900d980da00da80db00db80dc00dc80dd00dd80de00de80df00ff80
        """
    ),
    Float8Table(
      dtype: .float8E5M2,
      patterns: """
        00000100020003000400050006000700080009000a000b000c000d000e000f00
        10001100120013001400150016001700180019001a001b001c001d001e001f00
        20002100220023002400250026002700280029002a002b002c002d002e002f00
        30003100320033003400350036003700380039003a003b003c003d003e003f00
        40004100420043004400450046004700480049004a004b004c004d004e004f00
        50005100520053005400550056005700580059005a005b005c005d005e005f00
        60006100620063006400650066006700680069006a006b006c006d006e006f00
        70007100720073007400750076007700780079007a007b007c007f007e007f00
        80008100820083008400850086008700880089008a008b008c008d008e008f00
        90009100920093009400950096009700980099009a009b009c009d009e009f00
        a000a100a200a300a400a500a600a700a800a900aa00ab00ac00ad00ae00af00
        b000b100b200b300b400b500b600b700b800b900ba00bb00bc00bd00be00bf00
        c000c100c200c300c400c500c600c700c800c900ca00cb00cc00cd00ce00cf00
        d000d100d200d300d400d500d600d700d800d900da00db00dc00dd00de00df00
        e000e100e200e300e400e500e600e700e800e900ea00eb00ec00ed00ee00ef00
        f000f100f200f300f400f500f600f700f800f900fa00fb00fc00ff00fe00ff00
        """
    ),
    Float8Table(
      dtype: .float8E4M3FNUZ,
      patterns: """
        0000140018001a001c001d001e001f0020002080210021802200228023002380
        2400248025002580260026802700278028002880290029802a002a802b002b80
        2c002c802d002d802e002e802f002f8030003080310031803200328033003380
        3400348035003580360036803700378038003880390039803a003a803b003b80
        3c003c803d003d803e003e803f003f8040004080410041804200428043004380
        4400448045004580460046804700478048004880490049804a004a804b004b80
        4c004c804d004d804e004e804f004f8050005080510051805200528053005380
        5400548055005580560056805700578058005880590059805a005a805b005b80
        7e00940098009a009c009d009e009f00a000a080a100a180a200a280a300a380
        a400a480a500a580a600a680a700a780a800a880a900a980aa00aa80ab00ab80
        ac00ac80ad00ad80ae00ae80af00af80b000b080b100b180b200b280b300b380
        b400b480b500b580b600b680b700b780b800b880b900b980ba00ba80bb00bb80
        bc00bc80bd00bd80be00be80bf00bf80c000c080c100c180c200c280c300c380
        c400c480c500c580c600c680c700c780c800c880c900c980ca00ca80cb00cb80
        cc00cc80cd00cd80ce00ce80cf00cf80d000d080d100d180d200d280d300d380
        d400d480d500d580d600d680d700d780d800d880d900d980da00da80db00db80
        """
    ),
    Float8Table(
      dtype: .float8E5M2FNUZ,
      patterns: """
        000000800100018002000280030003800400050006000700080009000a000b00
        0c000d000e000f0010001100120013001400150016001700180019001a001b00
        1c001d001e001f0020002100220023002400250026002700280029002a002b00
        2c002d002e002f0030003100320033003400350036003700380039003a003b00
        3c003d003e003f0040004100420043004400450046004700480049004a004b00
        4c004d004e004f0050005100520053005400550056005700580059005a005b00
        5c005d005e005f0060006100620063006400650066006700680069006a006b00
        6c006d006e006f0070007100720073007400750076007700780079007a007b00
        7e0080808100818082008280830083808400850086008700880089008a008b00
        8c008d008e008f0090009100920093009400950096009700980099009a009b00
        9c009d009e009f00a000a100a200a300a400a500a600a700a800a900aa00ab00
        ac00ad00ae00af00b000b100b200b300b400b500b600b700b800b900ba00bb00
        bc00bd00be00bf00c000c100c200c300c400c500c600c700c800c900ca00cb00
        cc00cd00ce00cf00d000d100d200d300d400d500d600d700d800d900da00db00
        dc00dd00de00df00e000e100e200e300e400e500e600e700e800e900ea00eb00
        ec00ed00ee00ef00f000f100f200f300f400f500f600f700f800f900fa00fb00
        """
    ),
  ]
}
