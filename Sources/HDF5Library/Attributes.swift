internal import ResectBytes
internal import CResectHDF5
internal import ResectHDF5
internal import ResectTensors

/// The attributes of a group or a dataset, in the order of their names.
func readAttributes(
  of object: hid_t, _ path: String, _ budget: inout Budget
) throws(ResectError) -> [HDF5Attribute] {
  let collector = NameCollector()
  var start: hsize_t = 0
  let status = unsafe H5Aiterate2(
    object, H5_INDEX_NAME, H5_ITER_INC, &start,
    { _, name, _, context in
      guard let name = unsafe name, let context = unsafe context else { return -1 }
      let collector = unsafe Unmanaged<NameCollector>.fromOpaque(context).takeUnretainedValue()
      unsafe collector.names.append(String(validatingCString: name))
      return collector.names.count <= Limits.hdf5Attributes ? 0 : 1
    }, Unmanaged.passUnretained(collector).toOpaque())
  _ = try checked(status, "list the attributes", of: path)
  var attributes: [HDF5Attribute] = []
  for name in collector.names {
    try budget.spendAttribute()
    guard let name else {
      throw ResectError(.unsupported, "an attribute's name is not UTF-8", tensor: path)
    }
    let value = try readValue(of: name, of: object, path)
    try budget.spend(bytes: name.utf8.count + value.byteCount)
    attributes.append(HDF5Attribute(name: name, value: value))
  }
  return attributes
}

private func readValue(
  of name: String, of object: hid_t, _ path: String
) throws(ResectError) -> HDF5Value {
  let place = "\(path.isEmpty ? "/" : path) attribute \(name)"
  let attribute = try LibraryHandle(
    unsafe H5Aopen(object, name, CHDF5_DEFAULT), "open the attribute", of: place)
  let space = try LibraryHandle(H5Aget_space(attribute.id), "read the attribute's shape", of: place)
  let type = try LibraryHandle(H5Aget_type(attribute.id), "read the attribute's type", of: place)
  guard H5Sget_simple_extent_type(space.id) != H5S_NULL else { return .other("nothing") }
  let isScalar = H5Sget_simple_extent_type(space.id) == H5S_SCALAR
  let elementBytes = H5Tget_size(type.id)
  let count = try checked(H5Sget_simple_extent_npoints(space.id), "count the elements", of: place)
  let (byteCount, overflow) = Int(count).multipliedReportingOverflow(by: elementBytes)
  guard !overflow, byteCount <= Limits.hdf5AttributeBytes else {
    throw ResectError(
      .limit, "the attribute claims \(count) elements of \(elementBytes) bytes", tensor: place)
  }
  switch describeElement(type.id) {
  case .string:
    let isVariable = try checked(H5Tis_variable_str(type.id), "read the type", of: place) > 0
    let texts =
      isVariable
      ? try variableStrings(attribute.id, type.id, space.id, count: Int(count), place)
      : fixedStrings(
        try rawBytes(attribute.id, type.id, byteCount, place), each: elementBytes,
        padding: H5Tget_strpad(type.id))
    guard let texts else { return .other("text that is not UTF-8") }
    guard isScalar else { return .strings(texts) }
    return texts.first.map { .string($0) } ?? .strings([])
  case .number(let dtype, let order):
    let storage = AttributeBytes(bytes: try rawBytes(attribute.id, type.id, byteCount, place))
    return .numbers(
      try LazyTensor(
        storage: storage, dtype: dtype, shape: Shape(vector: Int(count)), byteOrder: order
      ).doubles())
  case .opaque: return .other("opaque bytes")
  case .other(let what): return .other(what)
  }
}

private func rawBytes(
  _ attribute: hid_t, _ type: hid_t, _ byteCount: Int, _ place: String
) throws(ResectError) -> [UInt8] {
  // libhdf5 wants an address even where there is nothing to read.
  var bytes = [UInt8](repeating: 0, count: max(byteCount, 1))
  let status = unsafe bytes.withUnsafeMutableBytes { unsafe H5Aread(attribute, type, $0.baseAddress) }
  _ = try checked(status, "read the attribute", of: place)
  return Array(bytes.prefix(byteCount))
}

/// Strings that stand one after the other; nil where one is not UTF-8.
private func fixedStrings(_ bytes: [UInt8], each size: Int, padding: H5T_str_t) -> [String]? {
  let texts = stride(from: 0, to: bytes.count, by: max(size, 1)).map { start in
    var text = bytes[start..<start + size]
    if padding == H5T_STR_NULLTERM { text = text.prefix { $0 != 0 } }
    let filler: UInt8 = padding == H5T_STR_SPACEPAD ? 0x20 : 0
    while text.last == filler { text.removeLast() }
    return String(validating: text, as: UTF8.self)
  }
  return texts.contains(nil) ? nil : texts.compactMap(\.self)
}

/// Strings of variable length; nil where one is not UTF-8.
private func variableStrings(
  _ attribute: hid_t, _ type: hid_t, _ space: hid_t, count: Int, _ place: String
) throws(ResectError) -> [String]? {
  guard count > 0 else { return [] }
  var pointers = unsafe [UnsafeMutablePointer<CChar>?](repeating: nil, count: count)
  let status = unsafe H5Aread(attribute, type, &pointers)
  _ = try checked(status, "read the attribute", of: place)
  defer { unsafe H5Dvlen_reclaim(type, space, CHDF5_DEFAULT, &pointers) }
  var texts: [String] = []
  var left = Limits.hdf5AttributeBytes
  for index in 0..<count {
    // A string that was never stored is an empty one.
    var text: String? = ""
    if let pointer = unsafe pointers[index] { text = unsafe String(validatingCString: pointer) }
    guard let text else { return nil }
    left -= text.utf8.count
    guard left >= 0 else {
      throw ResectError(
        .limit, "the attribute's strings have more than \(Limits.hdf5AttributeBytes) bytes",
        tensor: place)
    }
    texts.append(text)
  }
  return texts
}

extension HDF5Value {
  /// Bytes that the value takes in the index, about.
  fileprivate var byteCount: Int {
    switch self {
    case .string(let text), .other(let text): text.utf8.count
    case .strings(let texts): texts.reduce(0) { $0 + $1.utf8.count + 8 }
    case .numbers(let numbers): 8 * numbers.count
    }
  }
}

/// The bytes of an attribute, as tensors are views of them.
private struct AttributeBytes: TensorStorage {
  let bytes: [UInt8]

  var byteCount: UInt64 { UInt64(bytes.count) }

  func stream(
    _ range: Range<UInt64>, _ piece: (RawSpan) throws(ResectError) -> Void
  ) throws(ResectError) {
    try Array(bytes[Int(range.lowerBound)..<Int(range.upperBound)]).withRawSpan(piece)
  }
}

private final class NameCollector {
  var names: [String?] = []
}
