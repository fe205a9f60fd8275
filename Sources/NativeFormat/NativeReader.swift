public import ResectBytes
internal import ResectResNets
public import ResectTensors

/// How a tensor lies in a `.resect` file.
public struct NativePayload: Sendable, Hashable {
  /// How its elements are encoded.
  public let encoding: NativeEncoding
  /// How many bytes that takes.
  public let byteCount: UInt64
}

/// A `.resect` file: its header, read and checked, and its tensors, which nobody has read yet.
public struct NativeFile: Sendable {
  /// How the tensors' bytes are reached.
  public enum Access: Sendable {
    /// Mapped into memory and used in place. A file that is cut meanwhile ends the program.
    case mapped
    /// Read piece by piece.
    case read
  }

  /// The first bytes of every `.resect` file.
  public static var magic: [UInt8] { NativePrelude.magic }

  /// What the file says of its tensors.
  public let header: NativeHeader
  /// The tensors by their names in the file, in its order.
  public let tensors: [(name: String, tensor: LazyTensor)]
  /// How each of ``tensors`` lies in the file, in the same order.
  public let payloads: [NativePayload]

  /// Opens `file` and checks everything but the payloads, whose checksums are compared when they are first used.
  public init(_ file: InputFile, access: Access = .mapped) throws(ResectError) {
    do throws(ResectError) {
      let prelude = try NativePrelude(
        parsing: file.read(at: 0, count: NativePrelude.byteCount), fileSize: file.size)
      let headerBytes = try file.read(
        at: prelude.headerOffset, count: Int(prelude.headerLength))
      guard CRC32.of(headerBytes) == prelude.headerChecksum else {
        throw ResectError(
          .checksum, "the header is damaged", advice: "export the model again",
          offset: prelude.headerOffset)
      }
      let json = try JSON(parsing: headerBytes)
      let mapped: MappedFile? = access == .mapped ? try MappedFile(file) : nil
      guard let entries = json["tensors"]?.elements, entries.count <= Limits.tensors else {
        throw NativeHeader.refusal("tensors")
      }
      var position = UInt64(NativePrelude.byteCount)
      var tensors: [(name: String, tensor: LazyTensor)] = []
      var payloads: [NativePayload] = []
      var names: Set<String> = []
      for element in entries {
        let entry = try NativeTensorEntry(json: element)
        guard names.insert(entry.name).inserted else {
          throw NativeHeader.refusal("\(entry.name) stands twice")
        }
        // Payloads lie one after the other, so that no byte belongs to two of them or to none.
        guard entry.offset == position else {
          throw NativeHeader.refusal("\(entry.name) is at \(entry.offset), expected \(position)")
        }
        let stored = try entry.length.adding(
          UInt64(padding(after: entry.length)), "a tensor's length")
        position = try position.adding(stored, "a tensor's end")
        guard position <= prelude.headerOffset else {
          throw NativeHeader.refusal("\(entry.name) runs into the header")
        }
        tensors.append((entry.name, try entry.tensor(in: file, mapped: mapped, stored: stored)))
        payloads.append(NativePayload(encoding: entry.encoding, byteCount: entry.length))
      }
      guard position == prelude.headerOffset else {
        throw NativeHeader.refusal("bytes before the header belong to no tensor")
      }
      self.tensors = tensors
      self.payloads = payloads
      header = try NativeHeader(json: json, tensors: tensors)
      guard header.kind.version == prelude.version else {
        throw ResectError(
          .malformed,
          "the file has version \(prelude.version) of the format, what it holds has version \(header.kind.version)",
          offset: 8)
      }
    } catch {
      throw error.located(file: file.path)
    }
  }
}

extension NativeTensorEntry {
  fileprivate func tensor(
    in file: InputFile, mapped: MappedFile?, stored: UInt64
  ) throws(ResectError) -> LazyTensor {
    let storage: any TensorStorage
    if let mapped {
      storage = MappedStorage(
        mapped, range: Int(offset)..<Int(offset + stored), checksum: checksum, name: name)
    } else {
      storage = try FileStorage(
        file, offset: offset, byteCount: stored, checksum: checksum, name: name)
    }
    switch encoding {
    case .raw: return try LazyTensor(storage: storage, dtype: dtype, shape: shape)
    case .planes, .quantized:
      return try LazyTensor(storage: EncodedStorage(self, payload: storage), dtype: dtype, shape: shape)
    case .int8:
      return try LazyTensor(
        integers: LazyTensor(storage: EncodedStorage(self, payload: storage), dtype: .int8, shape: shape),
        scales: LazyTensor(storage: storage, dtype: .float32, shape: Shape(vector: shape.axes[0])),
        name: name)
    }
  }
}
