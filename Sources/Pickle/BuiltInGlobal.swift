/// What Python's own globals mean that the machine understands: the plain containers, by exact name.
enum BuiltInGlobal: Sendable {
  case orderedDict, defaultDict, counter, dictionary
  case list, tuple, set, frozenset
  case bytes, byteArray, complex, object, namespace
  /// `_codecs.encode(text, 'latin1')`: how protocols 0 to 2 write bytes.
  case encode
  /// `copyreg._reconstructor(class, object, None)`: how protocols 0 and 1 make an instance.
  case reconstructor
  /// A type that may be mentioned, as the factory of a defaultdict for instance, and never called.
  case plainType

  /// The meaning of each known name.
  static let table: [GlobalName: BuiltInGlobal] = {
    var table: [GlobalName: BuiltInGlobal] = [
      GlobalName("collections", "OrderedDict"): .orderedDict,
      GlobalName("collections", "defaultdict"): .defaultDict,
      GlobalName("collections", "Counter"): .counter,
      GlobalName("argparse", "Namespace"): .namespace,
      GlobalName("types", "SimpleNamespace"): .namespace,
      GlobalName("_codecs", "encode"): .encode,
      GlobalName("copy_reg", "_reconstructor"): .reconstructor,
      GlobalName("copyreg", "_reconstructor"): .reconstructor,
    ]
    let types: [(String, BuiltInGlobal)] = [
      ("dict", .dictionary), ("list", .list), ("tuple", .tuple), ("set", .set),
      ("frozenset", .frozenset), ("bytes", .bytes), ("bytearray", .byteArray),
      ("complex", .complex), ("object", .object), ("int", .plainType), ("float", .plainType),
      ("bool", .plainType), ("str", .plainType), ("long", .plainType), ("unicode", .plainType),
    ]
    // Python 2 names the module otherwise, and protocols 0 to 2 keep its name.
    for module in ["builtins", "__builtin__"] {
      for (name, meaning) in types { table[GlobalName(module, name)] = meaning }
    }
    return table
  }()
}
