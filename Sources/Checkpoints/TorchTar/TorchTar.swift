internal import ResectBytes
internal import ResectPickle
internal import ResectTensors

/// torch.save before 0.1.10, in which torchvision's first downloads are: a tar of four members.
///
/// The pickle refers to tensors by persistent ids, decimal numbers in text; `tensors` gives each one's view of a storage,
/// `storages` the bytes. Source: torch's `_legacy_load`, `legacy_load`.
enum TorchTar {
  static func recognises(_ head: [UInt8]) -> Bool { TarArchive.recognises(head) }

  static func checkpoint(_ file: InputFile, key: String?) throws(ResectError) -> Checkpoint {
    let archive = try TarArchive(file)
    func member(_ name: String) throws(ResectError) -> MemberReader {
      guard let range = archive.members[name] else {
        throw ResectError(
          .unknownFormat, "this tar has no member \(name)",
          advice: "give a file written by torch.save")
      }
      return MemberReader(file: file, name: name, range: range)
    }
    var systemInfo = try member("sys_info")
    let description = try systemInfo.pickle()
    try systemInfo.finish()
    guard
      description.value(of: "protocol_version", in: description.root)
        .flatMap({ description.integer($0) }) == 1000
    else { throw ResectError(.unsupported, "the protocol version is not 1000", tensor: "sys_info") }
    let storages = try storages(member("storages"))
    let tensors = try tensors(member("tensors"), storages)
    var object = try member("pickle")
    let pickle = try object.pickle(window: 256 << 10)
    try object.finish()
    let objects = try TorchObjects(pickle) { value throws(ResectError) in
      // The class of a whole module: (class, source file, source).
      if let first = pickle.tuple(value)?.first, case .global = pickle[first] { return .nothing }
      guard let key = pickle.string(value) else {
        throw ResectError(
          .malformed, "a persistent id is \(pickle.kind(of: value)) instead of text",
          tensor: "pickle")
      }
      guard let tensor = tensors[key] else {
        throw ResectError(.malformed, "the archive has no tensor \(key)", tensor: "pickle")
      }
      return .tensor(tensor)
    }
    return Checkpoint(file, .torchTar, try StateDictSelection(objects, key: key))
  }

  private struct Storage {
    let bytes: FileStorage
    let dtype: DType
  }

  /// A count, then for each storage a pickle `(key, location, class)`, the number of elements and the elements; then the
  /// views `[(target, root, offset, numel)]`.
  private static func storages(_ reader: MemberReader) throws(ResectError) -> [String: Storage] {
    var reader = reader
    var storages: [String: Storage] = [:]
    for _ in 0..<(try reader.count()) {
      let pickle = try reader.pickle()
      guard let fields = pickle.tuple(pickle.root).map(Array.init), fields.count == 3,
        let key = key(fields[0], pickle), case .global(let name) = pickle[fields[2]],
        case .typed(let dtype)? = TorchDTypes.storage(of: name)
      else { throw reader.refusal("a storage is not (key, location, class)") }
      let count = try reader.integer()
      let byteCount = try count.multiplying(UInt64(dtype.byteCount), "the storage's size")
      let range = try reader.skip(byteCount)
      let bytes = try FileStorage(
        reader.file, offset: range.lowerBound, byteCount: byteCount, name: "storage \(key)")
      guard storages.updateValue(Storage(bytes: bytes, dtype: dtype), forKey: key) == nil else {
        throw reader.refusal("storage \(key) stands twice")
      }
    }
    let views = try reader.pickle()
    guard let list = views.list(views.root) else { throw reader.refusal("the views are no list") }
    for element in list {
      guard let fields = views.tuple(element).map(Array.init), fields.count == 4,
        let target = key(fields[0], views), let root = key(fields[1], views),
        let offset = views.integer(fields[2]), offset >= 0,
        let count = views.integer(fields[3]), count >= 0, let whole = storages[root]
      else { throw reader.refusal("a view is not (target, root, offset, numel)") }
      let size = UInt64(whole.dtype.byteCount)
      let start = try UInt64(offset).multiplying(size, "the view's offset")
      let length = try UInt64(count).multiplying(size, "the view's size")
      guard try start.adding(length, "the view's end") <= whole.bytes.byteCount else {
        throw reader.refusal("the view \(target) reaches past its storage")
      }
      storages[target] = Storage(
        bytes: try FileStorage(
          reader.file, offset: whole.bytes.offset + start, byteCount: length,
          name: "storage \(target)"),
        dtype: whole.dtype)
    }
    try reader.finish()
    return storages
  }

  /// A count, then for each tensor a pickle `(key, storage key, class)`, the rank, four bytes of padding that mean nothing, the
  /// sizes, the strides and the offset.
  private static func tensors(
    _ reader: MemberReader, _ storages: [String: Storage]
  ) throws(ResectError) -> [String: LazyTensor] {
    var reader = reader
    var tensors: [String: LazyTensor] = [:]
    for _ in 0..<(try reader.count()) {
      let pickle = try reader.pickle()
      guard let fields = pickle.tuple(pickle.root).map(Array.init), fields.count == 3,
        let key = key(fields[0], pickle), case .global(let name) = pickle[fields[2]]
      else { throw reader.refusal("a tensor is not (key, storage key, class)") }
      let storage = try storage(of: key, fields[1], name, in: pickle, storages, reader)
      let rank = Int(try reader.integer() & 0xFFFF_FFFF)
      guard rank <= Limits.rank else {
        throw reader.refusal("tensor \(key) has \(rank) dimensions")
      }
      var numbers: [Int] = []
      for _ in 0..<2 * rank + 1 {
        guard let number = Int(exactly: try reader.integer()) else {
          throw reader.refusal("a size, stride or offset of tensor \(key) is out of range")
        }
        numbers.append(number)
      }
      let tensor = try LazyTensor(
        storage: storage.bytes, dtype: storage.dtype, shape: Shape(Array(numbers[..<rank])),
        offset: numbers[2 * rank], strides: Array(numbers[rank..<2 * rank]))
      guard tensors.updateValue(tensor, forKey: key) == nil else {
        throw reader.refusal("tensor \(key) stands twice")
      }
    }
    try reader.finish()
    return tensors
  }

  /// The storage that a tensor's description refers to; an empty one for a tensor without storage, whose key is None.
  private static func storage(
    of tensor: String, _ id: ValueID, _ className: GlobalName, in pickle: Pickle,
    _ storages: [String: Storage], _ reader: MemberReader
  ) throws(ResectError) -> Storage {
    if case .none = pickle[id] {
      let name = className.name.replacing("Tensor", with: "Storage")
      guard
        case .typed(let dtype)? = TorchDTypes.storage(of: GlobalName(className.module, name))
      else { throw reader.refusal("tensor \(tensor) is of class \(className), which is not known") }
      let bytes = try FileStorage(reader.file, offset: 0, byteCount: 0, name: "no storage")
      return Storage(bytes: bytes, dtype: dtype)
    }
    guard let key = key(id, pickle), let storage = storages[key] else {
      throw reader.refusal("tensor \(tensor) is of a storage that is not there")
    }
    return storage
  }

  /// Keys are addresses in the process that saved: integers, or the same as text.
  private static func key(_ id: ValueID, _ pickle: Pickle) -> String? {
    pickle.integer(id).map(String.init) ?? pickle.string(id)
  }
}

/// A cursor over a member of the tar: pickles and numbers in turn.
private struct MemberReader {
  let file: InputFile
  let name: String
  let range: Range<UInt64>
  private var position: UInt64

  init(file: InputFile, name: String, range: Range<UInt64>) {
    self.file = file
    self.name = name
    self.range = range
    position = range.lowerBound
  }

  func refusal(_ what: String) -> ResectError {
    ResectError(.malformed, what, tensor: name, offset: position)
  }

  mutating func pickle(window: Int = 256) throws(ResectError) -> Pickle {
    let (pickle, end) = try Pickle.at(
      position, of: file, before: range.upperBound, window: window, name: name)
    position = end
    return pickle
  }

  /// A pickled count. What it counts takes at least eight bytes each, so it cannot be larger than the member.
  mutating func count() throws(ResectError) -> Int {
    let pickle = try pickle()
    let limit = Int64(range.upperBound - range.lowerBound) / 8
    guard let count = pickle.integer(pickle.root), 0...limit ~= count else {
      throw refusal("the count is no number that the member has room for")
    }
    return Int(count)
  }

  mutating func integer() throws(ResectError) -> UInt64 {
    var reader = ByteReader(try file.read(at: skip(8).lowerBound, count: 8))
    return try reader.integer()
  }

  /// Passes over `count` bytes and tells where they are.
  mutating func skip(_ count: UInt64) throws(ResectError) -> Range<UInt64> {
    let end = try position.adding(count, "an offset")
    guard end <= range.upperBound else {
      throw ResectError(
        .truncated, "expected \(count) bytes, found \(range.upperBound - position)", tensor: name,
        offset: position)
    }
    defer { position = end }
    return position..<end
  }

  func finish() throws(ResectError) {
    guard position == range.upperBound else {
      throw refusal("\(range.upperBound - position) bytes are left over")
    }
  }
}
