import ResectTensors
import Testing

@Suite struct DTypeTests {
  /// The names and sizes of the safetensors specification.
  @Test(
    arguments: [
      ("F64", 8), ("F32", 4), ("F16", 2), ("BF16", 2), ("F8_E4M3", 1), ("F8_E5M2", 1),
      ("F8_E4M3FNUZ", 1), ("F8_E5M2FNUZ", 1), ("I64", 8), ("I32", 4), ("I16", 2), ("I8", 1), ("U64", 8),
      ("U32", 4), ("U16", 2), ("U8", 1), ("BOOL", 1), ("C64", 8), ("C128", 16),
    ])
  func `every dtype has the size of its name`(name: String, bytes: Int) throws {
    #expect(try #require(DType(rawValue: name)).byteCount == bytes)
    #expect(DType.allCases.count == 19)
  }

  @Test func `only complex elements consist of two numbers`() {
    #expect(DType.allCases.filter { $0.componentCount == 2 } == [.complex64, .complex128])
  }

  @Test func `surgeries compute in four dtypes`() {
    #expect(
      DType.allCases.filter(\.isComputable) == [.float64, .float32, .float16, .bfloat16])
    #expect(DType.allCases.filter(\.isFloatingPoint).count == 8)
  }
}
