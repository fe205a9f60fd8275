internal import ResectBytes
internal import ResectHDF5
internal import ResectTensors
internal import ResectTestSupport
import Testing

/// Which claims of an index are refused: what the process that reads the file says is not believed.
@Suite struct HDF5IndexTests {
  /// An array of 4 × 6 float32 at byte 100, unless said otherwise.
  private func dataset(
    _ path: String = "weight", axes: [UInt64]? = [4, 6], element: HDF5Element = .number(.float32, .little),
    elementBytes: Int = 4, layout: HDF5Layout = .contiguous(offset: 100), filters: [HDF5Filter] = [],
    storedBytes: UInt64 = 96
  ) -> HDF5Dataset {
    HDF5Dataset(
      path: path, element: element, elementBytes: elementBytes, axes: axes, layout: layout,
      filters: filters, storedBytes: storedBytes, address: 1, attributes: [])
  }

  private func refused(
    _ datasets: HDF5Dataset..., groups: [String] = [""], fileSize: UInt64 = 1000
  ) -> ResectError.Code? {
    refusal { () throws(ResectError) in
      try HDF5Index(
        groups: groups.map { HDF5Group(path: $0, attributes: []) }, datasets: datasets, links: [],
        committedTypes: [], fileSize: fileSize)
    }
  }

  private func index(links: [(String, String)], groups: [String] = ["", "a", "a/b"]) throws -> HDF5Index {
    try HDF5Index(
      groups: groups.map { HDF5Group(path: $0, attributes: []) }, datasets: [dataset("a/b/weight")],
      links: links.map { HDF5Link(path: $0.0, target: $0.1, isSoft: true) }, committedTypes: [], fileSize: 1000)
  }

  @Test func `a path leads through links wherever they stand in it`() throws {
    let index = try index(links: [
      ("first", "a"), ("a/same", "a/b"), ("a/b/other", "/first/same/./weight"), ("none", "x/y"),
    ])
    #expect(index.resolve("a/b/weight") == "a/b/weight")
    #expect(index.resolve("first/b/weight") == "a/b/weight")
    #expect(index.resolve("first/same/other") == "a/b/weight")
    #expect(index.group(at: "first/same")?.path == "a/b")
    #expect(index.resolve("none") == nil)
    #expect(index.resolve("a/b/weight/more") == nil)
    #expect(index.resolve("a/missing") == nil)
  }

  @Test func `as many links are followed as libhdf5 follows, and circles end`() throws {
    func chain(_ count: Int) -> [(String, String)] {
      (1...count).map { ("link\($0)", $0 == 1 ? "a/b/weight" : "link\($0 - 1)") }
    }
    #expect(try index(links: chain(17)).resolve("link16") == "a/b/weight")
    #expect(try index(links: chain(17)).resolve("link17") == nil)
    #expect(try index(links: [("one", "two"), ("two", "one")]).resolve("one") == nil)
  }

  @Test func `an array within the file is accepted, up to the last byte`() {
    #expect(refused(dataset()) == nil)
    #expect(refused(dataset(), fileSize: 196) == nil)
    #expect(refused(dataset(layout: .compact)) == nil)
    #expect(refused(dataset(axes: [], storedBytes: 4)) == nil)
    #expect(refused(dataset(axes: [0, 9], storedBytes: 0)) == nil)
    #expect(refused(dataset(axes: nil, storedBytes: 0)) == nil)
  }

  @Test func `an array past the end of the file is refused`() {
    #expect(refused(dataset(), fileSize: 195) == .truncated)
    #expect(refused(dataset(layout: .contiguous(offset: .max - 3))) == .truncated)
  }

  @Test func `a shape whose size overflows is refused`() {
    #expect(refused(dataset(axes: [1 << 40, 1 << 40])) == .malformed)
    #expect(refused(dataset(axes: [.max])) == .malformed)
    #expect(refused(dataset(axes: [1 << 61])) == .malformed)
  }

  @Test func `more axes than any tensor has are refused`() {
    #expect(refused(dataset(axes: [UInt64](repeating: 1, count: 33))) == .limit)
  }

  @Test func `an array that was never stored is refused`() {
    #expect(refused(dataset(storedBytes: 0)) == .limit)
  }

  @Test func `an array of another size than its bytes is refused`() {
    #expect(refused(dataset(storedBytes: 95)) == .truncated)
    #expect(refused(dataset(layout: .compact, storedBytes: 95)) == .malformed)
    #expect(refused(dataset(elementBytes: 8)) == .malformed)
    #expect(refused(dataset(elementBytes: 0)) == .malformed)
  }

  @Test func `chunks must hold what is claimed`() {
    func chunked(_ chunk: [UInt64], _ filters: [HDF5Filter] = [], stored: UInt64) -> ResectError.Code? {
      refused(dataset(layout: .chunked(chunk), filters: filters, storedBytes: stored))
    }
    // Two by two chunks of 3 × 5 elements reach over the edges.
    #expect(chunked([3, 5], stored: 240) == nil)
    #expect(chunked([3, 5], stored: 236) == .malformed)
    #expect(chunked([3, 5], [.fletcher32], stored: 256) == nil)
    #expect(chunked([3, 5], [.shuffle], stored: 100) == .malformed)
    #expect(chunked([3, 5], [.shuffle, .deflate], stored: 10) == nil)
    #expect(chunked([3], stored: 96) == .malformed)
    #expect(chunked([3, 0], stored: 96) == .malformed)
    #expect(chunked([1 << 20, 1 << 20], [.deflate], stored: 96) == .malformed)
    #expect(chunked([1 << 10, 1 << 10], [.deflate], stored: 96) == .limit)
  }

  @Test func `compressed data may claim what deflate can hold and no more`() {
    func packed(_ rows: UInt64) -> ResectError.Code? {
      refused(
        dataset(axes: [rows, 258], layout: .chunked([1, 258]), filters: [.deflate], storedBytes: 100))
    }
    #expect(packed(100) == nil)
    #expect(packed(101) == .limit)
  }

  @Test func `arrays may not take more of the file together than it has`() {
    let large = dataset(axes: [600], element: .number(.int8, .little), elementBytes: 1, storedBytes: 600)
    #expect(refused(large) == nil)
    #expect(
      refused(
        large,
        dataset("other", axes: [600], element: .number(.int8, .little), elementBytes: 1, storedBytes: 600))
        == .malformed)
  }

  @Test func `a name may be given once`() {
    #expect(refused(dataset("a"), dataset("a")) == .malformed)
    #expect(refused(dataset("a"), groups: ["", "a"]) == .malformed)
    #expect(refused(dataset("b"), groups: ["", "a", "a"]) == .malformed)
    // The same letter, composed and decomposed: one text for Swift.
    #expect(refused(dataset("\u{E9}"), dataset("e\u{301}")) == .malformed)
  }
}
