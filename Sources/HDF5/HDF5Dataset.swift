public import ResectBytes
public import ResectTensors

/// An array of an HDF5 file: what it is and where its bytes lie.
public struct HDF5Dataset: Sendable, Hashable {
  /// Its path.
  public let path: String
  /// What it is an array of.
  public let element: HDF5Element
  /// Bytes of an element as it is stored.
  public let elementBytes: Int
  /// The lengths of its axes, none for a scalar; nil for an empty dataspace, which has no elements and no shape.
  public let axes: [UInt64]?
  /// How the bytes lie in the file.
  public let layout: HDF5Layout
  /// What the bytes went through when they were stored, in that order.
  public let filters: [HDF5Filter]
  /// How many bytes of the file hold its data.
  public let storedBytes: UInt64
  /// The address in the file by which the library opens it.
  public let address: UInt64
  /// Its attributes.
  public let attributes: [HDF5Attribute]

  /// A dataset, not yet checked.
  public init(
    path: String, element: HDF5Element, elementBytes: Int, axes: [UInt64]?, layout: HDF5Layout,
    filters: [HDF5Filter], storedBytes: UInt64, address: UInt64, attributes: [HDF5Attribute]
  ) {
    self.path = path
    self.element = element
    self.elementBytes = elementBytes
    self.axes = axes
    self.layout = layout
    self.filters = filters
    self.storedBytes = storedBytes
    self.address = address
    self.attributes = attributes
  }

  /// The value of the attribute `name`.
  public subscript(name: String) -> HDF5Value? { attributes.first { $0.name == name }?.value }

  /// The numbers that it is an array of; nil for anything else, and where there is no shape.
  ///
  /// Keras stores bfloat16 as two opaque bytes and says so in an attribute.
  public var number: (dtype: DType, byteOrder: LazyTensor.ByteOrder)? {
    guard axes != nil else { return nil }
    switch element {
    case .number(let dtype, let order): return (dtype, order)
    case .opaque where elementBytes == 2 && self["dtype"]?.string == "bfloat16":
      return (.bfloat16, .little)
    case .string, .opaque, .other: return nil
    }
  }

  /// What it is, where it is no array of numbers: `strings`.
  public var whyNotNumeric: String? {
    if axes == nil { return "an empty dataspace" }
    guard number == nil else { return nil }
    switch element {
    case .number: return nil
    case .string: return "strings"
    case .opaque: return "opaque bytes"
    case .other(let what): return what
    }
  }

  /// The product of the axes; 0 without a shape.
  public func elementCount() throws(ResectError) -> UInt64 {
    guard let axes else { return 0 }
    var count: UInt64 = 1
    for axis in axes {
      let (product, overflow) = count.multipliedReportingOverflow(by: axis)
      guard !overflow else {
        throw ResectError(.malformed, "the shape \(axes) has too many elements", tensor: path)
      }
      count = product
    }
    return count
  }

  /// Bytes of all elements, or an error where they cannot be counted.
  public func byteCount() throws(ResectError) -> UInt64 {
    let (bytes, overflow) = try elementCount().multipliedReportingOverflow(by: UInt64(elementBytes))
    guard !overflow, bytes <= UInt64(Int.max) else {
      throw ResectError(.malformed, "the shape has more elements than 64 bits count", tensor: path)
    }
    return bytes
  }

  /// Refuses a dataset that cannot be what it claims to be in a file of `fileSize` bytes.
  func check(fileSize: UInt64) throws(ResectError) {
    func refusal(_ code: ResectError.Code, _ message: String) -> ResectError {
      ResectError(
        code, message, advice: "the file is damaged, or made to do harm: fetch it again",
        tensor: path)
    }
    guard (axes?.count ?? 0) <= Limits.rank else {
      throw refusal(.limit, "the dataset has more than \(Limits.rank) dimensions")
    }
    switch element {
    case .number, .opaque: break
    // Their size in memory is another than in the file. They are never read.
    case .string, .other: return
    }
    guard elementBytes > 0 else { throw refusal(.malformed, "the elements have no size") }
    if case .number(let dtype, _) = element, dtype.byteCount != elementBytes {
      throw refusal(.malformed, "elements of \(dtype.rawValue) have \(elementBytes) bytes")
    }
    let claimed = try byteCount()
    guard claimed > 0 else { return }
    guard storedBytes > 0 else {
      throw refusal(.limit, "the dataset claims \(claimed) bytes, and nothing was ever stored")
    }
    guard storedBytes <= fileSize else {
      throw refusal(
        .truncated, "the dataset is said to take \(storedBytes) bytes of a file of \(fileSize)")
    }
    switch layout {
    case .contiguous(let offset):
      guard filters.isEmpty, storedBytes == claimed, offset <= fileSize, claimed <= fileSize - offset
      else {
        throw refusal(
          .truncated,
          "\(claimed) bytes at byte \(offset) do not lie in the \(fileSize) bytes of the file")
      }
    case .compact:
      guard filters.isEmpty, storedBytes == claimed else {
        throw refusal(.malformed, "the dataset claims \(claimed) bytes and stores \(storedBytes)")
      }
    case .chunked(let chunk):
      try check(chunk: chunk, claimed: claimed, refusal)
    }
  }

  private func check(
    chunk: [UInt64], claimed: UInt64, _ refusal: (ResectError.Code, String) -> ResectError
  ) throws(ResectError) {
    guard let axes, chunk.count == axes.count, !chunk.contains(0) else {
      throw refusal(.malformed, "chunks of shape \(chunk) do not fit the dataset's shape")
    }
    var chunkBytes = UInt64(elementBytes)
    var chunks: UInt64 = 1
    for (axis, length) in zip(axes, chunk) {
      let (product, overflow) = chunkBytes.multipliedReportingOverflow(by: length)
      let (count, overflows) = chunks.multipliedReportingOverflow(
        by: axis / length + (axis % length == 0 ? 0 : 1))
      guard !overflow, !overflows, product <= UInt64(UInt32.max) else {
        throw refusal(.malformed, "chunks of shape \(chunk) are larger than the format allows")
      }
      (chunkBytes, chunks) = (product, count)
    }
    guard chunks <= UInt64(Limits.hdf5Chunks) else {
      throw refusal(.limit, "the dataset has \(chunks) chunks, at most \(Limits.hdf5Chunks) are read")
    }
    guard filters.contains(.deflate) else {
      // Bytes are stored as they are, those of the checksum behind each chunk.
      let stored = chunkBytes + (filters.contains(.fletcher32) ? 4 : 0)
      guard storedBytes == chunks * stored else {
        throw refusal(
          .malformed, "\(chunks) chunks of \(stored) bytes are stored in \(storedBytes) bytes")
      }
      return
    }
    // Whole chunks are stored, also where they reach over the dataset's edge.
    let most = storedBytes.multipliedFullWidth(by: Limits.deflateRatio)
    guard (0, claimed) <= most, (0, chunkBytes) <= most else {
      throw refusal(
        .limit, "the dataset claims \(claimed) bytes, too many for \(storedBytes) compressed ones")
    }
  }
}

/// What a dataset is an array of.
public enum HDF5Element: Sendable, Hashable {
  /// Numbers.
  case number(DType, LazyTensor.ByteOrder)
  /// Strings, of fixed or variable length.
  case string
  /// Bytes that say nothing of themselves.
  case opaque
  /// Something else: what it is, in the plural.
  case other(String)
}

/// How a dataset's bytes lie in the file.
public enum HDF5Layout: Sendable, Hashable {
  /// One after the other, from this byte of the file on.
  case contiguous(offset: UInt64)
  /// Within the dataset's header.
  case compact
  /// In blocks of this shape, each by itself.
  case chunked([UInt64])
}

/// What a chunk's bytes go through. Others are refused.
public enum HDF5Filter: UInt8, Sendable, Hashable {
  /// Compression as gzip does it.
  case deflate = 1
  /// The bytes of all elements regrouped, so that they compress better.
  case shuffle = 2
  /// A checksum behind the bytes.
  case fletcher32 = 3
}
