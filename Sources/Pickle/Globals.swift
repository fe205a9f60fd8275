internal import ResectBytes

/// The classes and functions that the pickle has mentioned so far, and what each turned out to be.
struct Globals {
  struct Record {
    let name: GlobalName
    /// The one node of the name.
    let id: ValueID
    /// Where it was mentioned first.
    let offset: Int
    let builtIn: BuiltInGlobal?
    /// Whether the policy lets it be called.
    let isCallable: Bool
    /// Whether an instance was made of it.
    var isClass = false
  }

  /// By the index in the arena's globals.
  private(set) var records: [Record] = []
  /// Where the present instruction begins.
  var offset = 0
  private var indices: [GlobalName: Int] = [:]
  private var mentions = 0

  /// The node of `name`. Refuses at once what is in no case data.
  mutating func mention(
    _ name: GlobalName, _ policy: PicklePolicy, in arena: inout Arena
  ) throws(ResectError) -> ValueID {
    mentions += 1
    guard mentions <= Limits.pickleGlobals else {
      throw .tooMany("mentions of classes", Limits.pickleGlobals)
    }
    if let index = indices[name] { return records[index].id }
    guard name.isPlain else { throw .reachesThrough(name) }
    let builtIn = BuiltInGlobal.table[name]
    // The table of the standard library is large: most names are known before it is needed.
    guard
      builtIn != nil || policy.lists(name) || policy.knownPackages.contains(String(name.package))
        || !StandardLibrary.contains(name)
    else { throw .mentions(name) }
    let id = try arena.makeGlobal(name)
    indices[name] = records.count
    records.append(
      Record(
        name: name, id: id, offset: offset, builtIn: builtIn,
        isCallable: policy.callables.contains(name)))
    return id
  }

  /// Notes that an instance was made of the class, so that it is one whatever its name looks like.
  mutating func noteClass(_ index: UInt32) { records[Int(index)].isClass = true }

  /// Refuses mentions of functions of unknown packages. Possible only at the end: a class may have a lower-case name.
  func refuseMentions(_ policy: PicklePolicy) throws(ResectError) {
    for record in records {
      let isInert =
        record.isClass || record.builtIn != nil || record.name.looksLikeClass
        || policy.lists(record.name) || policy.knownPackages.contains(String(record.name.package))
      guard isInert else {
        var error = ResectError.mentions(record.name)
        error.offset = UInt64(record.offset)
        throw error
      }
    }
  }
}
