public import ResectBytes
internal import ResectTensors

/// The index as the bytes that cross the socket: numbers are little-endian, texts and lists begin with their length.
extension HDF5Index {
  /// The bytes of this index.
  public var encoded: [UInt8] {
    var bytes: [UInt8] = []
    bytes.append(groups) { bytes, group in
      bytes.append(group.path)
      bytes.append(group.attributes)
    }
    bytes.append(datasets) { bytes, dataset in bytes.append(dataset) }
    bytes.append(links) { bytes, link in
      bytes.append(link.path)
      bytes.append(link.target)
      bytes.append(link.isSoft ? 1 : 0)
    }
    bytes.append(committedTypes) { bytes, path in bytes.append(path) }
    return bytes
  }

  /// The index that `bytes` hold, of a file of `fileSize` bytes. Nothing in `bytes` is believed: what does not fit is an
  /// error.
  public init(parsing bytes: [UInt8], fileSize: UInt64) throws(ResectError) {
    var reader = ByteReader(bytes)
    let groups = try reader.list { reader throws(ResectError) in
      HDF5Group(path: try reader.text(), attributes: try reader.attributes())
    }
    let datasets = try reader.list { reader throws(ResectError) in try reader.dataset() }
    let links = try reader.list { reader throws(ResectError) in
      HDF5Link(path: try reader.text(), target: try reader.text(), isSoft: try reader.byte() == 1)
    }
    let types = try reader.list { reader throws(ResectError) in try reader.text() }
    guard reader.isAtEnd else { throw unexpected("more than an index") }
    try self.init(
      groups: groups, datasets: datasets, links: links, committedTypes: types, fileSize: fileSize)
  }
}

extension [UInt8] {
  fileprivate mutating func append<Item>(
    _ elements: [Item], _ encode: (inout [UInt8], Item) -> Void
  ) {
    append(littleEndian: UInt32(elements.count))
    for element in elements { encode(&self, element) }
  }

  fileprivate mutating func append(_ text: String) {
    append(littleEndian: UInt32(text.utf8.count))
    self += text.utf8
  }

  fileprivate mutating func append(_ attributes: [HDF5Attribute]) {
    append(attributes) { bytes, attribute in
      bytes.append(attribute.name)
      switch attribute.value {
      case .string(let text):
        bytes.append(0)
        bytes.append(text)
      case .strings(let texts):
        bytes.append(1)
        bytes.append(texts) { $0.append($1) }
      case .numbers(let numbers):
        bytes.append(2)
        bytes.append(numbers) { $0.append(littleEndian: $1.bitPattern) }
      case .other(let what):
        bytes.append(3)
        bytes.append(what)
      }
    }
  }

  fileprivate mutating func append(_ dataset: HDF5Dataset) {
    append(dataset.path)
    switch dataset.element {
    case .number(let dtype, let order):
      append(order == .little ? 0 : 1)
      append(dtype.rawValue)
    case .string: append(2)
    case .opaque: append(4)
    case .other(let what):
      append(3)
      append(what)
    }
    append(littleEndian: UInt64(dataset.elementBytes))
    append(dataset.axes == nil ? 0 : 1)
    append(dataset.axes ?? []) { $0.append(littleEndian: $1) }
    switch dataset.layout {
    case .contiguous(let offset):
      append(0)
      append(littleEndian: offset)
    case .compact: append(1)
    case .chunked(let chunk):
      append(2)
      append(chunk) { $0.append(littleEndian: $1) }
    }
    append(dataset.filters) { $0.append($1.rawValue) }
    append(littleEndian: dataset.storedBytes)
    append(littleEndian: dataset.address)
    append(dataset.attributes)
  }
}

extension ByteReader {
  fileprivate mutating func list<Element>(
    _ element: (inout ByteReader) throws(ResectError) -> Element
  ) throws(ResectError) -> [Element] {
    let count = try integer(UInt32.self)
    // Every element has a byte at least: a count beyond what is left ends in an error before it takes memory.
    guard count <= remaining else { throw unexpected("a list of \(count)") }
    var elements: [Element] = []
    for _ in 0..<count { elements.append(try element(&self)) }
    return elements
  }

  fileprivate mutating func text() throws(ResectError) -> String {
    let bytes = try take(Int(try integer(UInt32.self)))
    guard let text = String(validating: bytes, as: UTF8.self) else {
      throw unexpected("a text that is not UTF-8")
    }
    return text
  }

  fileprivate mutating func attributes() throws(ResectError) -> [HDF5Attribute] {
    try list { reader throws(ResectError) in
      HDF5Attribute(name: try reader.text(), value: try reader.value())
    }
  }

  private mutating func value() throws(ResectError) -> HDF5Value {
    switch try byte() {
    case 0: return .string(try text())
    case 1: return .strings(try list { reader throws(ResectError) in try reader.text() })
    case 2:
      return .numbers(
        try list { reader throws(ResectError) in
          Double(bitPattern: try reader.integer(UInt64.self))
        })
    case 3: return .other(try text())
    case let kind: throw unexpected("a value of kind \(kind)")
    }
  }

  fileprivate mutating func dataset() throws(ResectError) -> HDF5Dataset {
    let path = try text()
    let element = try element()
    let elementBytes = Int(clamping: try integer(UInt64.self))
    let hasShape = try byte() == 1
    let axes = try lengths()
    let layout: HDF5Layout =
      switch try byte() {
      case 0: .contiguous(offset: try integer(UInt64.self))
      case 1: .compact
      case 2: .chunked(try lengths())
      case let kind: throw unexpected("a layout of kind \(kind)")
      }
    let filters = try list { reader throws(ResectError) in
      let number = try reader.byte()
      guard let filter = HDF5Filter(rawValue: number) else { throw unexpected("filter \(number)") }
      return filter
    }
    return HDF5Dataset(
      path: path, element: element, elementBytes: elementBytes, axes: hasShape ? axes : nil,
      layout: layout, filters: filters, storedBytes: try integer(UInt64.self),
      address: try integer(UInt64.self), attributes: try attributes())
  }

  private mutating func element() throws(ResectError) -> HDF5Element {
    switch try byte() {
    case let order where order <= 1:
      let name = try text()
      guard let dtype = DType(rawValue: name) else { throw unexpected("a dtype \(name)") }
      return .number(dtype, order == 0 ? .little : .big)
    case 2: return .string
    case 3: return .other(try text())
    case 4: return .opaque
    case let kind: throw unexpected("an element of kind \(kind)")
    }
  }

  private mutating func lengths() throws(ResectError) -> [UInt64] {
    try list { reader throws(ResectError) in try reader.integer(UInt64.self) }
  }
}

/// An error for an answer that nobody should give.
func unexpected(_ what: String) -> ResectError {
  ResectError(
    .malformed, "the answer of the process that reads HDF5 is not understood: \(what)",
    advice: "the file is probably damaged: fetch it again")
}
