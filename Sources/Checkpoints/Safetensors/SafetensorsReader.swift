internal import ResectBytes
internal import ResectTensors

extension Safetensors {
  static func checkpoint(_ file: InputFile, key: String?) throws(ResectError) -> Checkpoint {
    guard key == nil else {
      throw ResectError(.badArgument, "a safetensors file has no keys to choose from")
    }
    var reader = ByteReader(try file.read(at: 0, count: 8))
    let headerLength = try reader.integer(UInt64.self)
    guard headerLength <= Limits.safetensorsHeaderBytes else {
      throw ResectError(
        .limit,
        "the header claims \(headerLength) bytes, the format allows \(Limits.safetensorsHeaderBytes)",
        offset: 0)
    }
    let header: JSON
    do throws(ResectError) {
      header = try JSON(parsing: file.read(at: 8, count: Int(headerLength)))
    } catch {
      var located = error
      if error.file == nil { located.offset = error.offset.map { $0 + 8 } }
      throw located
    }
    guard let members = header.members else {
      throw ResectError(.malformed, "the header is no JSON object", offset: 8)
    }
    guard members.count <= Limits.tensors + 1 else {
      throw ResectError(.limit, "the file names more than \(Limits.tensors) tensors", offset: 8)
    }
    let dataStart = 8 + headerLength
    var metadata: [String: String] = [:]
    var tensors: [(name: String, info: TensorInfo)] = []
    for member in members {
      if member.name == metadataKey {
        metadata = try member.value.strings(of: metadataKey)
      } else {
        do throws(ResectError) {
          tensors.append((member.name, try TensorInfo(member.value)))
        } catch {
          throw error.located(tensor: member.name)
        }
      }
    }
    try checkCoverage(tensors, dataLength: file.size - dataStart)
    var entries: [Checkpoint.Entry] = []
    for (name, info) in tensors {
      let storage = try FileStorage(
        file, offset: dataStart + info.range.lowerBound,
        byteCount: info.range.upperBound - info.range.lowerBound, name: name)
      let tensor = try LazyTensor(storage: storage, dtype: info.dtype, shape: info.shape)
      entries.append(.init(name: name, tensor: tensor, isBuffer: nil))
    }
    return Checkpoint(
      file: file, format: .safetensors, tensors: entries,
      prefix: commonPrefix(of: entries.map(\.name)), key: nil, ignored: [], modules: [:],
      metadata: metadata)
  }

  /// The tensors fill the data exactly: no byte belongs to two of them or to none.
  private static func checkCoverage(
    _ tensors: [(name: String, info: TensorInfo)], dataLength: UInt64
  ) throws(ResectError) {
    var end: UInt64 = 0
    let ordered = tensors.sorted {
      ($0.info.range.lowerBound, $0.info.range.upperBound)
        < ($1.info.range.lowerBound, $1.info.range.upperBound)
    }
    for (name, info) in ordered {
      guard info.range.lowerBound == end else {
        throw ResectError(
          .malformed, "the data begins at \(info.range.lowerBound), expected \(end)", tensor: name)
      }
      end = info.range.upperBound
    }
    guard end == dataLength else {
      throw ResectError(
        dataLength < end ? .truncated : .malformed,
        "the tensors have \(end) bytes, the file holds \(dataLength)",
        advice: "the file is damaged: fetch it again")
    }
  }
}

/// A tensor's entry in the header.
private struct TensorInfo {
  let dtype: DType
  let shape: Shape
  let range: Range<UInt64>

  init(_ json: JSON) throws(ResectError) {
    guard let members = json.members else { throw ResectError(.malformed, "the entry is no object") }
    if let stranger = members.first(where: { !["dtype", "shape", "data_offsets"].contains($0.name) }) {
      throw ResectError(.malformed, "the entry has a field \(stranger.name), which is not known")
    }
    guard let name = json["dtype"]?.string else { throw ResectError(.malformed, "there is no dtype") }
    guard let dtype = DType(rawValue: name) else {
      throw ResectError(.unsupported, "the dtype \(name) is not read")
    }
    self.dtype = dtype
    guard let axes = json["shape"]?.elements, axes.allSatisfy({ $0.integer != nil }) else {
      throw ResectError(.malformed, "the shape is no list of integers")
    }
    shape = try Shape(axes.compactMap { $0.integer.map { Int($0) } })
    guard let offsets = json["data_offsets"]?.elements, offsets.count == 2,
      let start = offsets[0].integer, let end = offsets[1].integer, 0 <= start, start <= end
    else { throw ResectError(.malformed, "data_offsets are not two ascending integers") }
    range = UInt64(start)..<UInt64(end)
    guard UInt64(shape.elementCount * dtype.byteCount) == UInt64(end - start) else {
      throw ResectError(
        .malformed,
        "shape \(shape) of \(name) has \(shape.elementCount * dtype.byteCount) bytes, data_offsets give \(end - start)"
      )
    }
  }
}
