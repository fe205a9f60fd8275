internal import ResectPickle
internal import ResectTensors

/// torch's names for dtypes and for the classes of storages.
enum TorchDTypes {
  /// The dtype that `torch.<name>` is; absent for one that Resect does not read.
  static func dtype(named name: GlobalName) -> DType? {
    name.module == "torch" ? dtypes[name.name] : nil
  }

  /// What a storage of the class `name` holds.
  static func storage(of name: GlobalName) -> StorageClass? {
    switch (name.module, name.name) {
    case ("torch.storage", "UntypedStorage"), ("torch.storage", "_UntypedStorage"),
      ("torch", "UntypedStorage"):
      .untyped
    case ("torch", let name), ("torch.cuda", let name):
      storages[name].map { .typed($0) } ?? (quantised.contains(name) ? .quantised : nil)
    default: nil
    }
  }

  enum StorageClass {
    /// Bytes; its length counts them.
    case untyped
    case typed(DType)
    /// Integers with a scale, which tensors of their own kind refer to.
    case quantised
  }

  /// What `dtype` is called in a pickle.
  static func expression(of dtype: DType) -> PickleExpression {
    guard let name = dtypeNames[dtype] else { preconditionFailure("the table names every dtype") }
    return .global("torch", name)
  }

  /// The class of a storage of `dtype`; younger dtypes have none of their own, and lie in one without a type.
  static func storage(of dtype: DType) -> (name: PickleExpression, isTyped: Bool) {
    guard let name = storageNames[dtype] else {
      return (.global("torch.storage", "UntypedStorage"), false)
    }
    return (.global("torch", name), true)
  }

  private static let dtypeNames = Dictionary(uniqueKeysWithValues: dtypes.map { ($1, $0) })
  private static let storageNames = Dictionary(uniqueKeysWithValues: storages.map { ($1, $0) })

  private static let dtypes: [String: DType] = [
    "float64": .float64, "float32": .float32, "float16": .float16, "bfloat16": .bfloat16,
    "float8_e4m3fn": .float8E4M3FN, "float8_e5m2": .float8E5M2,
    "float8_e4m3fnuz": .float8E4M3FNUZ, "float8_e5m2fnuz": .float8E5M2FNUZ,
    "int64": .int64, "int32": .int32, "int16": .int16, "int8": .int8,
    "uint64": .uint64, "uint32": .uint32, "uint16": .uint16, "uint8": .uint8,
    "bool": .bool, "complex64": .complex64, "complex128": .complex128,
  ]

  private static let storages: [String: DType] = [
    "DoubleStorage": .float64, "FloatStorage": .float32, "HalfStorage": .float16,
    "BFloat16Storage": .bfloat16, "LongStorage": .int64, "IntStorage": .int32,
    "ShortStorage": .int16, "CharStorage": .int8, "ByteStorage": .uint8, "BoolStorage": .bool,
    "ComplexFloatStorage": .complex64, "ComplexDoubleStorage": .complex128,
  ]

  private static let quantised: Set<String> = [
    "QInt8Storage", "QUInt8Storage", "QInt32Storage", "QUInt4x2Storage", "QUInt2x4Storage",
  ]
}
