/// The name by which a pickle mentions a class or a function: a module, and a name in it.
///
/// Two names are equal when their bytes are: Unicode's canonical equivalence has no say in what is safe.
public struct GlobalName: Sendable, Hashable, CustomStringConvertible {
  /// The dotted name of the module: `torch._utils`.
  public let module: String
  /// The name in the module: `_rebuild_tensor_v2`.
  public let name: String

  /// The name `name` in `module`.
  public init(_ module: String, _ name: String) {
    self.module = module
    self.name = name
  }

  /// Both, joined by a dot: `torch._utils._rebuild_tensor_v2`.
  public var description: String { "\(module).\(name)" }

  /// The outermost package of the module: `torch`.
  public var package: Substring { module.prefix { $0 != "." } }

  /// Whether both have the same bytes.
  public static func == (left: GlobalName, right: GlobalName) -> Bool {
    left.name.utf8.elementsEqual(right.name.utf8)
      && left.module.utf8.elementsEqual(right.module.utf8)
  }

  /// Hashes both parts: strings of the same bytes hash the same.
  public func hash(into hasher: inout Hasher) {
    hasher.combine(name)
    hasher.combine(module)
  }
}

extension GlobalName {
  /// Whether the name follows the habit of naming classes: its first letter is upper case.
  var looksLikeClass: Bool {
    name.drop { $0 == "_" }.first?.isUppercase ?? false
  }

  /// Whether each part between dots of the module has characters, and the name has some and no dot.
  ///
  /// Python splits a name at its dots and reaches through attributes with them: `torch`, `os.system`.
  var isPlain: Bool {
    !name.isEmpty && !name.utf8.contains(UInt8(ascii: "."))
      && module.split(separator: ".", omittingEmptySubsequences: false).allSatisfy { !$0.isEmpty }
  }
}
