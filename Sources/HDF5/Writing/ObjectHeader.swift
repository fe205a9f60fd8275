internal import ResectBytes
internal import ResectTensors

/// The header of a group or a dataset: messages, one after the other. Source: the format's specification, IV.A.
struct ObjectHeader {
  /// No address.
  static let nowhere = UInt64.max

  private enum Message: UInt8 {
    case dataspace = 1
    case linkInfo = 2
    case datatype = 3
    case fillValue = 5
    case link = 6
    case layout = 8
    case groupInfo = 10
    case attribute = 12
  }

  private var messages: [UInt8] = []

  /// A group of the objects at these addresses.
  init(links: [(name: String, address: UInt64)]) throws(ResectError) {
    // All links stand here, none in a heap with an index.
    var info: [UInt8] = [0, 0]
    info.append(littleEndian: Self.nowhere)
    info.append(littleEndian: Self.nowhere)
    try append(.linkInfo, info)
    try append(.groupInfo, [0, 0])
    for link in links {
      // A hard link, whose name is UTF-8 with a length of two bytes.
      var bytes: [UInt8] = [1, 0x11, 1]
      bytes.append(littleEndian: UInt16(clamping: link.name.utf8.count))
      bytes += link.name.utf8
      bytes.append(littleEndian: link.address)
      try append(.link, bytes)
    }
  }

  /// A dataset whose elements lie one after the other at `address`.
  init(of tensor: OutputTensor, at address: UInt64) throws(ResectError) {
    try append(.dataspace, Self.dataspace(tensor.tensor.shape.axes))
    try append(.datatype, StoredType.element(tensor.dtype))
    // Space is taken late, and filled with zeros that nobody has to see.
    try append(.fillValue, [3, 0x0A])
    let byteCount = UInt64(tensor.tensor.byteCount(as: tensor.dtype))
    var layout: [UInt8] = [3, 1]
    layout.append(littleEndian: byteCount == 0 ? Self.nowhere : address)
    layout.append(littleEndian: byteCount)
    try append(.layout, layout)
  }

  /// Adds an attribute, whose strings of variable length go into `heap`.
  mutating func append(_ attribute: HDF5Tree.Attribute, heap: inout StringHeap) throws(ResectError) {
    let (type, space, data) = try Self.encoded(attribute.value, &heap)
    // The name is UTF-8.
    var bytes: [UInt8] = [3, 0]
    for count in [attribute.name.utf8.count + 1, type.count, space.count] {
      bytes.append(littleEndian: UInt16(clamping: count))
    }
    bytes.append(1)
    bytes += attribute.name.utf8
    bytes.append(0)
    do throws(ResectError) {
      try append(.attribute, bytes + type + space + data)
    } catch {
      throw ResectError(
        .limit, "the attribute \(attribute.name) is larger than HDF5 allows", advice: "divide it")
    }
  }

  /// The header's bytes.
  var bytes: [UInt8] {
    // Version 2, without times; the length of the messages has four bytes.
    var bytes = Array("OHDR".utf8) + [2, 2]
    bytes.append(littleEndian: UInt32(messages.count))
    bytes += messages
    bytes.append(littleEndian: metadataChecksum(bytes))
    return bytes
  }

  private mutating func append(_ kind: Message, _ content: [UInt8]) throws(ResectError) {
    guard content.count <= UInt16.max else {
      throw ResectError(.limit, "a message of \(content.count) bytes is larger than HDF5 allows")
    }
    messages.append(kind.rawValue)
    messages.append(littleEndian: UInt16(content.count))
    messages.append(0)
    messages += content
  }

  private static func encoded(
    _ value: HDF5Tree.Value, _ heap: inout StringHeap
  ) throws(ResectError) -> (type: [UInt8], space: [UInt8], data: [UInt8]) {
    switch value {
    case .string(let text):
      return (StoredType.variableString, dataspace([]), try heap.reference(to: text))
    case .strings(let texts):
      var data: [UInt8] = []
      for text in texts { data += try heap.reference(to: text) }
      return (StoredType.variableString, dataspace([texts.count]), data)
    case .fixedStrings(let texts):
      // A type of no bytes is none.
      let length = texts.reduce(1) { max($0, $1.utf8.count) }
      let data = texts.flatMap { Array($0.utf8) + [UInt8](repeating: 0, count: length - $0.utf8.count) }
      return (StoredType.fixedString(length: length), dataspace([texts.count]), data)
    case .numbers(let numbers):
      var data: [UInt8] = []
      for number in numbers { data.append(littleEndian: number.bitPattern) }
      return (StoredType.float64, dataspace([numbers.count]), data)
    }
  }

  /// The shape of an array, or of a scalar where there are no axes.
  private static func dataspace(_ axes: [Int]) -> [UInt8] {
    var bytes: [UInt8] = [2, UInt8(axes.count), 0, axes.isEmpty ? 0 : 1]
    for axis in axes { bytes.append(littleEndian: UInt64(axis)) }
    return bytes
  }
}
