public import ResectBytes
internal import ResectPickle
public import ResectTensors
internal import ResectZip

/// Writes a state dict as torch.save does since 1.6 to `file`, which the caller commits.
///
/// `torch.load(weights_only=True)` takes it, also with `mmap=True`: every tensor's bytes begin at a multiple of 64. Each
/// tensor has a storage of its own, contiguous and in memory order; none requires a gradient. `metadata` lies in a record
/// that torch does not look at, and comes back when Resect reads the file. The same tensors give the same bytes.
///
/// There is no `_metadata` beside the tensors: a version that torch found there would decide whether `num_batches_tracked` may be missing.
public func writeTorchZip(
  _ tensors: [OutputTensor], metadata: [(name: String, value: String)], to file: borrowing OutputFile,
  progress: WriteProgress? = nil,
  alongside companion: (@Sendable () throws(ResectError) -> Void)? = nil
) throws(ResectError) {
  var records = [
    TorchZip.Record("data.pkl", TorchZip.stateDict(of: tensors).pickle),
    TorchZip.Record(".storage_alignment", Array("\(TorchZip.alignment)".utf8)),
    TorchZip.Record("byteorder", Array("little".utf8)),
  ]
  if !metadata.isEmpty {
    let json = JSON.object(metadata.map { JSON.Member($0.name, .string($0.value)) })
    records.append(TorchZip.Record(TorchZip.metadataRecord, json.compact))
  }
  var zip = ZipLayout()
  var checksums: [UInt32] = []
  for record in records {
    checksums.append(try record.write(to: file, in: &zip))
  }
  var placed: [PlacedTensor] = []
  for (key, tensor) in tensors.enumerated() {
    let offset = try zip.append(
      "\(TorchZip.writtenFolder)data/\(key)", byteCount: UInt64(tensor.tensor.byteCount(as: tensor.dtype)),
      alignment: TorchZip.alignment)
    placed.append(
      PlacedTensor(name: tensor.name, tensor: tensor.tensor, dtype: tensor.dtype, offset: offset))
  }
  let version = try TorchZip.Record("version", Array("3\n".utf8)).write(to: file, in: &zip)
  checksums += try write(placed, to: file, progress: progress, alongside: companion)
  try zip.write(checksums: checksums + [version], to: file)
}

extension TorchZip {
  /// The folder that torch gives a file without a name.
  fileprivate static let writtenFolder = "archive/"
  fileprivate static let alignment: UInt64 = 64

  /// A small record and its bytes.
  fileprivate struct Record {
    let name: String
    let bytes: [UInt8]

    init(_ name: String, _ bytes: [UInt8]) {
      self.name = writtenFolder + name
      self.bytes = bytes
    }

    /// Writes the record behind what `zip` holds; its checksum.
    func write(to file: borrowing OutputFile, in zip: inout ZipLayout) throws(ResectError) -> UInt32 {
      let offset = try zip.append(name, byteCount: UInt64(bytes.count), alignment: alignment)
      try file.write(bytes, at: offset)
      return CRC32.of(bytes)
    }
  }

  /// What data.pkl describes: each tensor a view of the storage that its place in the list numbers.
  fileprivate static func stateDict(of tensors: [OutputTensor]) -> PickleExpression {
    .orderedDictionary(
      tensors.enumerated().map { key, tensor in
        (tensor.name, rebuilt(tensor, key: key))
      })
  }

  private static func rebuilt(_ tensor: OutputTensor, key: Int) -> PickleExpression {
    let shape = tensor.tensor.shape
    let storage = TorchDTypes.storage(of: tensor.dtype)
    // A storage without a type counts bytes, and the tensor says its dtype.
    let length = shape.elementCount * (storage.isTyped ? 1 : tensor.dtype.byteCount)
    var arguments: [PickleExpression] = [
      .persistent(
        .tuple([
          .string("storage"), storage.name, .string("\(key)"), .string("cpu"), .integer(length),
        ])),
      .integer(0), integers(shape.axes), integers(shape.rowMajorStrides), .bool(false),
      .orderedDictionary([]),
    ]
    if !storage.isTyped { arguments.append(TorchDTypes.expression(of: tensor.dtype)) }
    let version = storage.isTyped ? 2 : 3
    return .call(.global("torch._utils", "_rebuild_tensor_v\(version)"), arguments)
  }

  private static func integers(_ values: [Int]) -> PickleExpression {
    .tuple(values.map { .integer($0) })
  }
}
