/// What a pickle may call and mention, beyond the plain containers of ``BuiltInGlobal`` that the machine understands.
///
/// Whatever is allowed stays a description: nothing is imported, called or made.
public struct PicklePolicy: Sendable {
  /// The functions and classes that may be called; a call is kept as ``Pickle/Value/call(_:)``.
  public var callables: Set<GlobalName>
  /// Those of ``callables`` whose result may be given a state, of any shape.
  public var callablesWithState: Set<GlobalName>
  /// The classes whose instances may be given a tuple as their state, beside the plain dict that any class may have.
  public var classesWithTupleState: Set<GlobalName>
  /// The outermost packages whose functions may be mentioned, as `torch`.
  public var knownPackages: Set<String>

  /// A policy. Without arguments it allows plain containers, and classes made without arguments.
  public init(
    callables: Set<GlobalName> = [], callablesWithState: Set<GlobalName> = [],
    classesWithTupleState: Set<GlobalName> = [], knownPackages: Set<String> = []
  ) {
    self.callables = callables
    self.callablesWithState = callablesWithState
    self.classesWithTupleState = classesWithTupleState
    self.knownPackages = knownPackages
  }
}

extension PicklePolicy {
  /// Whether `name` is one that the policy lists, whatever its module.
  func lists(_ name: GlobalName) -> Bool {
    callables.contains(name) || classesWithTupleState.contains(name)
  }
}
