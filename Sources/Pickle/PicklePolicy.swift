/// What a pickle may call and mention, beyond the plain containers of `BuiltInGlobal` that the machine understands.
///
/// Whatever is allowed stays a description: nothing is imported, called or made.
public struct PicklePolicy: Sendable {
  /// The functions and classes that may be called; a call is kept as `Value.call(_:)`.
  public var callables: Set<GlobalName>
  /// Those of ``callables`` whose result may be given a state, of any shape.
  public var callablesWithState: Set<GlobalName>
  /// The classes whose instances may be given a tuple as their state, beside the plain dict that any class may have.
  public var classesWithTupleState: Set<GlobalName>
  /// The outermost packages whose functions may be mentioned, as `torch`; none of them of Python's standard library.
  public var knownPackages: Set<String>
  /// Whether an instance may be made of a persistent id that is a tuple around a class, as of the class itself. The class is
  /// the tuple's first or second element.
  public var unwrapsClasses: Bool

  /// A policy. Without arguments it allows plain containers, and classes made without arguments.
  public init(
    callables: Set<GlobalName> = [], callablesWithState: Set<GlobalName> = [],
    classesWithTupleState: Set<GlobalName> = [], knownPackages: Set<String> = [],
    unwrapsClasses: Bool = false
  ) {
    self.callables = callables
    self.callablesWithState = callablesWithState
    self.classesWithTupleState = classesWithTupleState
    self.knownPackages = knownPackages
    self.unwrapsClasses = unwrapsClasses
  }
}

extension PicklePolicy {
  /// Whether `name` is one that the policy lists, whatever its module.
  func lists(_ name: GlobalName) -> Bool {
    callables.contains(name) || classesWithTupleState.contains(name)
  }
}
