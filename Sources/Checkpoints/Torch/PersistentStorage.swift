internal import ResectBytes
internal import ResectPickle
internal import ResectTensors

/// The persistent id by which a pickle refers to a storage: `('storage', class, key, location, numel[, view])`.
struct PersistentStorage {
  let storageClass: TorchDTypes.StorageClass
  let key: String
  /// How many bytes it says that the storage has.
  let byteCount: UInt64
  /// In stream files, the part of the storage that is meant, in bytes.
  var view: (key: String, bytes: Range<UInt64>)?

  /// Reads the id that `value` holds; nothing where it wraps a class, as streams with whole modules do.
  init?(_ value: ValueID, in pickle: Pickle, isStream: Bool) throws(ResectError) {
    func refusal(_ what: String) -> ResectError {
      ResectError(.malformed, "a persistent id is \(what)")
    }
    guard let fields = pickle.tuple(value).map(Array.init), let tag = fields.first else {
      throw refusal("\(pickle.kind(of: value)) instead of a tuple")
    }
    switch pickle.string(tag) {
    case "storage": break
    case "module" where isStream && fields.count == 4: return nil
    default: throw refusal("of no known kind")
    }
    guard fields.count == 5 || (isStream && fields.count == 6) else {
      throw refusal("a tuple of \(fields.count) fields")
    }
    guard case .global(let name) = pickle[fields[1]],
      let storageClass = TorchDTypes.storage(of: name)
    else { throw refusal("of a storage class that is not known") }
    guard let key = pickle.string(fields[2]) ?? pickle.integer(fields[2]).map(String.init) else {
      throw refusal("without a key")
    }
    guard pickle.string(fields[3]) != nil else { throw refusal("without a location") }
    guard let count = pickle.integer(fields[4]), count >= 0 else {
      throw refusal("of a storage without a length")
    }
    let size: UInt64
    switch storageClass {
    case .typed(let dtype): size = UInt64(dtype.byteCount)
    case .untyped, .quantised: size = 1
    }
    self.storageClass = storageClass
    self.key = key
    byteCount = try UInt64(count).multiplying(size, "the storage's size")
    guard fields.count == 6, case let fields = pickle.tuple(fields[5]).map(Array.init),
      let fields
    else {
      if fields.count == 6, case .none = pickle[fields[5]] { return }
      if fields.count == 6 { throw refusal("with a view that is no tuple") }
      return
    }
    guard fields.count == 3,
      let viewKey = pickle.string(fields[0]) ?? pickle.integer(fields[0]).map(String.init),
      let offset = pickle.integer(fields[1]), offset >= 0,
      let length = pickle.integer(fields[2]), length >= 0
    else { throw refusal("with a view that is not (key, offset, size)") }
    let start = try UInt64(offset).multiplying(size, "the view's offset")
    let byteLength = try UInt64(length).multiplying(size, "the view's size")
    let end = try start.adding(byteLength, "the view's end")
    guard end <= byteCount else { throw refusal("with a view that reaches past its storage") }
    view = (viewKey, start..<end)
  }

  /// What stands for the id once its bytes are found.
  func resolved(_ bytes: any TensorStorage, _ order: LazyTensor.ByteOrder) -> TorchObjects.Persistent {
    switch storageClass {
    case .typed(let dtype):
      .storage(TorchStorage(bytes: bytes, dtype: dtype, byteOrder: order))
    case .untyped: .storage(TorchStorage(bytes: bytes, dtype: nil, byteOrder: order))
    case .quantised: .quantisedStorage
    }
  }
}

extension UInt64 {
  /// `self * other`, or an error that says whose product overflows.
  func multiplying(_ other: UInt64, _ what: String) throws(ResectError) -> UInt64 {
    let (product, overflow) = multipliedReportingOverflow(by: other)
    guard !overflow else { throw ResectError(.malformed, "\(what) overflows 64 bits") }
    return product
  }
}
